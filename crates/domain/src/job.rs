//! Jobs: work on the documents of a workspace that outlives the request that asked for it, and the
//! process that began it.
pub mod queue;
pub mod recordings;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::{By, Event};
use crate::{DocumentPath, JobId, Result, Slug, WorkspaceId};
use queue::LeaseRequest;
use recordings::RecordingItem;

/// The operation on each document of a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// It is placed in the workspace, in the stead of an earlier place there.
    Embed,
    /// Its place gets passages by the recipe of now, if there still is such a place.
    Refresh,
}

text_enum!(JobKind {
    Embed = "update-embeddings",
    Refresh = "refresh-embeddings",
});

/// How far a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobState {
    /// Nobody works on it; somebody will.
    Queued,
    /// Somebody holds a [`Lease`] on it. If they vanish, somebody else will go on.
    Running,
    /// Everything in it was done.
    Done,
    /// It is over, and something in it has failed.
    Failed,
    /// It was called off before its end.
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
    /// Whether nothing will happen to it any more, unless it is retried or extended.
    pub fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Failed | Self::Cancelled)
    }
}

/// How far a document of a job has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ItemState {
    /// Its turn has not come.
    Queued,
    /// The document is indexed.
    Done,
    /// The document is not indexed, for the reason that the item keeps.
    Failed,
    /// Its job was called off before its turn came.
    Cancelled,
}

text_enum!(ItemState {
    Queued = "queued",
    Done = "done",
    Failed = "failed",
    Cancelled = "cancelled",
});

/// A job that is to be made.
#[derive(Clone, Debug)]
pub struct NewJob {
    /// The operation on each document.
    pub kind: JobKind,
    /// The workspace that indexes the documents.
    pub workspace: WorkspaceId,
    /// Each once; their places in this list become the items' numbers.
    pub paths: Vec<DocumentPath>,
    /// Whether a client waits for its end. Then nothing is put off.
    pub awaited: bool,
}

/// The workspace of a job, as it is called now.
#[derive(Clone, Debug, PartialEq)]
pub struct JobWorkspace {
    /// Names it in the database.
    pub id: WorkspaceId,
    /// Names it in routes.
    pub slug: Slug,
    /// Its display name.
    pub name: String,
}

/// How many documents of a job have come how far.
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

/// Work on documents, as stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Job {
    /// Names it in routes. Later jobs have larger ids.
    pub id: JobId,
    /// The operation on each document.
    pub kind: JobKind,
    /// How far it has come.
    pub state: JobState,
    /// The workspace that indexes the documents.
    pub workspace: JobWorkspace,
    /// Actor and time of the request.
    pub by: By,
    /// Whether a request waits for its end. Then nothing is put off.
    pub awaited: bool,
    /// How many of its documents have come how far.
    pub progress: JobProgress,
    /// How often it was tried, without getting any further, since it last got further.
    pub attempts: u32,
    /// The last problem that stopped the job.
    pub error: Option<String>,
    /// Whether somebody has called it off who has not been heard yet.
    pub cancelling: bool,
    /// Grows with every change of it or of an item.
    pub changes: i64,
    /// When it can be taken: a running one is free to be taken once its lease is over.
    pub due_at: Option<DateTime<Utc>>,
    /// When it was first claimed.
    pub started_at: Option<DateTime<Utc>>,
    /// When it ended; absent again after a retry.
    pub finished_at: Option<DateTime<Utc>>,
    /// When it, or one of its items, last changed.
    pub updated_at: DateTime<Utc>,
}

/// One document of a job.
#[derive(Clone, Debug, PartialEq)]
pub struct JobItem {
    /// Tells it from the others of its job.
    pub number: i64,
    /// The document, where it lay when the job was made.
    pub path: DocumentPath,
    /// How far it has come.
    pub state: ItemState,
    /// How often it has failed so far.
    pub attempts: u32,
    /// Why it failed, the last time.
    pub reason: Option<String>,
    /// [`Job::changes`] when it last changed.
    pub changed: i64,
    /// The recording that the document is made of, where it is a job's work to transcribe it.
    pub recording: Option<RecordingItem>,
}

impl JobItem {
    /// Whether there is no document yet, because its recording is to be transcribed first.
    pub fn is_untranscribed(&self) -> bool {
        self.recording.as_ref().is_some_and(|recording| recording.is_pending)
    }
}

/// Which jobs are asked for. Absent parts admit all.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct JobFilter {
    /// Only those in this state.
    pub state: Option<JobState>,
    /// Only those of this kind.
    pub kind: Option<JobKind>,
    /// Only those of these workspaces.
    pub workspaces: Option<Vec<WorkspaceId>>,
}

/// How much of a job somebody has been told of: everything up to an item's change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The change up to which everything has been told: [`Job::changes`].
    pub changes: i64,
    /// Of the items that changed with that change, those up to this number.
    pub number: i64,
}

impl Cursor {
    /// Of nothing but that it was made.
    pub const NEW: Self = Self { changes: 0, number: i64::MAX };

    /// Everything up to a change.
    pub fn all(changes: i64) -> Self {
        Self { changes, number: i64::MAX }
    }

    /// Whether there is nothing left of a job to tell.
    pub fn is_all_of(self, job: &Job) -> bool {
        self.changes > job.changes || self == Self::all(job.changes)
    }
}

/// Stores jobs. Each method is one transaction. Jobs go with their workspace.
#[async_trait]
pub trait Jobs: Send + Sync {
    /// Makes a job, held by whoever brings a lease for it.
    /// [`crate::Error::NotFound`] when there is no such workspace.
    async fn create(&self, new: NewJob, hold: Option<LeaseRequest>, event: Event) -> Result<Job>;
    /// The job of an id; `None` when it was never there, is forgotten, or went with its workspace.
    async fn by_id(&self, id: JobId) -> Result<Option<Job>>;
    /// Jobs newest first: `limit` of them below `before`, or from the newest.
    async fn page(&self, filter: &JobFilter, before: Option<JobId>, limit: u32)
    -> Result<Vec<Job>>;
    /// Items by number: `limit` of them above `after`, or from the first.
    async fn items(
        &self,
        of: JobId,
        state: Option<ItemState>,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<JobItem>>;
    /// The job, and `limit` of the items that have changed since `told`, in the order of change.
    async fn changed(
        &self,
        id: JobId,
        told: Cursor,
        limit: u32,
    ) -> Result<Option<(Job, Vec<JobItem>)>>;
    /// Calls a job off: at once if nobody works on it, else whoever does is told.
    /// A job that is over stays as it is.
    async fn cancel(&self, id: JobId, event: Event) -> Result<Option<Job>>;
    /// Adds documents to a job that places them, also to one that is over. `None`, and nothing is
    /// changed, when there is no such job, it was called off, or a client waits for its end.
    async fn extend(
        &self,
        id: JobId,
        paths: Vec<DocumentPath>,
        event: Event,
    ) -> Result<Option<Job>>;
    /// Queues the failed items of a job that is over. Any other job stays as it is.
    async fn retry(&self, id: JobId, event: Event) -> Result<Option<Job>>;
}
