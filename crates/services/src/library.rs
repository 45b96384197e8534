//! The library: every document, in folders. Handles removal, moves and cleanup after crashes.
//! Documents are added by [`crate::ingestion`] and indexed by [`crate::jobs`].
mod folders;
mod listing;

use std::collections::BTreeMap;
use std::sync::Arc;

use carrel_domain::audit::{Actor, By};
use carrel_domain::document::{Document, DocumentFiles, Extractor};
use carrel_domain::folder::{Folders, ListedDocument};
use carrel_domain::library::{Documents, RemovedDocument, WorkspaceDocuments};
use carrel_domain::model::Tokenizer;
use carrel_domain::upload::{UploadId, Uploads};
use carrel_domain::vector::VectorIndex;
use carrel_domain::workspace::Workspace;
use carrel_domain::{
    DocumentId, DocumentPath, Error, Folder, Result, WorkspaceDocumentId, WorkspaceId,
};
use chrono::{DateTime, Utc};
use futures_util::Stream;
use serde_json::json;

pub use folders::MovePolicy;
pub use listing::{FIRST_PAGE_LEN, ListEntry};

use crate::background::BackgroundTasks;
use crate::indexer::Indexer;
use crate::originals::Originals;
use crate::pending_recordings::PendingRecordings;
use crate::speech::SpeechMeter;

/// The number of documents removed per transaction when an upload is rolled back.
const ROLLBACK_BATCH: u32 = 64;

/// Manages the documents of the server. Cheap to clone.
#[derive(Clone)]
pub struct Library {
    /// The store of documents.
    pub documents: Arc<dyn Documents>,
    /// Stores documents in pieces, with the jobs that index them.
    pub uploads: Arc<dyn Uploads>,
    /// Folders and lists of documents.
    pub folders: Arc<dyn Folders>,
    /// Documents in workspaces.
    pub workspace_documents: Arc<dyn WorkspaceDocuments>,
    /// The document files.
    pub files: Arc<dyn DocumentFiles>,
    /// The originals.
    pub originals: Originals,
    /// Extracts text from files.
    pub extractor: Arc<dyn Extractor>,
    /// Recordings to be transcribed by jobs.
    pub recordings: PendingRecordings,
    /// Counts and limits transcription.
    pub speech: SpeechMeter,
    /// Counts tokens.
    pub tokenizer: Arc<dyn Tokenizer>,
    /// The vector index, updated when documents are removed.
    pub index: Arc<dyn VectorIndex>,
    /// Splits and embeds texts.
    pub indexer: Indexer,
    /// Runs changes that must continue after their request ends.
    pub tasks: BackgroundTasks,
}

/// Paths that could not be added, with reasons.
pub type Failures = Vec<(String, String)>;

impl Library {
    /// Removes documents from a workspace. They stay in the library.
    pub async fn withdraw(
        &self,
        workspace: &Workspace,
        paths: &[DocumentPath],
        by: &By,
    ) -> Result<()> {
        let names: Vec<_> = paths.iter().map(ToString::to_string).collect();
        let details = json!({ "workspaceName": workspace.settings.name, "documents": names });
        let event = by.event("workspace_documents_removed", details.to_string());
        let removed = self.workspace_documents.withdraw(workspace.id, paths, event).await?;
        self.index.remove(workspace.id, &removed).await
    }

    /// Returns the text of a document at its current path.
    pub async fn text_of(&self, id: DocumentId) -> Result<Option<String>> {
        let Some(document) = self.folders.by_id(id).await? else { return Ok(None) };
        self.text_at(&document).await
    }

    /// Returns the text of a listed document.
    pub async fn text_at(&self, document: &ListedDocument) -> Result<Option<String>> {
        self.files.text(&document.path()?).await
    }

