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
    pub document: Document,
    pub event: Event,
}

/// Some of the documents of an upload, in one transaction.
#[derive(Clone, Debug)]
pub struct UploadPiece {
    pub upload: UploadId,
    pub documents: Vec<StoredDocument>,
    pub is_first: bool,
    pub is_last: bool,
    /// The workspaces that index the documents. The same for every piece of an upload.
    pub targets: Vec<IndexTarget>,
    /// Holds the jobs from the last piece on, for a request that waits for them.
    pub hold: Option<LeaseRequest>,
}

/// A workspace that indexes the documents of an upload in a job.
#[derive(Clone, Debug)]
pub struct IndexTarget {
    pub workspace: WorkspaceId,
    /// A job to add the documents to, if it still takes some and the upload has a single piece.
    pub along: Option<JobId>,
    /// What the audit log is told of the job.
    pub event: Event,
}

/// Where uploads are stored. Each method is one transaction.
#[async_trait]
pub trait Uploads: Send + Sync {
    /// Stores the documents of a piece, settles their files, and adds an item for each to the job of
    /// every target. With the last piece the upload is finished: its jobs become due, or are held,
    /// and are returned. [`crate::Error::NotFound`] when a workspace is gone, and
    /// [`crate::Error::Unavailable`] when the upload was rolled back meanwhile.
    async fn store(&self, piece: UploadPiece) -> Result<Vec<Job>>;
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
