//! The job queue: leases, the states of items, and the port that stores both.
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Job, JobItem};
use crate::audit::Event;
use crate::library::IndexedDocument;
use crate::{ChunkId, JobId, Result, WorkspaceDocumentId};

/// The right to work on a job. It is lost if it expires and another worker claims the job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The token of the holder: random and different for each claim.
    pub token: Uuid,
}

/// A request for a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The token to present with every change.
    pub token: Uuid,
    /// When the lease ends unless it is renewed.
    pub until: DateTime<Utc>,
}

/// A job with the lease on it.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedJob {
    /// The job, now running.
    pub job: Job,
    /// The lease.
    pub lease: Lease,
    /// Whether the previous worker died while it held the job.
    pub resumed: bool,
}

/// An item with its outcome.
#[derive(Clone, Debug)]
pub struct FinishedItem {
    /// The item.
    pub item: JobItem,
    /// The outcome.
    pub outcome: ItemOutcome,
}

/// The outcome of processing an item.
#[derive(Clone, Debug)]
pub enum ItemOutcome {
    /// The document is to be stored according to its [`JobKind`](super::JobKind).
    Indexed(IndexedDocument),
    /// All passages were stored by [`JobQueue::store_part`], and the earlier ones were removed.
    IndexedInParts {
        /// The state after the last part.
        stored: PartialIndexing,
        /// See [`IndexedDocument::recipe`].
        recipe: String,
    },
    /// There was nothing to do.
    Unchanged,
    /// The item has failed permanently, with a reason.
    Failed(String),
    /// The item is to be retried after the others, with a reason.
    Again(String),
}

/// One part of a document that has too many passages for one transaction.
#[derive(Clone, Debug)]
pub struct PassagePart {
    /// The item of the document.
    pub item: JobItem,
    /// The next passages, in text order.
    pub passages: IndexedDocument,
    /// The state after the previous part. `None` for the first part.
    pub before: Option<PartialIndexing>,
}

/// The state of a document that is stored in parts. Its earlier passages stay searchable until the
/// last new one is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialIndexing {
    /// The workspace document.
    pub place: WorkspaceDocumentId,
    /// Whether the first part created the workspace document.
    pub is_new: bool,
    /// The largest chunk id of the earlier passages, or 0 if there were none. New passages have
    /// larger ids.
    pub last_before: ChunkId,
    /// The number of new passages stored.
    pub stored: u32,
}

/// The result of storing a part.
#[derive(Clone, Debug)]
pub enum PartResult {
    /// The part is stored.
    Stored(PartialIndexing),
    /// Indexing of this document must stop. Record the outcome with [`JobQueue::complete`].
    Ended(ItemOutcome),
}

/// Which passages to remove from a document that is stored in parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Superseded {
    /// The earlier passages, after all new ones are stored.
    Earlier,
    /// The new passages, and the workspace document if it is new, because indexing failed.
    New,
}

/// The result of a step of a job.
#[derive(Clone, Debug)]
pub struct StepResult {
    /// The job after the step.
    pub job: Job,
    /// Workspace documents that were created.
    pub placed: Vec<WorkspaceDocumentId>,
    /// Workspace documents that were removed.
    pub replaced: Vec<WorkspaceDocumentId>,
    /// Whether other jobs can be claimed.
    pub others_wait: bool,
}

/// How to return a job to the queue.
#[derive(Clone, Debug)]
pub struct Requeue {
    /// When the job can be claimed again.
    pub due_at: DateTime<Utc>,
    /// See [`Job::attempts`](super::Job::attempts).
    pub attempts: u32,
    /// See [`Job::error`](super::Job::error).
    pub error: Option<String>,
}

/// The number of jobs created for stale workspace documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueuedRefreshes {
    /// Jobs created.
    pub queued: u32,
    /// Workspaces with stale documents that already have a refresh job. That job may have started
    /// with an earlier recipe, so check these workspaces again when it ends.
    pub under_way: u32,
}

/// Limits for keeping jobs that have ended.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Delete jobs that ended before this time.
    pub before: DateTime<Utc>,
    /// Delete all but this many of the newest jobs.
    pub jobs: usize,
    /// Delete jobs older than the newest ones that have this many items in total.
    pub items: u64,
}

/// The work left to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Jobs without a worker, due or postponed.
    pub queued: u64,
    /// Jobs with a worker.
    pub running: u64,
    /// Documents of these jobs that are still queued.
    pub documents: u64,
}

/// The queue from which workers take jobs. Each method is one transaction. A method that takes a
/// lease changes nothing and returns `None` (or `false`) if the lease is lost.
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Creates a refresh job for every workspace with passages made by a recipe other than
    /// `recipe`.
    async fn queue_refreshes(&self, recipe: &str, event: Event) -> Result<QueuedRefreshes>;
    /// Marks workspace documents of `recipe` as stale if their vectors do not have `length`
    /// dimensions, and returns their number. Runs in several transactions of bounded size; each one
    /// persists on its own.
    async fn expire(&self, recipe: &str, length: usize) -> Result<u64>;
    /// Returns whether a job can be claimed.
    async fn is_due(&self, now: DateTime<Utc>) -> Result<bool>;
    /// Claims the job that has been due longest. Each job is claimed by one caller only.
    async fn claim(&self, request: LeaseRequest, now: DateTime<Utc>) -> Result<Option<ClaimedJob>>;
    /// Extends a lease to `until` and returns the current job.
    async fn renew(&self, lease: &Lease, until: DateTime<Utc>) -> Result<Option<Job>>;
    /// Returns the next items to process. A recording to be transcribed is returned alone, and only
    /// if no other items are left.
    async fn pending_items(&self, lease: &Lease, limit: u32) -> Result<Option<Vec<JobItem>>>;
    /// Records the outcomes of items, stores indexed documents, and extends the lease to `until`.
    /// Writes the event if any document is stored. Ends a job that a request waits for if no item is
    /// left.
    async fn complete(
        &self,
        lease: &Lease,
        finished: Vec<FinishedItem>,
        until: DateTime<Utc>,
        event: Event,
    ) -> Result<Option<StepResult>>;
    /// Stores some passages of a document, which become searchable at once, and extends the lease
    /// to `until`. The item stays queued. A worker that takes over starts it from the beginning.
    async fn store_part(
        &self,
        lease: &Lease,
        part: PassagePart,
        until: DateTime<Utc>,
    ) -> Result<Option<PartResult>>;
    /// Removes at most `limit` passages of a document that is stored in parts. Returns whether more
    /// are left.
    async fn remove_part(
        &self,
        lease: &Lease,
        stored: PartialIndexing,
        which: Superseded,
        limit: u32,
        until: DateTime<Utc>,
    ) -> Result<Option<bool>>;
    /// Releases the lease and returns the job to the queue.
    async fn requeue(&self, lease: &Lease, how: Requeue, now: DateTime<Utc>)
    -> Result<Option<Job>>;
    /// Ends a job. Items that are not done become failed with the given reason, or cancelled. The
    /// job returns to the queue instead if there is no reason, it was not cancelled, and items were
    /// added since the worker last read it.
    async fn end(
        &self,
        lease: &Lease,
        failure: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Option<Job>>;
    /// Returns the work left for all processes that use this database.
    async fn backlog(&self) -> Result<Backlog>;
    /// Makes every running job due. Callers must know that no worker is left.
    async fn release(&self, now: DateTime<Utc>) -> Result<u64>;
    /// Deletes jobs that have ended, with their items, and returns the number of jobs.
    async fn prune(&self, retention: Retention) -> Result<u64>;
}
