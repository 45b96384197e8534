//! Recordings that a job transcribes before it indexes the documents made of them.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use super::Job;
use super::queue::Lease;
use crate::audit::Event;
use crate::{DocumentPath, JobId, Result, WorkspaceId};

/// A recording from which a job makes a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordingItem {
    /// The name of the uploaded file.
    pub name: String,
    /// Whether transcription is not finished.
    pub is_pending: bool,
    /// The progress of the transcription.
    pub progress: RecordingProgress,
}

/// The progress of a transcription.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordingProgress {
    /// Transcribed duration, in seconds.
    pub transcribed: u32,
    /// Total duration, in seconds. Absent until it is known.
    pub duration: Option<u32>,
}

/// A recording to be transcribed by a job.
#[derive(Clone, Debug)]
pub struct NewRecording {
    /// The workspace that indexes the document.
    pub workspace: WorkspaceId,
    /// A job to add the recording to, if that job still accepts documents.
    pub existing_job: Option<JobId>,
    /// The path of the future document.
    pub path: DocumentPath,
    /// See [`RecordingItem::name`].
    pub name: String,
    /// The location of the file and the document's data, in a form opaque to the store.
    /// [`JobRecordings::details`] returns it unchanged.
    pub details: String,
}

/// Stores the recordings of jobs. Each method is one transaction. A method that takes a lease
/// changes nothing and returns `None` if the lease is lost.
#[async_trait]
pub trait JobRecordings: Send + Sync {
    /// Queues a recording, in an existing job or a new one. [`crate::Error::NotFound`] if the
    /// workspace does not exist.
    async fn queue(&self, new: NewRecording, event: Event) -> Result<Job>;
    /// Returns the details of all recordings still to be transcribed.
    async fn pending(&self) -> Result<Vec<String>>;
    /// Returns the details of an item's recording, unless it is already transcribed.
    async fn details(&self, job: JobId, item: i64) -> Result<Option<String>>;
    /// Records the progress of an item's recording, which counts as progress of the job, and
    /// extends the lease to `until`.
    async fn record_progress(
        &self,
        lease: &Lease,
        item: i64,
        progress: RecordingProgress,
        until: DateTime<Utc>,
    ) -> Result<Option<Job>>;
    /// Records that the document of a recording is stored at `path`, which is another one than
    /// planned if an identical recording was transcribed before. The item is then indexed like any
    /// other.
    async fn transcribed(
        &self,
        lease: &Lease,
        item: i64,
        path: DocumentPath,
        until: DateTime<Utc>,
    ) -> Result<Option<Job>>;
}
