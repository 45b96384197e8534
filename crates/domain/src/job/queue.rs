//! The job queue: leases, the states of items, and the port that stores both.
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{Job, JobItem};
use crate::audit::Event;
use crate::library::IndexedDocument;
use crate::{ChunkId, JobId, Result, WorkspaceDocumentId};

/// The right to work on one job. Lost when it is not prolonged in time and somebody else takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// The job.
    pub job: JobId,
    /// The token of its holder: random, and new for each claim.
    pub token: Uuid,
}

/// A lease that is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LeaseRequest {
    /// The token that is to be shown with every change.
    pub token: Uuid,
    /// When the lease ends unless it is renewed.
    pub until: DateTime<Utc>,
}

/// A job in somebody's hands.
#[derive(Clone, Debug, PartialEq)]
pub struct ClaimedJob {
    /// The job, which is running now.
    pub job: Job,
    /// The right to work on it.
    pub lease: Lease,
    /// Whether whoever held it before has vanished.
    pub resumed: bool,
}

/// The outcome of an item.
#[derive(Clone, Debug)]
pub struct FinishedItem {
    /// The item.
    pub item: JobItem,
    /// The outcome.
    pub outcome: ItemOutcome,
}

/// The outcome for the document of an item.
#[derive(Clone, Debug)]
pub enum ItemOutcome {
    /// To be placed as [`JobKind`](super::JobKind) says.
    Indexed(IndexedDocument),
    /// All its passages were stored by [`JobQueue::store_part`], made by `recipe`, and the earlier
    /// ones were removed.
    IndexedInParts {
        /// The result of the last part.
        stored: PartialIndexing,
        /// See [`IndexedDocument::recipe`].
        recipe: String,
    },
    /// Done, and there was nothing to do.
    Unchanged,
    /// For good; why.
    Failed(String),
    /// To be tried again after the others; why.
    Again(String),
}

/// The next passages of a document that has too many for one transaction.
#[derive(Clone, Debug)]
pub struct PassagePart {
    /// The item of the document.
    pub item: JobItem,
    /// Its next passages, in the order of the text.
    pub passages: IndexedDocument,
    /// The result of the previous part; `None` for the first one.
    pub before: Option<PartialIndexing>,
}

/// A document whose passages are stored part by part. Those it had before stay searchable until
/// the last new one is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialIndexing {
    /// The place of the document in its workspace.
    pub place: WorkspaceDocumentId,
    /// Whether the first part made the place.
    pub is_new: bool,
    /// The newest of the earlier passages; 0 where there were none. New ones have larger ids.
    pub earlier: ChunkId,
    /// New passages stored so far.
    pub stored: u32,
}

/// The result of storing a part.
#[derive(Clone, Debug)]
pub enum PartResult {
    /// It is stored.
    Stored(PartialIndexing),
    /// The document is not to be indexed any further. To be recorded by [`JobQueue::complete`].
    Ended(ItemOutcome),
}

/// Which passages of a document that is stored part by part are removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Superseded {
    /// The previous passages, once all new ones are stored.
    Earlier,
    /// The new ones, and the place if it is new: the document cannot be indexed after all.
    New,
}

/// The result of a step of a job.
#[derive(Clone, Debug)]
pub struct StepResult {
    /// The job as it is now.
    pub job: Job,
    /// New places.
    pub placed: Vec<WorkspaceDocumentId>,
    /// Places that are no more.
    pub replaced: Vec<WorkspaceDocumentId>,
    /// Whether other jobs wait for somebody.
    pub others_wait: bool,
}

/// How a job goes back to the queue.
#[derive(Clone, Debug)]
pub struct Requeue {
    /// When it can be claimed again.
    pub due_at: DateTime<Utc>,
    /// See [`Job::attempts`](super::Job::attempts).
    pub attempts: u32,
    /// See [`Job::error`](super::Job::error).
    pub error: Option<String>,
}

