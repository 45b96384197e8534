//! The library: documents, the workspaces that contain them, and their passages there.
use std::borrow::Cow;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::document::{Document, Span};
use crate::provenance::Provenance;
use crate::{ChunkId, DocumentPath, Folder, Result, WorkspaceDocumentId, WorkspaceId};

/// A chunk with its vector, ready to be stored.
#[derive(Clone, Debug)]
pub struct NewPassage {
    /// The text that is embedded and shown.
    pub text: String,
    /// The position in the document's text, if known.
    pub span: Option<Span>,
    /// The headings above the passage and its location in the original.
    pub provenance: Provenance,
    /// The embedding. All vectors of a workspace have the same length.
    pub vector: Vec<f32>,
}

/// A document split and embedded for one workspace.
#[derive(Clone, Debug)]
pub struct IndexedDocument {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The identity of the embedder and the splitter settings: `Xenova/all-MiniLM-L6-v2 1000+20`.
    /// The passages are stale if the current recipe differs.
    pub recipe: String,
    /// The passages, in text order.
    pub passages: Vec<NewPassage>,
}

/// A document to be stored, with its workspaces and its audit event.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// The document.
    pub document: Document,
    /// The workspaces to add the document to. It must not be in any of them.
    pub places: Vec<IndexedDocument>,
    /// The audit event.
    pub event: Event,
}

/// A document in a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceDocument {
    /// The id. Indexing the document again assigns a new one.
    pub id: WorkspaceDocumentId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The document.
    pub document: Document,
    /// The `docId` in the API. Adding the document to a workspace again creates a new one.
    pub key: uuid::Uuid,
    /// Whether it is included in full with every question.
    pub pinned: bool,
    /// Whether a client has marked the document as watched. The server does not act on it.
    pub watched: bool,
    /// See [`IndexedDocument::recipe`]. Stale passages have another recipe.
    pub recipe: String,
    /// The time the document was added to the workspace.
    pub created_at: DateTime<Utc>,
    /// The time its passages were last built.
    pub updated_at: DateTime<Utc>,
}

/// A passage and its document.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// The id of the passage, also in vector indexes.
    pub chunk: ChunkId,
    /// The workspace document it belongs to.
    pub place: WorkspaceDocumentId,
    /// The index of the passage within the document, from 0.
    pub ordinal: i32,
    /// The position in the document's text. Absent for passages made by early versions.
    pub span: Option<Span>,
    /// The headings above the passage and its location in the original.
    pub provenance: Provenance,
    /// The text.
    pub text: String,
    /// The document.
    pub document: Document,
}

impl Passage {
    /// Returns the title and headings, which are indexed along with the text.
    pub fn title_and_headings(&self) -> Cow<'_, str> {
        self.provenance.title_and_headings(&self.document.title, &self.text)
    }
}

/// Stores documents. Each method is one transaction.
///
/// Files cannot take part in a transaction. Therefore a path is recorded as *pending* before its
/// file is written and after its document is removed. A later cleanup, also after a crash, compares
/// pending paths with the documents and deletes orphaned files.
#[async_trait]
pub trait Documents: Send + Sync {
    /// Records that files are about to be written at `paths`. The operation must complete within an
    /// hour, after which a cleanup treats paths recorded at `now` as orphaned.
    async fn record_intent(&self, paths: &[DocumentPath], now: DateTime<Utc>) -> Result<()>;
    /// Stores documents, adds them to workspaces and settles their files, all or none.
    /// [`crate::Error::NotFound`] if a workspace no longer exists.
    async fn create_all(&self, new: Vec<NewDocument>) -> Result<Vec<WorkspaceDocument>>;
    /// Stores a single document. See [`Documents::create_all`].
    async fn create(
        &self,
        document: Document,
        places: Vec<IndexedDocument>,
        event: Event,
    ) -> Result<Vec<WorkspaceDocument>> {
        self.create_all(vec![NewDocument { document, places, event }]).await
    }
    /// Adds a stored document to the given workspaces that do not contain it yet.
    async fn add_to_workspaces(
        &self,
        path: &DocumentPath,
        places: Vec<IndexedDocument>,
        event: Event,
    ) -> Result<Vec<(WorkspaceId, WorkspaceDocumentId)>>;
    /// Returns the document at a path, if it exists.
    async fn by_path(&self, path: &DocumentPath) -> Result<Option<Document>>;
    /// Returns related documents by folder and name, each with its workspaces. If several documents
    /// were made of the same content, returns the first for each part.
    async fn related(&self, to: &RelatedDocuments) -> Result<Vec<(Document, Vec<WorkspaceId>)>>;
    /// Removes documents from the library and all workspaces and records their files as pending.
    /// Ignores paths without a document. Returns the removed documents.
    async fn remove(&self, paths: &[DocumentPath], event: Event) -> Result<Vec<RemovedDocument>>;
    /// Returns pending paths recorded before `before`, and whether a document exists at each.
    async fn pending_files(&self, before: DateTime<Utc>) -> Result<Vec<(DocumentPath, bool)>>;
    /// Removes the record of a pending path.
    async fn reconcile(&self, path: &DocumentPath) -> Result<()>;
}

/// A property that related documents share.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelatedDocuments {
    /// The uploader's key for the upload.
    Key(String),
    /// The uploaded content, by its SHA-256, and optionally the folder.
    Content([u8; 32], Option<Folder>),
    /// The request that created the documents.
    Request([u8; 32]),
}

/// A removed document and the workspaces that contained it.
#[derive(Clone, Debug, PartialEq)]
pub struct RemovedDocument {
    /// The path of the file, which is deleted later.
    pub path: DocumentPath,
    /// The workspaces that contained the document, with its id in each.
    pub places: Vec<(WorkspaceId, WorkspaceDocumentId)>,
}

/// Stores which workspaces contain which documents. Jobs add documents ([`crate::job`]). Each
/// method is one transaction, which writes the event if it changes anything.
#[async_trait]
pub trait WorkspaceDocuments: Send + Sync {
    /// Removes documents from a workspace. Ignores paths that are not in the workspace.
    async fn withdraw(
        &self,
        workspace: WorkspaceId,
        paths: &[DocumentPath],
        event: Event,
    ) -> Result<Vec<WorkspaceDocumentId>>;
    /// Returns the documents of a workspace in the order they were added.
    async fn in_workspace(&self, workspace: WorkspaceId) -> Result<Vec<WorkspaceDocument>>;
    /// Returns the paths whose documents are in at least one of the workspaces.
    async fn paths_in_workspaces(
        &self,
        workspaces: &[WorkspaceId],
        paths: &[DocumentPath],
    ) -> Result<Vec<DocumentPath>>;
    /// Returns the number of documents of each workspace that has any.
    async fn counts(&self) -> Result<Vec<(WorkspaceId, u64)>>;
    /// Returns passages with their documents, in the order of `chunks`. Skips chunks that no longer
    /// exist or belong to another workspace.
    async fn passages(&self, workspace: WorkspaceId, chunks: &[ChunkId]) -> Result<Vec<Passage>>;
}
