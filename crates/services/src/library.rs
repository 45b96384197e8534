//! The library: every document, in folders; their removal from everywhere, and order after a crash.
//! Documents come in by [`crate::ingestion`] and are indexed by [`crate::jobs`].
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
pub use listing::{FIRST as LISTED_FIRST, ListEntry};

use crate::background::BackgroundTasks;
use crate::indexer::Indexer;
use crate::originals::Originals;
use crate::pending_recordings::PendingRecordings;
use crate::speech::SpeechMeter;

/// How many documents of an upload are removed in one transaction.
const UNDONE: u32 = 64;

/// Keeps documents and takes them out. Cheap to clone.
#[derive(Clone)]
pub struct Library {
    /// The store of documents.
    pub documents: Arc<dyn Documents>,
    /// Stores documents in pieces, with the jobs that index them.
    pub uploads: Arc<dyn Uploads>,
    /// Lists and folders.
    pub folders: Arc<dyn Folders>,
    /// Documents in workspaces.
    pub workspace_documents: Arc<dyn WorkspaceDocuments>,
    /// The texts, a file each.
    pub files: Arc<dyn DocumentFiles>,
    /// The files that documents were made of.
    pub originals: Originals,
    /// Makes text of files.
    pub extractor: Arc<dyn Extractor>,
    /// Recordings that jobs are to transcribe.
    pub recordings: PendingRecordings,
    /// Counts and limits what is transcribed.
    pub speech: SpeechMeter,
    /// Counts tokens.
    pub tokenizer: Arc<dyn Tokenizer>,
    /// Finds passages; told of what was removed.
    pub index: Arc<dyn VectorIndex>,
    /// Splits and embeds.
    pub indexer: Indexer,
    /// Runs changes that must not end with the request that began them.
    pub tasks: BackgroundTasks,
}

/// Paths that could not be placed, each with the reason.
pub type Failures = Vec<(String, String)>;

impl Library {
    /// Takes documents out of a workspace; they stay in the library.
    pub async fn withdraw(
        &self,
        workspace: &Workspace,
        paths: &[DocumentPath],
        by: &By,
    ) -> Result<()> {
        let named: Vec<_> = paths.iter().map(ToString::to_string).collect();
        let details = json!({ "workspaceName": workspace.settings.name, "documents": named });
        let event = by.event("workspace_documents_removed", details.to_string());
        let gone = self.workspace_documents.withdraw(workspace.id, paths, event).await?;
        self.index.remove(workspace.id, &gone).await
    }

    /// The text of a document, wherever it lies by now.
    pub async fn text_of(&self, id: DocumentId) -> Result<Option<String>> {
        let Some(found) = self.folders.by_id(id).await? else { return Ok(None) };
        self.text_at(&found).await
    }

    /// The text of a document that was listed.
    pub async fn text_at(&self, found: &ListedDocument) -> Result<Option<String>> {
        self.files.text(&found.path()?).await
    }

    /// Every folder followed by its documents, in pieces: the default one first, the others by
    /// name. What changes meanwhile may be in it or not, but no document comes twice, unless it
    /// is moved.
    pub async fn everything(
        &self,
    ) -> Result<impl Stream<Item = Result<Vec<ListEntry>>> + Send + 'static> {
        listing::everything(Arc::clone(&self.folders)).await
    }

    /// The documents of a folder after the name `after`, in pieces.
    pub fn list_after(
        &self,
        folder: Folder,
        after: Option<String>,
    ) -> impl Stream<Item = Result<Vec<ListedDocument>>> + Send + 'static {
        listing::list_after(Arc::clone(&self.folders), folder, after)
    }

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
        self.tasks.spawn(remove).await.map_err(Error::internal)?
    }

    /// Takes documents whose rows are gone out of the index, and their files away.
    pub(crate) async fn forget(&self, removed: &[RemovedDocument]) -> Result<()> {
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
        self.originals.delete_released().await;
        Ok(())
    }

    /// Deletes files noted before `before` that no document owns: left by a crash between the
    /// writing of a file and the commit of its row, or between the removal of a row and that of
    /// its file. Undoes uploads that began before and were never finished. Returns how many notes and
    /// uploads were settled.
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
        // Last, since an upload that was undone has released its original.
        let originals = self.originals.reconcile(before).await?;
        Ok(pending_files.len() + uploads.len() + originals)
    }

    /// Removes what an upload has stored so far. What cannot be removed now is removed later.
    pub(crate) async fn roll_back(&self, upload: UploadId, by: &By) {
        if let Err(error) = self.try_to_roll_back(upload, by).await {
            tracing::warn!(upload = %upload.0, "failed to undo an upload: {error}");
        }
    }

    async fn try_to_roll_back(&self, upload: UploadId, by: &By) -> Result<()> {
        loop {
            let details = json!({ "upload": upload.0.to_string() });
            let event = by.event("upload_undone", details.to_string());
            match self.uploads.roll_back(upload, UNDONE, event).await? {
                Some(removed) => self.forget(&removed).await?,
                None => return Ok(()),
            }
        }
    }

    /// Writes files whose documents are to become known next; none if one cannot be written.
    pub(crate) async fn write_files(
        &self,
        made: &[(Document, String)],
    ) -> Result<Vec<DocumentPath>> {
        let paths: Vec<DocumentPath> =
            made.iter().map(|(document, _)| document.path.clone()).collect();
        // The time at which they are written: that of the request may be long past, and what was
        // noted then would count as left over.
        self.documents.record_intent(&paths, Utc::now()).await?;
        for (document, text) in made {
            if let Err(error) = self.files.put(document, text).await {
                self.reconcile_files(&paths).await;
                return Err(error);
            }
        }
        Ok(paths)
    }

    /// Deletes files of what has failed, unless it was committed after all: a connection may be lost
    /// before the database can say so. What cannot be settled now is noted still.
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
