//! The library: documents, the workspaces they are placed in, and their passages there.
use std::borrow::Cow;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::document::{Document, Span};
use crate::provenance::Provenance;
use crate::{ChunkId, DocumentPath, Folder, Result, WorkspaceDocumentId, WorkspaceId};

/// A chunk of a document's text and its vector, ready to be stored.
#[derive(Clone, Debug)]
pub struct NewPassage {
    /// The text, as it is embedded and shown.
    pub text: String,
    /// Where it stands in the document's text, if that is known.
    pub span: Option<Span>,
    /// The headings above it, and its place in the original.
    pub provenance: Provenance,
    /// What the embedder made of the text. All vectors of a workspace have one length.
    pub vector: Vec<f32>,
}

/// A document cut and embedded for one workspace.
#[derive(Clone, Debug)]
pub struct IndexedDocument {
    /// The workspace it is indexed for.
    pub workspace: WorkspaceId,
    /// Which model, by its identity, and which splitting made the passages:
    /// `Xenova/all-MiniLM-L6-v2 1000+20`. When the configured ones differ, the passages are stale.
    pub recipe: String,
    /// In the order of the text.
    pub passages: Vec<NewPassage>,
}

/// A document that is to become known, with its places, and what the audit log is told of it.
#[derive(Clone, Debug)]
pub struct NewDocument {
    /// The document.
    pub document: Document,
    /// Its places, none of which exists yet.
    pub places: Vec<IndexedDocument>,
    /// What the audit log is told.
    pub event: Event,
}

/// A document's place in a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkspaceDocument {
    /// Names the place. A document that is indexed again has another one.
    pub id: WorkspaceDocumentId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The document.
    pub document: Document,
    /// What clients call `docId`: new each time a document is placed.
    pub key: uuid::Uuid,
    /// Whether it is included in full with every question.
    pub pinned: bool,
    /// Whether a client has marked it as watched. The server does nothing about it.
    pub watched: bool,
    /// See [`IndexedDocument::recipe`]; another text where the passages are stale.
    pub recipe: String,
    /// When the document was placed.
    pub created_at: DateTime<Utc>,
    /// When its passages were last made.
    pub updated_at: DateTime<Utc>,
}

/// A passage and the document it is from.
#[derive(Clone, Debug, PartialEq)]
pub struct Passage {
    /// Names the passage, also in vector indexes.
    pub chunk: ChunkId,
    /// The place it belongs to.
    pub place: WorkspaceDocumentId,
    /// The passage's number within the document, from 0.
    pub ordinal: i32,
    /// Where it stands in the document's text; unknown of passages that early versions made.
    pub span: Option<Span>,
    /// The headings above it, and its place in the original.
    pub provenance: Provenance,
    /// The text.
    pub text: String,
    /// The document it is from.
    pub document: Document,
}

impl Passage {
    /// The words by which it is found beside its own.
    pub fn title_and_headings(&self) -> Cow<'_, str> {
        self.provenance.title_and_headings(&self.document.title, &self.text)
    }
}

/// Where documents are known. Each method is one transaction.
///
/// Files cannot take part in a transaction. So before a file is written and after its document is
/// removed, its path is noted as *unsettled*: the file may exist without a document. Whoever finds
/// such a note later, also after a crash, compares it with the documents and deletes the file.
#[async_trait]
pub trait Documents: Send + Sync {
    /// Notes that files are about to be written at `paths`. What becomes of them must be settled
    /// long before others take what was noted at `now` for left over, which is after an hour.
    async fn record_intent(&self, paths: &[DocumentPath], now: DateTime<Utc>) -> Result<()>;
    /// Makes documents known, places them in workspaces, and settles their files: all of them or
    /// none. [`crate::Error::NotFound`] when a workspace has gone meanwhile.
    async fn create_all(&self, new: Vec<NewDocument>) -> Result<Vec<WorkspaceDocument>>;
    /// As [`Documents::create_all`], of a single one.
    async fn create(
        &self,
        document: Document,
        places: Vec<IndexedDocument>,
        event: Event,
    ) -> Result<Vec<WorkspaceDocument>> {
        self.create_all(vec![NewDocument { document, places, event }]).await
    }
    /// Places a known document in those of the workspaces in which it is not yet.
    async fn add_to_workspaces(
        &self,
        path: &DocumentPath,
        places: Vec<IndexedDocument>,
        event: Event,
    ) -> Result<Vec<(WorkspaceId, WorkspaceDocumentId)>>;
    /// The document at a path; `None` when there is none.
    async fn by_path(&self, path: &DocumentPath) -> Result<Option<Document>>;
    /// The documents that have this in common, by folder and name, each with its workspaces. Of
    /// many that were made of one content, the first of each part of it.
    async fn related(&self, to: &RelatedDocuments) -> Result<Vec<(Document, Vec<WorkspaceId>)>>;
    /// Removes documents with every trace of them in every workspace and notes their files as
    /// unsettled. Paths that name no document are passed over; what was removed is returned.
    async fn remove(&self, paths: &[DocumentPath], event: Event) -> Result<Vec<RemovedDocument>>;
    /// Unsettled paths noted before `before`, with whether a document is known there.
    async fn pending_files(&self, before: DateTime<Utc>) -> Result<Vec<(DocumentPath, bool)>>;
    /// Forgets the note.
    async fn reconcile(&self, path: &DocumentPath) -> Result<()>;
}

/// What documents have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RelatedDocuments {
    /// What their owner calls the upload they are from.
    Key(String),
    /// What was handed in, and the folder they are in, where that matters.
    Content([u8; 32], Option<Folder>),
    /// The request they were made by.
    Request([u8; 32]),
}

/// A document that was removed, and where it had been placed.
#[derive(Clone, Debug, PartialEq)]
pub struct RemovedDocument {
    /// Where its file lies, until that is removed.
    pub path: DocumentPath,
    /// The workspaces it was in, each with its place there.
    pub places: Vec<(WorkspaceId, WorkspaceDocumentId)>,
}

/// Which documents are in which workspace. They are placed by jobs ([`crate::job`]). Each method is
/// one transaction, which writes the event if it changes anything.
#[async_trait]
pub trait WorkspaceDocuments: Send + Sync {
    /// Takes documents out of a workspace; paths not placed there are passed over.
    async fn withdraw(
        &self,
        workspace: WorkspaceId,
        paths: &[DocumentPath],
        event: Event,
    ) -> Result<Vec<WorkspaceDocumentId>>;
    /// Documents of a workspace, in the order they were placed.
    async fn in_workspace(&self, workspace: WorkspaceId) -> Result<Vec<WorkspaceDocument>>;
    /// Those of `paths` whose documents are in at least one of the workspaces.
    async fn paths_in_workspaces(
        &self,
        workspaces: &[WorkspaceId],
        paths: &[DocumentPath],
    ) -> Result<Vec<DocumentPath>>;
    /// How many documents each workspace has; those without any are left out.
    async fn counts(&self) -> Result<Vec<(WorkspaceId, u64)>>;
    /// Passages with their documents, in the order of `chunks`; chunks that are gone, or belong to
    /// another workspace, are left out.
    async fn passages(&self, workspace: WorkspaceId, chunks: &[ChunkId]) -> Result<Vec<Passage>>;
}
