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
    pub text: String,
    /// Where it stands in the document's text, if that is known.
    pub span: Option<Span>,
    pub provenance: Provenance,
    pub vector: Vec<f32>,
}

/// A document cut and embedded for one workspace.
#[derive(Clone, Debug)]
pub struct IndexedDocument {
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
    pub document: Document,
    pub places: Vec<IndexedDocument>,
    pub event: Event,
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
    /// Where it stands in the document's text; unknown of passages that early versions made.
    pub span: Option<Span>,
    pub provenance: Provenance,
    pub text: String,
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
    async fn by_path(&self, path: &DocumentPath) -> Result<Option<Document>>;
    /// The documents that have this in common, by folder and name, each with its workspaces. Of
    /// many that were made of one content, the first of each part of it.
    async fn related(&self, to: &RelatedDocuments) -> Result<Vec<(Document, Vec<WorkspaceId>)>>;
    /// Puts documents in the place of `old` ones. A new document takes over the id of the old one
    /// that is the same part, and its marks and key in each workspace; the rest of the old ones is
    /// removed. Their files are noted as unsettled and the new ones settled.
    ///
    /// `None`, and nothing is changed, when the key has other documents than the `old` ones by
    /// now, or any of them is in a workspace that a new one is not embedded for.
    async fn replace(
        &self,
        key: &str,
        old: &[DocumentPath],
        new: Vec<(Document, Vec<IndexedDocument>)>,
        event: Event,
    ) -> Result<Option<Replacement>>;
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

/// What a replacement did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Replacement {
    /// The new documents, in the order they were given, with the ids they have now.
    pub documents: Vec<Document>,
    pub placed: Vec<(WorkspaceId, WorkspaceDocumentId)>,
    pub gone: Vec<(WorkspaceId, WorkspaceDocumentId)>,
}

/// A document that was removed, and where it had been placed.
#[derive(Clone, Debug, PartialEq)]
pub struct RemovedDocument {
    pub path: DocumentPath,
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
    async fn placed_in(
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
