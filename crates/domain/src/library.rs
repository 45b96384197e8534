//! The library: documents, the workspaces they are placed in, and their passages there.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::document::Document;
use crate::{ChunkId, DocumentPath, Result, WorkspaceDocumentId, WorkspaceId};

/// A chunk of a document's text and its vector, ready to be stored.
#[derive(Clone, Debug)]
pub struct NewPassage {
    pub text: String,
    pub vector: Vec<f32>,
}

/// A document cut and embedded for one workspace.
#[derive(Clone, Debug)]
pub struct Embedded {
    pub workspace: WorkspaceId,
    /// Which model, by its identity, and which splitting made the passages:
    /// `Xenova/all-MiniLM-L6-v2 1000+20`. When the configured ones differ, the passages are stale.
    pub recipe: String,
    /// In the order of the text.
    pub passages: Vec<NewPassage>,
}

/// A document's place in a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceDocument {
    pub id: WorkspaceDocumentId,
    pub workspace: WorkspaceId,
    pub document: Document,
    /// What clients call `docId`: new each time a document is placed.
    pub key: uuid::Uuid,
    pub pinned: bool,
    pub watched: bool,
    pub recipe: String,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A passage and the document it is from.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    pub chunk: ChunkId,
    pub place: WorkspaceDocumentId,
    /// The passage's number within the document, from 0.
    pub ordinal: i32,
    pub text: String,
    pub document: Document,
}

/// Where documents are known. Each method is one transaction.
///
/// Files cannot take part in a transaction. So before a file is written and after its document is
/// removed, its path is noted as *unsettled*: the file may exist without a document. Whoever finds
/// such a note later, also after a crash, compares it with the documents and deletes the file.
#[async_trait]
pub trait Documents: Send + Sync {
    /// Notes that a file is about to be written at `path`.
    async fn expect_file(&self, path: &DocumentPath, now: DateTime<Utc>) -> Result<()>;
    /// Makes the document known, places it in workspaces, and settles its file.
    /// [`crate::Error::NotFound`] when a workspace has gone meanwhile.
    async fn create(
        &self,
        document: Document,
        places: Vec<Embedded>,
        event: Event,
    ) -> Result<Vec<WorkspaceDocument>>;
    async fn by_path(&self, path: &DocumentPath) -> Result<Option<Document>>;
    /// Removes documents with every trace of them in every workspace and notes their files as
    /// unsettled. Paths that name no document are passed over; what was removed is returned.
    async fn remove(&self, paths: &[DocumentPath], event: Event) -> Result<Vec<Removed>>;
    /// Unsettled paths noted before `before`, with whether a document is known there.
    async fn unsettled(&self, before: DateTime<Utc>) -> Result<Vec<(DocumentPath, bool)>>;
    /// Forgets the note.
    async fn settle(&self, path: &DocumentPath) -> Result<()>;
}

/// A document that was removed, and where it had been placed.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    pub path: DocumentPath,
    pub places: Vec<(WorkspaceId, WorkspaceDocumentId)>,
}

/// Which documents are in which workspace. They are placed by jobs ([`crate::job`]). Each method is
/// one transaction, which writes the event if it changes anything.
#[async_trait]
pub trait Placements: Send + Sync {
    /// Takes documents out of a workspace; paths not placed there are passed over.
    async fn withdraw(
        &self,
        workspace: WorkspaceId,
        paths: &[DocumentPath],
        event: Event,
    ) -> Result<Vec<WorkspaceDocumentId>>;
    /// Documents of a workspace, in the order they were placed.
    async fn in_workspace(&self, workspace: WorkspaceId) -> Result<Vec<WorkspaceDocument>>;
    /// How many documents each workspace has; those without any are left out.
    async fn counts(&self) -> Result<Vec<(WorkspaceId, u64)>>;
    /// Passages with their documents, in the order of `chunks`; chunks that are gone, or belong to
    /// another workspace, are left out.
    async fn passages(&self, workspace: WorkspaceId, chunks: &[ChunkId]) -> Result<Vec<Passage>>;
}
