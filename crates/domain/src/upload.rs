//! Uploads: documents that become known together, in transactions of bounded size.
//!
//! An upload of many parts (a mailbox, a workbook) is stored in pieces, so that other writers wait
//! for one piece at most. Until its last piece is stored the upload is *unfinished*: if it fails, or
//! its process is killed, the documents stored so far are removed again.
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::audit::Event;
use crate::document::Document;
use crate::job::Job;
use crate::job::queue::LeaseRequest;
use crate::library::RemovedDocument;
use crate::{DocumentPath, JobId, Result, WorkspaceId};

/// Names one upload while it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UploadId(pub Uuid);

/// A document to be stored, and what the audit log is told of it.
#[derive(Clone, Debug)]
pub struct StoredDocument {
    /// The document, whose file is written already.
    pub document: Document,
    /// What the audit log is told.
    pub event: Event,
}

/// Some of the documents of an upload, in one transaction.
#[derive(Clone, Debug)]
pub struct UploadPiece {
    /// The upload it belongs to.
    pub upload: UploadId,
    /// The documents of this piece.
    pub documents: Vec<StoredDocument>,
    /// Whether no piece came before.
    pub is_first: bool,
    /// Whether no piece follows.
    pub is_last: bool,
    /// The workspaces that index the documents. The same for every piece of an upload.
    pub targets: Vec<IndexTarget>,
    /// Holds the jobs from the last piece on, for a request that waits for them.
    pub hold: Option<LeaseRequest>,
}

/// A workspace that indexes the documents of an upload in a job.
#[derive(Clone, Debug)]
pub struct IndexTarget {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// A job to add the documents to, if it still takes some and the upload has a single piece.
    pub along: Option<JobId>,
    /// What the audit log is told of the job.
    pub event: Event,
}

/// Documents that take the place of earlier ones of the same key.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// What the owner calls the upload: [`DocumentOrigin::key`](crate::document::DocumentOrigin::key).
    pub key: String,
    /// The documents of that key, as far as the caller knows.
    pub earlier: Vec<DocumentPath>,
    /// What takes their place.
    pub documents: Vec<Document>,
    /// The workspaces that index the new documents, at least all that hold an earlier one.
    pub targets: Vec<IndexTarget>,
    /// Holds the jobs for the request that waits for them.
    pub hold: LeaseRequest,
    /// Names the earlier documents without a successor, which stay until
    /// [`Uploads::roll_back`] of this removes them.
    pub obsolete: UploadId,
    /// What the audit log is told of it.
    pub event: Event,
}

/// What a replacement did.
#[derive(Clone, Debug, PartialEq)]
pub struct Replaced {
    /// The new documents, in the order they were given, with the ids they have now.
    pub documents: Vec<Document>,
    /// The jobs that index them, one for each target.
    pub jobs: Vec<Job>,
}

/// Where uploads are stored. Each method is one transaction.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Stores the documents of a piece, settles their files, and adds an item for each to the job of
    /// every target. With the last piece the upload is finished: its jobs become due, or are held,
    /// and are returned. [`crate::Error::NotFound`] when a workspace is gone, and
    /// [`crate::Error::Unavailable`] when the upload was rolled back meanwhile.
    async fn store(&self, piece: UploadPiece) -> Result<Vec<Job>>;
    /// Puts documents in the place of earlier ones. A new document takes over the id of the earlier
    /// one that is the same part, and its key and marks in each workspace, where the earlier
    /// passages stay searchable until a job has indexed the new text. Earlier documents without a
    /// successor stay until `obsolete` is rolled back. The files of the new documents are settled,
    /// those of the earlier ones noted as unsettled.
    ///
    /// `None`, and nothing is changed, when the key has other documents than the `earlier` ones by
    /// now, or one of them is in a workspace that is no target. [`crate::Error::NotFound`] when a
    /// target is gone, [`crate::Error::AlreadyExists`] when another upload of the key was faster.
    async fn replace(&self, replacement: Replacement) -> Result<Option<Replaced>>;
    /// Keeps documents that other uploads may have stored, whatever becomes of those. Returns the
    /// paths that name a document.
    async fn adopt(&self, paths: &[DocumentPath]) -> Result<Vec<DocumentPath>>;
    /// Removes up to `limit` documents of an unfinished upload, with its jobs at the end, and notes
    /// their files as pending. Returns what was removed; `None` once the upload is gone or finished.
    async fn roll_back(
        &self,
        upload: UploadId,
        limit: u32,
        event: Event,
    ) -> Result<Option<Vec<RemovedDocument>>>;
    /// Uploads that began before `before` and are not finished.
    async fn unfinished(&self, before: DateTime<Utc>) -> Result<Vec<UploadId>>;
}
