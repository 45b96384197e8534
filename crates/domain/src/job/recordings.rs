//! Recordings that a job transcribes before it indexes the documents made of them.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::Job;
use super::queue::Lease;
use crate::audit::Event;
use crate::{DocumentPath, JobId, Result, WorkspaceId};

/// A recording that becomes a document of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingItem {
    /// What its file was called when it was handed in.
    pub name: String,
    /// Whether it is still to be transcribed, or to the end.
    pub is_pending: bool,
    /// How far it has come.
    pub progress: RecordingProgress,
}

/// How much of a recording is transcribed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordingProgress {
    /// In seconds.
    pub heard: u32,
    /// How long the recording is, in seconds; absent until that is known.
    pub duration: Option<u32>,
}

/// A recording that a job is to transcribe.
#[derive(Clone, Debug)]
pub struct NewRecording {
    /// The workspace that indexes the document.
    pub workspace: WorkspaceId,
    /// A job to add it to, if that still takes documents.
    pub along: Option<JobId>,
    /// Where the document is going to lie.
    pub path: DocumentPath,
    /// As [`RecordingItem::name`].
    pub name: String,
    /// Where its file is and what is made of it: [`JobRecordings::details`] returns it as it is.
    pub details: String,
}

/// Where the recordings of jobs are known. Each method is one transaction. A method that takes a lease
/// changes nothing and answers `None` when it is lost.
#[async_trait]
pub trait JobRecordings: Send + Sync {
    /// Queues a recording, in a job to go along with or in a new one.
    /// [`crate::Error::NotFound`] when there is no such workspace.
    async fn queue(&self, new: NewRecording, event: Event) -> Result<Job>;
    /// The details of all recordings that are to be transcribed yet.
    async fn pending(&self) -> Result<Vec<String>>;
    /// The details of the recording of an item, unless it is transcribed.
    async fn details(&self, job: JobId, item: i64) -> Result<Option<String>>;
    /// Notes how far the recording of an item has come, which counts as getting further; the lease
    /// then lasts `until`.
    async fn note(
        &self,
        lease: &Lease,
        item: i64,
        progress: RecordingProgress,
        until: DateTime<Utc>,
    ) -> Result<Option<Job>>;
    /// Notes that the document of a recording is stored: from now on the item is like any other.
    async fn transcribed(
        &self,
        lease: &Lease,
        item: i64,
        until: DateTime<Utc>,
    ) -> Result<Option<Job>>;
}
