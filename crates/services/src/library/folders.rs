//! Folders: made, removed with all that is in them, and documents moved between them.
use std::collections::HashSet;

use carrel_domain::audit::By;
use carrel_domain::catalogue::Move;
use carrel_domain::{DocumentPath, Error, Folder, Result};
use chrono::Utc;
use serde_json::json;

use super::Library;

/// What becomes of documents that are in workspaces when they are to be moved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placed {
    /// They move, and stay in their workspaces.
    Move,
    /// They stay where they are.
    Stay,
}

/// The most documents that are moved at once.
const MOST_MOVES: usize = 10_000;

impl Library {
    /// [`Error::AlreadyExists`] when there is one of that name.
    pub async fn create_folder(&self, folder: &Folder, by: &By) -> Result<()> {
        let event =
            by.event("api_folder_created", json!({ "folder": folder.as_str() }).to_string());
        self.catalogue.create_folder(folder, event).await
    }

    /// Removes a folder and its documents everywhere; how many those were, `None` when there is no
    /// such folder. The default folder is refused.
    pub async fn remove_folder(&self, folder: Folder, by: &By) -> Result<Option<usize>> {
        if folder.is_default() {
            return Err(Error::invalid("name", "this folder cannot be removed"));
        }
        let library = self.clone();
        let event =
            by.event("api_folder_removed", json!({ "folder": folder.as_str() }).to_string());
        let remove = async move {
            let Some(removed) = library.catalogue.remove_folder(&folder, event).await? else {
                return Ok(None);
            };
            library.forget(&removed).await?;
            Ok(Some(removed.len()))
        };
        tokio::spawn(remove).await.map_err(Error::internal)?
    }

    /// Moves documents, all or none; how many of them stayed where they are because they are in a
    /// workspace. Nothing is overwritten.
    pub async fn move_documents(
        &self,
        mut moves: Vec<Move>,
        placed: Placed,
        by: &By,
    ) -> Result<usize> {
        check(&moves)?;
        let asked = moves.len();
        if placed == Placed::Stay {
            let from: Vec<DocumentPath> = moves.iter().map(|each| each.from.clone()).collect();
            let stay: HashSet<_> = self.catalogue.placed(&from).await?.into_iter().collect();
            moves.retain(|each| !stay.contains(&each.from));
        }
        let stayed = asked - moves.len();
        self.check_ends(&moves).await?;
        moves.retain(|each| each.from != each.to);
        if moves.is_empty() {
            return Ok(stayed);
        }
        let (library, by) = (self.clone(), by.clone());
        let work = async move { library.carry_out(&moves, &by).await };
        tokio::spawn(work).await.map_err(Error::internal)??;
        Ok(stayed)
    }

    /// Refuses what cannot succeed before any file is copied.
    async fn check_ends(&self, moves: &[Move]) -> Result<()> {
        let ends: Vec<_> = moves.iter().flat_map(|each| [&each.from, &each.to]).cloned().collect();
        let known: HashSet<_> = self.catalogue.known(&ends).await?.into_iter().collect();
        let mut folders = HashSet::new();
        for Move { from, to } in moves {
            if !known.contains(from) {
                return Err(Error::not_found("document", from));
            }
            if from != to && known.contains(to) {
                return Err(Error::AlreadyExists { kind: "document", key: to.to_string() });
            }
            if folders.insert(to.folder()) {
                let folder = Folder::parse(to.folder())?;
                let there = self.catalogue.documents_in(&folder).await?;
                there.ok_or_else(|| Error::not_found("folder", &folder))?;
            }
        }
        Ok(())
    }

    async fn carry_out(&self, moves: &[Move], by: &By) -> Result<()> {
        let mut copied = Vec::with_capacity(moves.len());
        let moved = self.copy_and_commit(moves, &mut copied, by).await;
        match &moved {
            Ok(()) => {
                for Move { from, .. } in moves {
                    self.discard_file(from).await?;
                }
            }
            Err(_) => self.settle_files(&copied).await,
        }
        moved
    }

    async fn copy_and_commit(
        &self,
        moves: &[Move],
        copied: &mut Vec<DocumentPath>,
        by: &By,
    ) -> Result<()> {
        let to: Vec<DocumentPath> = moves.iter().map(|each| each.to.clone()).collect();
        self.documents.expect_files(&to, Utc::now()).await?;
        for Move { from, to } in moves {
            self.files.copy(from, to).await?;
            copied.push(to.clone());
        }
        let said =
            |each: &Move| json!({ "from": each.from.to_string(), "to": each.to.to_string() });
        let files: Vec<_> = moves.iter().map(said).collect();
        let event = by.event("api_documents_moved", json!({ "files": files }).to_string());
        self.catalogue.relocate(moves, event).await
    }
}

fn check(moves: &[Move]) -> Result<()> {
    let wrong = |reason| Err(Error::invalid("files", reason));
    if moves.len() > MOST_MOVES {
        return wrong("must not be more than 10,000");
    }
    let (mut from, mut to) = (HashSet::new(), HashSet::new());
    if !moves.iter().all(|each| from.insert(&each.from) && to.insert(&each.to)) {
        return wrong("must not name a path twice");
    }
    Ok(())
}