    /// Streams every folder followed by its documents, the default folder first, others by name.
    /// Concurrent changes may be missed, but no document is listed twice unless it is moved.
    pub async fn list_all(
        &self,
    ) -> Result<impl Stream<Item = Result<Vec<ListEntry>>> + Send + 'static> {
        listing::list_all(Arc::clone(&self.folders)).await
    }

    /// Streams the documents of a folder after the name `after`.
    pub fn list_after(
        &self,
        folder: Folder,
        after: Option<String>,
    ) -> impl Stream<Item = Result<Vec<ListedDocument>>> + Send + 'static {
        listing::list_after(Arc::clone(&self.folders), folder, after)
    }

    /// Removes documents everywhere: rows, passages, vectors and files. Ignores paths without a
    /// document. Returns the removed documents.
    pub async fn remove(&self, paths: Vec<DocumentPath>, by: &By) -> Result<Vec<RemovedDocument>> {
        let library = self.clone();
        let names: Vec<_> = paths.iter().map(ToString::to_string).collect();
        let event = by.event("api_documents_removed", json!({ "documents": names }).to_string());
        let remove = async move {
            let removed = library.documents.remove(&paths, event).await?;
            library.forget(&removed).await?;
            Ok(removed)
        };
        self.tasks.spawn(remove).await.map_err(Error::internal)?
    }

    /// Removes documents from the index and deletes their files, after their rows are removed.
    pub(crate) async fn forget(&self, removed: &[RemovedDocument]) -> Result<()> {
        let mut removed_ids: BTreeMap<WorkspaceId, Vec<WorkspaceDocumentId>> = BTreeMap::new();
        for (workspace, place) in removed.iter().flat_map(|removed| &removed.places) {
            removed_ids.entry(*workspace).or_default().push(*place);
        }
        for (workspace, places) in removed_ids {
            self.index.remove(workspace, &places).await?;
        }
        for RemovedDocument { path, .. } in removed {
            self.discard_file(path).await?;
        }
        self.originals.delete_released().await;
        Ok(())
    }

    /// Cleans up after crashes. Deletes pending files recorded before `before` that belong to no
    /// document, which remain if a process dies between writing a file and committing its row, or
    /// between removing a row and deleting its file. Rolls back uploads that began before `before`
    /// and were never finished. Returns the number of files and uploads processed.
    pub async fn reconcile(&self, before: DateTime<Utc>) -> Result<usize> {
        let uploads = self.uploads.unfinished(before).await?;
        for upload in &uploads {
            self.roll_back(*upload, &By { actor: Actor::Server, address: None, at: Utc::now() })
                .await;
        }
        let pending_files = self.documents.pending_files(before).await?;
        for (path, is_known) in &pending_files {
            match is_known {
                true => self.documents.reconcile(path).await?,
                false => self.reconcile_file(path).await?,
            }
        }
        // Runs last, because rolling back an upload releases its original.
        let originals = self.originals.reconcile(before).await?;
        Ok(pending_files.len() + uploads.len() + originals)
    }

    /// Removes what an upload has stored so far. Failures are logged, and the cleanup repeats them
    /// later.
    pub(crate) async fn roll_back(&self, upload: UploadId, by: &By) {
        if let Err(error) = self.roll_back_upload(upload, by).await {
            tracing::warn!(upload = %upload.0, "failed to undo an upload: {error}");
        }
    }

    async fn roll_back_upload(&self, upload: UploadId, by: &By) -> Result<()> {
        loop {
            let details = json!({ "upload": upload.0.to_string() });
            let event = by.event("upload_undone", details.to_string());
            match self.uploads.roll_back(upload, ROLLBACK_BATCH, event).await? {
                Some(removed) => self.forget(&removed).await?,
                None => return Ok(()),
            }
        }
    }

    /// Writes the files of documents to be stored next. If one fails, deletes the others.
    pub(crate) async fn write_files(
        &self,
        documents: &[(Document, String)],
    ) -> Result<Vec<DocumentPath>> {
        let paths: Vec<DocumentPath> =
            documents.iter().map(|(document, _)| document.path.clone()).collect();
        // Record the time of writing. The time of the request may be so long ago that a cleanup
        // would delete the files.
        self.documents.record_intent(&paths, Utc::now()).await?;
        for (document, text) in documents {
            if let Err(error) = self.files.put(document, text).await {
                self.reconcile_files(&paths).await;
                return Err(error);
            }
        }
        Ok(paths)
    }

    /// Deletes the files of a failed operation, unless it was committed after all: a connection can
    /// break before the database responds. On failure, the files stay recorded as pending.
    pub(crate) async fn reconcile_files(&self, paths: &[DocumentPath]) {
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

    pub(crate) async fn discard_file(&self, path: &DocumentPath) -> Result<()> {
        self.files.delete(path).await?;
        self.documents.reconcile(path).await
    }
}

/// Returns the message for a failure that does not fail the whole request.
pub(crate) fn explain(error: &Error) -> String {
    if let Error::Internal(cause) = error {
        tracing::error!(
            error = &**cause as &(dyn std::error::Error + 'static),
            "failed to embed a document"
        );
    }
    error.to_string()
}

#[cfg(test)]
mod tests;
