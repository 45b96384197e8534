//! Uploads: documents stored together, in transactions of bounded size.
//!
//! An upload of many parts (a mailbox, a workbook) is stored in pieces, so that other writers wait
//! for one piece at most. Until its last piece is stored, the upload is *unfinished*: if it fails
//! or its process is killed, the documents stored so far are removed.
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::audit::Event;
use crate::document::Document;
use crate::job::Job;
use crate::job::queue::LeaseRequest;
use crate::library::RemovedDocument;
use crate::{DocumentPath, JobId, Result, WorkspaceId};

/// The id of an upload while it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UploadId(pub Uuid);

/// A document to be stored, with its audit event.
#[derive(Clone, Debug)]
pub struct StoredDocument {
    /// The document. Its file is already written.
    pub document: Document,
    /// The audit event.
    pub event: Event,
}

/// Some of the documents of an upload, stored in one transaction.
#[derive(Clone, Debug)]
pub struct UploadPiece {
    /// The upload it belongs to.
    pub upload: UploadId,
    /// The documents of this piece.
    pub documents: Vec<StoredDocument>,
    /// Whether this is the first piece.
    pub is_first: bool,
    /// Whether this is the last piece.
    pub is_last: bool,
    /// The workspaces that index the documents. Identical for every piece of an upload.
    pub targets: Vec<IndexTarget>,
    /// A lease on the jobs, taken with the last piece, for a request that waits for them.
    pub lease: Option<LeaseRequest>,
}

/// A workspace that indexes the documents of an upload.
#[derive(Clone, Debug)]
pub struct IndexTarget {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// A job to add the documents to, if it still accepts some and the upload has a single piece.
    pub existing_job: Option<JobId>,
    /// The audit event of the job.
    pub event: Event,
}

/// Documents that replace earlier ones with the same key.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// The uploader's key for the upload:
    /// [`DocumentOrigin::key`](crate::document::DocumentOrigin::key).
    pub key: String,
    /// The documents that the caller believes to have this key.
    pub replaced: Vec<DocumentPath>,
    /// The new documents.
    pub documents: Vec<Document>,
    /// The workspaces that index the new documents. They must include all that contain an earlier
    /// one.
    pub targets: Vec<IndexTarget>,
    /// A lease on the jobs for the request that waits for them.
    pub lease: LeaseRequest,
    /// The id of an unfinished upload that receives the earlier documents without a successor. They
    /// stay until [`Uploads::roll_back`] of this id removes them.
    pub obsolete: UploadId,
    /// The audit event.
    pub event: Event,
}

/// The result of a replacement.
#[derive(Clone, Debug, PartialEq)]
pub struct Replaced {
    /// The new documents in the given order, with their final ids.
    pub documents: Vec<Document>,
    /// The jobs that index them, one for each target.
    pub jobs: Vec<Job>,
}

/// Stores uploads. Each method is one transaction.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Stores the documents of a piece, settles their files, and adds an item for each to the job
    /// of every target. The last piece finishes the upload: its jobs become due or are held, and
    /// are returned. [`crate::Error::NotFound`] if a workspace no longer exists,
    /// [`crate::Error::Unavailable`] if the upload was rolled back in the meantime.
    async fn store(&self, piece: UploadPiece) -> Result<Vec<Job>>;
    /// Replaces earlier documents. A new document takes over the id of the earlier document that is
    /// the same part, and its `docId` and flags in each workspace; the earlier passages stay
    /// searchable until a job has indexed the new text. Earlier documents without a successor stay
    /// until `obsolete` is rolled back. The files of the new documents are settled and those of the
    /// earlier ones recorded as pending.
    ///
    /// Returns `None` and changes nothing if the key no longer has exactly the `earlier` documents,
    /// or one of them is in a workspace that is not a target. [`crate::Error::NotFound`] if a
    /// target no longer exists, [`crate::Error::AlreadyExists`] if another upload with the key was
    /// faster.
    async fn replace(&self, replacement: Replacement) -> Result<Option<Replaced>>;
    /// Detaches documents from the unfinished uploads that may have stored them, so that a rollback
    /// does not remove them. Returns the paths that belong to a document.
    async fn accept_existing(&self, paths: &[DocumentPath]) -> Result<Vec<DocumentPath>>;
    /// Removes up to `limit` documents of an unfinished upload, and finally its jobs, and records
    /// their files as pending. Returns the removed documents. Returns `None` once the upload is
    /// removed or finished.
    async fn roll_back(
        &self,
        upload: UploadId,
        limit: u32,
        event: Event,
    ) -> Result<Option<Vec<RemovedDocument>>>;
    /// Returns unfinished uploads that began before `before`.
    async fn unfinished(&self, before: DateTime<Utc>) -> Result<Vec<UploadId>>;
}
