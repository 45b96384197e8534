//! Taking documents out of the library, and tidying up after a crash.
use std::collections::BTreeMap;

use carrel_domain::audit::By;
use carrel_domain::library::RemovedDocument;
use carrel_domain::{DocumentPath, Error, Result, WorkspaceDocumentId, WorkspaceId};
use chrono::{DateTime, Utc};
use serde_json::json;

use super::Library;

impl Library {
    /// Removes documents everywhere: rows, passages, vectors and files. Paths that name no
    /// document are passed over; what was removed is returned.
    pub async fn remove(&self, paths: Vec<DocumentPath>, by: &By) -> Result<Vec<RemovedDocument>> {
        let library = self.clone();
        let named: Vec<_> = paths.iter().map(ToString::to_string).collect();
        let event = by.event("api_documents_removed", json!({ "documents": named }).to_string());
        let remove = async move {
            let removed = library.documents.remove(&paths, event).await?;
            library.forget(&removed).await?;
            Ok(removed)
        };
        tokio::spawn(remove).await.map_err(Error::internal)?
    }

    /// Takes documents whose rows are gone out of the index, and their files away.
    pub(super) async fn forget(&self, removed: &[RemovedDocument]) -> Result<()> {
        let mut gone: BTreeMap<WorkspaceId, Vec<WorkspaceDocumentId>> = BTreeMap::new();
        for (workspace, place) in removed.iter().flat_map(|removed| &removed.places) {
            gone.entry(*workspace).or_default().push(*place);
        }
        for (workspace, places) in gone {
            self.index.remove(workspace, &places).await?;
        }
        for RemovedDocument { path, .. } in removed {
            self.discard_file(path).await?;
        }
        Ok(())
    }

    /// Deletes files noted before `before` that no document owns: left by a crash between the
    /// writing of a file and the commit of its row, or between the removal of a row and that of
    /// its file. Returns how many notes were settled.
    pub async fn reconcile(&self, before: DateTime<Utc>) -> Result<usize> {
        let pending_files = self.documents.pending_files(before).await?;
        for (path, is_known) in &pending_files {
            match is_known {
                true => self.documents.reconcile(path).await?,
                false => self.reconcile_file(path).await?,
            }
        }
        Ok(pending_files.len())
    }

    /// Deletes files of what has failed, unless it was committed after all: a connection may be lost
    /// before the database can say so. What cannot be settled now is noted still.
    pub(super) async fn reconcile_files(&self, paths: &[DocumentPath]) {
        for path in paths {
            if let Err(error) = self.reconcile_file(path).await {
                tracing::warn!(%path, "failed to reconcile a file: {error}");
            }
        }
    }

    async fn reconcile_file(&self, path: &DocumentPath) -> Result<()> {
        match self.documents.by_path(path).await? {
            Some(_) => self.documents.reconcile(path).await,
            None => self.discard_file(path).await,
        }
    }

    pub(super) async fn discard_file(&self, path: &DocumentPath) -> Result<()> {
        self.files.delete(path).await?;
        self.documents.reconcile(path).await
    }
}
