//! Folders: creating and deleting them, and moving documents between them.
use std::collections::HashSet;

use carrel_domain::audit::By;
use carrel_domain::folder::DocumentMove;
use carrel_domain::{DocumentPath, Error, Folder, Result};
use chrono::Utc;
use serde_json::json;

use super::Library;

/// How to treat documents in workspaces when moving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MovePolicy {
    /// Move them. They stay in their workspaces.
    Move,
    /// Do not move them.
    Stay,
}

/// The maximum number of documents per move.
const MAX_MOVES: usize = 10_000;

impl Library {
    /// Creates a folder. [`Error::AlreadyExists`] if the name is taken.
    pub async fn create_folder(&self, folder: &Folder, by: &By) -> Result<()> {
        let event =
            by.event("api_folder_created", json!({ "folder": folder.as_str() }).to_string());
        self.folders.create_folder(folder, event).await
    }

    /// Deletes a folder and its documents everywhere and returns the number of documents, or `None`
    /// if the folder does not exist. [`Error::Invalid`] for the default folder.
    pub async fn remove_folder(&self, folder: Folder, by: &By) -> Result<Option<usize>> {
        if folder.is_default() {
            return Err(Error::invalid("name", "this folder cannot be removed"));
        }
        let library = self.clone();
        let event =
            by.event("api_folder_removed", json!({ "folder": folder.as_str() }).to_string());
        let remove = async move {
            let Some(removed) = library.folders.remove_folder(&folder, event).await? else {
                return Ok(None);
            };
            library.forget(&removed).await?;
            Ok(Some(removed.len()))
        };
        self.tasks.spawn(remove).await.map_err(Error::internal)?
    }

    /// Moves documents, all or none, without overwriting any. Returns the number of documents not
    /// moved because they are in a workspace.
    pub async fn move_documents(
        &self,
        mut moves: Vec<DocumentMove>,
        policy: MovePolicy,
        by: &By,
    ) -> Result<usize> {
        check(&moves)?;
        let requested = moves.len();
        if policy == MovePolicy::Stay {
            let from: Vec<DocumentPath> = moves.iter().map(|item| item.from.clone()).collect();
            let in_workspace: HashSet<_> =
                self.folders.in_workspaces(&from).await?.into_iter().collect();
            moves.retain(|item| !in_workspace.contains(&item.from));
        }
        let skipped = requested - moves.len();
        self.check_paths(&moves).await?;
        moves.retain(|item| item.from != item.to);
        if moves.is_empty() {
            return Ok(skipped);
        }
        let (library, by) = (self.clone(), by.clone());
        let work = async move { library.perform_moves(&moves, &by).await };
        self.tasks.spawn(work).await.map_err(Error::internal)??;
        Ok(skipped)
    }

    /// Checks the moves before any file is copied.
    async fn check_paths(&self, moves: &[DocumentMove]) -> Result<()> {
        let paths: Vec<_> = moves.iter().flat_map(|item| [&item.from, &item.to]).cloned().collect();
        let existing: HashSet<_> = self.folders.existing(&paths).await?.into_iter().collect();
        let mut folders = HashSet::new();
        for DocumentMove { from, to } in moves {
            if !existing.contains(from) {
                return Err(Error::not_found("document", from));
            }
            if from != to && existing.contains(to) {
                return Err(Error::AlreadyExists { kind: "document", key: to.to_string() });
            }
            if folders.insert(to.folder()) {
                let folder = Folder::parse(to.folder())?;
                let count = self.folders.documents_in(&folder).await?;
                count.ok_or_else(|| Error::not_found("folder", &folder))?;
            }
        }
        Ok(())
    }

    async fn perform_moves(&self, moves: &[DocumentMove], by: &By) -> Result<()> {
        let mut copies = Vec::with_capacity(moves.len());
        let result = self.copy_and_commit(moves, &mut copies, by).await;
        match &result {
            Ok(()) => {
                for DocumentMove { from, .. } in moves {
                    self.discard_file(from).await?;
                }
            }
            Err(_) => self.reconcile_files(&copies).await,
        }
        result
    }

    async fn copy_and_commit(
        &self,
        moves: &[DocumentMove],
        copies: &mut Vec<DocumentPath>,
        by: &By,
    ) -> Result<()> {
        let to: Vec<DocumentPath> = moves.iter().map(|item| item.to.clone()).collect();
        self.documents.record_intent(&to, Utc::now()).await?;
        for DocumentMove { from, to } in moves {
            self.files.copy(from, to).await?;
            copies.push(to.clone());
        }
        let details = |item: &DocumentMove| json!({ "from": item.from.to_string(), "to": item.to.to_string() });
        let files: Vec<_> = moves.iter().map(details).collect();
        let event = by.event("api_documents_moved", json!({ "files": files }).to_string());
        self.folders.relocate(moves, event).await
    }
}

fn check(moves: &[DocumentMove]) -> Result<()> {
    let invalid = |reason| Err(Error::invalid("files", reason));
    if moves.len() > MAX_MOVES {
        return invalid("must not be more than 10,000");
    }
    let (mut from, mut to) = (HashSet::new(), HashSet::new());
    if !moves.iter().all(|item| from.insert(&item.from) && to.insert(&item.to)) {
        return invalid("must not name a path twice");
    }
    Ok(())
}
