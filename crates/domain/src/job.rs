//! Jobs: work on the documents of a workspace that outlives the request and the process that began
//! it.
pub mod queue;
pub mod recordings;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::{By, Event};
use crate::{DocumentPath, JobId, Result, Slug, WorkspaceId};
use queue::LeaseRequest;
use recordings::RecordingItem;

/// The operation applied to each document of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// Index the document in the workspace, replacing its passages if it is already there.
    Embed,
    /// Rebuild the passages of the workspace document with the current recipe, if it is still
    /// there.
    Refresh,
}

text_enum!(JobKind {
    Embed = "update-embeddings",
    Refresh = "refresh-embeddings",
});

/// The state of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// The job waits for a worker.
    Queued,
    /// A worker holds a [`Lease`] on the job. If the worker dies, another one takes over.
    Running,
    /// Every item is done.
    Done,
    /// The job has ended with at least one failed item.
    Failed,
    /// The job was cancelled.
    Cancelled,
}

text_enum!(JobState {
    Queued = "queued",
    Running = "running",
    Done = "done",
    Failed = "failed",
    Cancelled = "cancelled",
});

impl JobState {
    /// Returns whether the job has ended. Only a retry or an extension starts it again.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// The state of one document of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// The item waits for its turn.
    Queued,
    /// The document is indexed.
    Done,
    /// The document could not be indexed; the item holds the reason.
    Failed,
    /// The job was cancelled before the item's turn.
    Cancelled,
}

text_enum!(ItemState {
    Queued = "queued",
    Done = "done",
    Failed = "failed",
    Cancelled = "cancelled",
});

/// A job to be created.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The operation on each document.
    pub kind: JobKind,
    /// The workspace that indexes the documents.
    pub workspace: WorkspaceId,
    /// The documents, without duplicates. Their positions become the item numbers.
    pub paths: Vec<DocumentPath>,
    /// Whether a client waits for the job to end. Nothing is postponed in that case.
    pub awaited: bool,
}

/// The workspace of a job, with its current name.
#[derive(Clone, Debug, PartialEq)]
pub struct JobWorkspace {
    /// The id in the database.
    pub id: WorkspaceId,
    /// The slug used in routes.
    pub slug: Slug,
    /// The display name.
    pub name: String,
}

/// Document counts of a job by state.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct JobProgress {
    /// All documents, whatever their state.
    pub total: u32,
    /// Indexed documents.
    pub done: u32,
    /// Documents that could not be indexed.
    pub failed: u32,
    /// Documents that were still waiting when the job was cancelled.
    pub cancelled: u32,
}

/// A stored job.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// The id used in routes. Later jobs have larger ids.
    pub id: JobId,
    /// The operation on each document.
    pub kind: JobKind,
    /// The state.
    pub state: JobState,
    /// The workspace that indexes the documents.
    pub workspace: JobWorkspace,
    /// The author and time of the request.
    pub by: By,
    /// Whether a request waits for the job to end. Nothing is postponed in that case.
    pub awaited: bool,
    /// The document counts by state.
    pub progress: JobProgress,
    /// The number of attempts since the job last made progress.
    pub attempts: u32,
    /// The last error that stopped the job.
    pub error: Option<String>,
    /// Whether cancellation was requested and the worker has not reacted yet.
    pub cancelling: bool,
    /// A counter that grows with every change to the job or its items.
    pub changes: i64,
    /// When the job can be claimed. A running job can be claimed when its lease has expired.
    pub due_at: Option<DateTime<Utc>>,
    /// The time of the first claim.
    pub started_at: Option<DateTime<Utc>>,
    /// The time the job ended. Absent again after a retry.
    pub finished_at: Option<DateTime<Utc>>,
    /// The time of the last change to the job or its items.
    pub updated_at: DateTime<Utc>,
}

/// One document of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobItem {
    /// The number of the item within the job.
    pub number: i64,
    /// The path of the document when the job was created.
    pub path: DocumentPath,
    /// The state.
    pub state: ItemState,
    /// The number of failed attempts.
    pub attempts: u32,
    /// The reason of the last failure.
    pub reason: Option<String>,
    /// The value of [`Job::changes`] at the last change of the item.
    pub changed: i64,
    /// The recording from which the job makes the document, if any.
    pub recording: Option<RecordingItem>,
}

impl JobItem {
    /// Returns whether the recording of this item must still be transcribed.
    pub fn is_untranscribed(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| recording.is_pending)
    }
}

/// A filter for jobs. Absent fields do not restrict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobFilter {
    /// Only jobs in this state.
    pub state: Option<JobState>,
    /// Only jobs of this kind.
    pub kind: Option<JobKind>,
    /// Only jobs of these workspaces.
    pub workspaces: Option<Vec<WorkspaceId>>,
}

/// A position in the changes of a job, up to which a client has been informed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The last change reported: a value of [`Job::changes`].
    pub changes: i64,
    /// The number of the last item reported among those with that change.
    pub number: i64,
}

impl Cursor {
    /// The position of a client that knows only that the job was created.
    pub const NEW: Self = Self { changes: 0, number: i64::MAX };

    /// Returns the position after all items of a change.
    pub fn all(changes: i64) -> Self {
        Self { changes, number: i64::MAX }
    }

    /// Returns whether everything about the job has been reported.
    pub fn is_all_of(self, job: &Job) -> bool {
        self.changes > job.changes || self == Self::all(job.changes)
    }
}

/// Stores jobs. Each method is one transaction. Jobs are deleted with their workspace.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Creates a job, and claims it if `lease` requests a lease. [`crate::Error::NotFound`] if the
    /// workspace does not exist.
    async fn create(&self, new: NewJob, lease: Option<LeaseRequest>, event: Event) -> Result<Job>;
    /// Returns the job with an id. Returns `None` if it never existed, was pruned, or was deleted
    /// with its workspace.
    async fn by_id(&self, id: JobId) -> Result<Option<Job>>;
    /// Returns `limit` jobs newest first, with ids below `before` or starting at the newest.
    async fn page(&self, filter: &JobFilter, before: Option<JobId>, limit: u32)
    -> Result<Vec<Job>>;
    /// Returns `limit` items by number, starting after `after` or at the first.
    async fn items(
        &self,
        of: JobId,
        state: Option<ItemState>,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<JobItem>>;
    /// Returns the job and `limit` of the items changed since `cursor`, in order of change.
    async fn changed(
        &self,
        id: JobId,
        cursor: Cursor,
        limit: u32,
    ) -> Result<Option<(Job, Vec<JobItem>)>>;
    /// Cancels a job: at once if it is not running, otherwise by notifying its worker. A job that
    /// has ended does not change.
    async fn cancel(&self, id: JobId, event: Event) -> Result<Option<Job>>;
    /// Adds documents to an [`JobKind::Embed`] job, even to one that has ended. Returns `None` and
    /// changes nothing if the job does not exist, was cancelled, or is awaited by a client.
    async fn extend(
        &self,
        id: JobId,
        paths: Vec<DocumentPath>,
        event: Event,
    ) -> Result<Option<Job>>;
    /// Queues the failed items of a job that has ended. Other jobs do not change.
    async fn retry(&self, id: JobId, event: Event) -> Result<Option<Job>>;
}