/// How many jobs were made of stale places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueuedRefreshes {
    /// Jobs that were made.
    pub queued: u32,
    /// Workspaces with stale places for which there is such a job already. It may have begun by an
    /// earlier recipe, so they are to be looked at again once it is over.
    pub under_way: u32,
}

/// What is dropped of jobs that are over.
#[derive(Clone, Copy, Debug)]
pub struct Retention {
    /// Those that ended before.
    pub before: DateTime<Utc>,
    /// All but the newest so many.
    pub jobs: usize,
    /// Those older than the newest that together have so many items.
    pub items: u64,
}

/// What is left to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Jobs that nobody works on, whether they are due or put off.
    pub queued: u64,
    /// Jobs that somebody works on.
    pub running: u64,
    /// Documents of either that have not had their turn.
    pub documents: u64,
}

/// Where whoever works on jobs gets them. Each method is one transaction. A method that takes a
/// lease changes nothing and answers `None` (or `false`) when it is lost.
#[async_trait]
pub trait JobQueue: Send + Sync {
    /// Makes a job for every workspace with places whose passages were not made by `recipe`.
    async fn queue_refreshes(&self, recipe: &str, event: Event) -> Result<QueuedRefreshes>;
    /// Marks workspace documents of a recipe as stale whose vectors have another length; how many.
    /// In several transactions, each of bounded size: what one has marked stays marked.
    async fn expire(&self, recipe: &str, length: usize) -> Result<u64>;
    /// Whether there is anything to claim.
    async fn is_due(&self, now: DateTime<Utc>) -> Result<bool>;
    /// The job that has been due the longest. No two get the same one.
    async fn claim(&self, hold: LeaseRequest, now: DateTime<Utc>) -> Result<Option<ClaimedJob>>;
    /// Renews a lease until a time, and returns the job as it is now.
    async fn renew(&self, lease: &Lease, until: DateTime<Utc>) -> Result<Option<Job>>;
    /// Items that are to be done next. One whose recording is to be transcribed first comes alone, and
    /// only when there are no others.
    async fn pending_items(&self, lease: &Lease, limit: u32) -> Result<Option<Vec<JobItem>>>;
    /// Records what became of items, and places those that were embedded; the lease then lasts
    /// `until`. The event is written if anything is placed, at its time.
    async fn complete(
        &self,
        lease: &Lease,
        finished: Vec<FinishedItem>,
        until: DateTime<Utc>,
        event: Event,
    ) -> Result<Option<StepResult>>;
    /// Stores some passages of a document, which become searchable at once; the lease then lasts
    /// `until`. The item stays queued: whoever takes it over begins anew.
    async fn store_part(
        &self,
        lease: &Lease,
        part: PassagePart,
        until: DateTime<Utc>,
    ) -> Result<Option<PartResult>>;
    /// Removes at most `limit` passages of a document that is stored part by part; whether any such
    /// are left.
    async fn remove_part(
        &self,
        lease: &Lease,
        stored: PartialIndexing,
        which: Superseded,
        limit: u32,
        until: DateTime<Utc>,
    ) -> Result<Option<bool>>;
    /// Gives the lease back before the job is over.
    async fn requeue(&self, lease: &Lease, how: Requeue, now: DateTime<Utc>)
    -> Result<Option<Job>>;
    /// Ends a job. What was not done has failed for the reason given, or was called off. Goes back
    /// to the queue instead when there is no reason, nobody has called it off, and items were added
    /// after the last look at it.
    async fn end(
        &self,
        lease: &Lease,
        failure: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Option<Job>>;
    /// What is left to do, in all processes on this database.
    async fn backlog(&self) -> Result<Backlog>;
    /// Makes every job due that is in somebody's hands: whoever calls it knows that nobody is left.
    async fn release(&self, now: DateTime<Utc>) -> Result<u64>;
    /// Drops jobs that are over with their items, and says how many.
    async fn prune(&self, retention: Retention) -> Result<u64>;
}
