//! Jobs: creating, running, following, cancelling and retrying them.
//!
//! A job is a row with an item for each document. The worker that runs it holds a lease and renews
//! it. If a process dies, its leases expire and other processes continue with the unfinished items.
//! Each step embeds some documents and marks them as done in the transaction that stores their
//! passages, so no document is indexed twice or partially.
mod batch;
mod heartbeat;
mod large;
mod recording;
mod waiting;
mod watcher;
mod worker;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use carrel_domain::audit::{By, Event};
use carrel_domain::job::queue::{
    Backlog, ClaimedJob, JobQueue, Lease, LeaseRequest, QueuedRefreshes, Retention,
};
use carrel_domain::job::recordings::{JobRecordings, NewRecording};
use carrel_domain::job::{Cursor, Job, JobKind, Jobs, NewJob};
use carrel_domain::workspace::Workspace;
use carrel_domain::{DocumentPath, Error, JobId, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::{Notify, RwLock, Semaphore, broadcast, watch};
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use heartbeat::JobChange;
pub use watcher::{JobUpdate, JobWatcher};

use crate::library::{Failures, Library};
use crate::meter::Meter;
pub(crate) use waiting::EndedJob;
use worker::Worker;

/// The maximum number of concurrent jobs that no request waits for. Each has one batch at the
/// embedder.
const SLOTS: usize = 2;
/// The maximum number of concurrent steps of all jobs. Each holds texts and vectors in memory.
const STEPS: usize = 4;
/// The maximum number of concurrent transcriptions.
const TRANSCRIBING: usize = 1;
/// How long a lease lasts unless renewed. After that, its holder is considered dead.
const LEASE: TimeDelta = TimeDelta::seconds(20);
/// Polling interval for jobs that this process was not notified of: postponed, abandoned or created
/// elsewhere.
const LOOK: Duration = Duration::from_secs(2);
/// The maximum number of documents per job.
const MAX_DOCUMENTS: usize = 100_000;
/// The number of items read at a time.
const PAGE: u32 = 500;
/// Limits for keeping jobs that have ended: their age, their number and their total items.
const KEPT_FOR: TimeDelta = TimeDelta::days(30);
const KEPT: usize = 1_000;
const KEPT_ITEMS: u64 = 200_000;
/// How long shutdown waits for leases to be released.
const LAST: Duration = Duration::from_secs(5);

/// The jobs that may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Stage {
    All,
    /// Jobs that requests wait for.
    Awaited,
    Nothing,
}

/// Texts of documents that a request has just stored, by path.
pub(crate) type KnownTexts = Arc<HashMap<DocumentPath, String>>;

/// Creates jobs and runs them. Cheap to clone.
#[derive(Clone)]
pub struct Workers {
    shared: Arc<Shared>,
}

struct Shared {
    library: Library,
    jobs: Arc<dyn Jobs>,
    queue: Arc<dyn JobQueue>,
    recordings: Arc<dyn JobRecordings>,
    meter: Arc<Meter>,
    /// The runtime of work that outlives its request.
    runtime: Handle,
    /// Notifications of changed jobs in this process.
    changes: broadcast::Sender<JobChange>,
    wake: Notify,
    stage: watch::Sender<Stage>,
    steps: Arc<Semaphore>,
    transcribing: Arc<Semaphore>,
    /// Read-locked by every running worker.
    driving: Arc<RwLock<()>>,
}

impl Workers {
    /// Creates the workers. Must be called within the tokio runtime that runs the jobs.
    pub fn new<D: Jobs + JobQueue + JobRecordings + 'static>(
        library: Library,
        database: &Arc<D>,
        meter: Arc<Meter>,
    ) -> Self {
        let shared = Shared {
            library,
            jobs: database.clone(),
            queue: database.clone(),
            recordings: database.clone(),
            meter,
            runtime: Handle::current(),
            changes: broadcast::channel(256).0,
            wake: Notify::new(),
            stage: watch::channel(Stage::All).0,
            steps: Arc::new(Semaphore::new(STEPS)),
            transcribing: Arc::new(Semaphore::new(TRANSCRIBING)),
            driving: Arc::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Indexes documents of the library for a workspace and waits. Returns the documents that
    /// failed, with reasons; they do not affect the others. Continues if the caller is dropped.
    pub async fn embed(
        &self,
        workspace: &Workspace,
        paths: Vec<DocumentPath>,
        by: &By,
    ) -> Result<Failures> {
        if paths.is_empty() {
            return Ok(Failures::new());
        }
        let lease = lease_request();
        let job = self.create(workspace, paths, Some(lease), by).await?;
        let id = job.id;
        let ended = self.finish(vec![job], lease, KnownTexts::default()).await?.pop();
        let ended = ended.ok_or_else(|| Error::not_found("job", id))?;
        if !ended.is_over {
            let reason = "it is stopping; the job continues when it has started again";
            return Err(Error::unavailable("the server", reason));
        }
        let as_text = |(path, reason): (DocumentPath, String)| (path.to_string(), reason);
        Ok(ended.failures.into_iter().map(as_text).collect())
    }

    /// Runs jobs held for a request to their end. Documents that are not in `texts` are read from
    /// their files.
    pub(crate) async fn finish(
        &self,
        jobs: Vec<Job>,
        lease: LeaseRequest,
        texts: KnownTexts,
    ) -> Result<Vec<EndedJob>> {
        waiting::finish(self, jobs, lease, texts).await
    }

    /// Indexes documents without waiting. See [`Workers::embed`].
    pub async fn embed_later(
        &self,
        workspace: &Workspace,
        paths: Vec<DocumentPath>,
        by: &By,
    ) -> Result<Job> {
        let job = self.create(workspace, paths, None, by).await?;
        self.notify(job.id);
        Ok(job)
    }

    /// Like [`Workers::embed_later`], but adds the documents to an existing job of the workspace if
    /// it still accepts some, so that documents sent one by one are followed as one job.
    pub(crate) async fn embed_along(
        &self,
        existing_job: Option<JobId>,
        workspace: &Workspace,
        paths: Vec<DocumentPath>,
        by: &By,
    ) -> Result<Job> {
        let known = match existing_job {
            Some(id) => self.shared.jobs.by_id(id).await?,
            None => None,
        };
        let has_room = |job: &Job| job.progress.total as usize + paths.len() <= MAX_DOCUMENTS;
        if let Some(known) = known.filter(|job| job.workspace.id == workspace.id && has_room(job)) {
            let event = created(workspace, paths.len(), by);
            if let Some(job) = self.shared.jobs.extend(known.id, paths.clone(), event).await? {
                self.notify(job.id);
                return Ok(job);
            }
        }
        self.embed_later(workspace, paths, by).await
    }

    /// Transcribes a recording and then indexes its document, without waiting.
    pub(crate) async fn transcribe_later(&self, new: NewRecording, event: Event) -> Result<Job> {
        let job = self.shared.recordings.queue(new, event).await?;
        self.notify(job.id);
        Ok(job)
    }

    /// Deletes recordings older than `before` that no job needs. Returns their number.
    pub async fn sweep_recordings(&self, before: SystemTime) -> Result<usize> {
        let pending = self.shared.recordings.pending().await?;
        let referenced =
            pending.iter().map(|details| recording::file(details)).collect::<Result<_>>()?;
        self.shared.library.recordings.sweep(referenced, before).await
    }

    async fn create(
        &self,
        workspace: &Workspace,
        mut paths: Vec<DocumentPath>,
        lease: Option<LeaseRequest>,
        by: &By,
    ) -> Result<Job> {
        let mut unique = HashSet::with_capacity(paths.len());
        paths.retain(|path| unique.insert(path.clone()));
        if paths.len() > MAX_DOCUMENTS {
            return Err(Error::invalid("adds", "must not name more than 100000 documents"));
        }
        let event = created(workspace, paths.len(), by);
        let (kind, workspace) = (JobKind::Embed, workspace.id);
        let new = NewJob { kind, workspace, paths, awaited: lease.is_some() };
        self.shared.jobs.create(new, lease, event).await
    }

    /// Queues a job for every workspace with documents of another recipe than the current one.
    pub async fn queue_refreshes(&self, by: &By) -> Result<QueuedRefreshes> {
        let recipe = self.shared.library.indexer.recipe().await?;
        self.expire_other_lengths(&recipe).await?;
        let event = by.event("embeddings_stale", json!({ "recipe": recipe }).to_string());
        let refreshes = self.shared.queue.queue_refreshes(&recipe, event).await?;
        if refreshes.queued > 0 {
            self.shared.wake.notify_one();
        }
        Ok(refreshes)
    }

    /// Marks documents as stale whose vectors differ in length from those the embedder makes now.
    /// Each observed length is compared with the stored vectors once.
    async fn expire_other_lengths(&self, recipe: &str) -> Result<()> {
        let indexer = &self.shared.library.indexer;
        if let Some((identity, length)) = indexer.length_to_compare().await? {
            let stale = self.shared.queue.expire(recipe, length).await?;
            if stale > 0 {
                tracing::info!(documents = stale, length, "vectors of another length are stale");
            }
            indexer.lengths.compared(&identity, length);
        }
        Ok(())
    }

    /// Cancels a job. Completed items stay done.
    pub async fn cancel(&self, job: &Job, by: &By) -> Result<Job> {
        if job.state.is_over() {
            return Err(Error::invalid("job", "has ended already"));
        }
        let event = by.event("job_cancelled", json!({ "jobId": job.id.0 }).to_string());
        let cancelled = self.shared.jobs.cancel(job.id, event).await?;
        // A running job is counted when its worker ends it.
        if let Some(job) = cancelled.as_ref().filter(|job| job.state.is_over()) {
            self.shared.meter.job(job);
        }
        self.notify(job.id);
        cancelled.ok_or_else(|| Error::not_found("job", job.id))
    }

    /// Retries the failed documents of a job.
    pub async fn retry(&self, job: &Job, by: &By) -> Result<Job> {
        if !job.state.is_over() {
            return Err(Error::invalid("job", "has not ended yet"));
        }
        if job.progress.failed == 0 {
            return Err(Error::invalid("job", "has no failed documents"));
        }
        let event = by.event("job_retried", json!({ "jobId": job.id.0 }).to_string());
        let queued = self.shared.jobs.retry(job.id, event).await?;
        self.notify(job.id);
        queued.ok_or_else(|| Error::not_found("job", job.id))
    }

    /// Returns a watcher for changes of a job after `cursor`.
    pub fn watch(&self, id: JobId, cursor: Cursor) -> JobWatcher {
        JobWatcher::new(self.clone(), id, cursor)
    }

    /// Runs jobs as they become due. Never returns; can be dropped at any time.
    pub async fn work(&self) {
        let slots = Arc::new(Semaphore::new(SLOTS));
        let mut stage = self.shared.stage.subscribe();
        loop {
            while *stage.borrow_and_update() == Stage::All {
                let Ok(slot) = slots.clone().try_acquire_owned() else { break };
                let claimed = match self.claim().await {
                    Ok(Some(claimed)) => claimed,
                    Ok(None) => break,
                    Err(error) => {
                        tracing::warn!(%error, "failed to query jobs");
                        break;
                    }
                };
                let workers = self.clone();
                self.shared.runtime.spawn(async move {
                    let id = claimed.job.id;
                    let worker = Worker::new(workers.clone(), claimed).in_slot(slot);
                    if let Err(error) = worker.run(None).await {
                        tracing::warn!(job = id.0, %error, "failed to run a job");
                    }
                    workers.shared.wake.notify_one();
                });
            }
            tokio::select! {
                () = self.shared.wake.notified() => {}
                () = sleep(LOOK) => {}
            }
        }
    }

    async fn claim(&self) -> Result<Option<ClaimedJob>> {
        // A check needs no lock; a claim waits for other writers.
        match self.shared.queue.is_due(Utc::now()).await? {
            true => self.shared.queue.claim(lease_request(), Utc::now()).await,
            false => Ok(None),
        }
    }

    /// From now on, runs only jobs that requests wait for. Others return to the queue.
    pub fn wind_down(&self) {
        self.shared.stage.send_replace(Stage::Awaited);
    }

    /// Returns every unfinished job to the queue and waits until that is done.
    pub async fn stop(&self) {
        self.shared.stage.send_replace(Stage::Nothing);
        if timeout(LAST, self.shared.driving.write()).await.is_err() {
            tracing::warn!(
                "some jobs were not returned to the queue; they continue when their \
                 leases expire"
            );
        }
    }

    /// Returns the work left for all processes that use the database.
    pub async fn backlog(&self) -> Result<Backlog> {
        self.shared.queue.backlog().await
    }

    /// Makes jobs due that were left by a process known to be dead.
    pub async fn release(&self, now: DateTime<Utc>) -> Result<u64> {
        self.shared.queue.release(now).await
    }

    /// Deletes the oldest jobs that have ended.
    pub async fn prune(&self, now: DateTime<Utc>) -> Result<u64> {
        let retention = Retention { before: now - KEPT_FOR, jobs: KEPT, items: KEPT_ITEMS };
        self.shared.queue.prune(retention).await
    }

    pub(crate) fn notify(&self, job: JobId) {
        self.send(JobChange { job, worker: None });
        self.shared.wake.notify_one();
    }

    /// Notifies others of a change made by the holder of a lease.
    fn notify_others(&self, lease: &Lease) {
        self.send(JobChange { job: lease.job, worker: Some(lease.token) });
    }

    fn send(&self, change: JobChange) {
        // There may be no subscribers.
        let _ = self.shared.changes.send(change);
    }
}

/// Returns the audit event for documents added to a job.
pub(crate) fn created(workspace: &Workspace, documents: usize, by: &By) -> Event {
    let name = &workspace.settings.name;
    let details = json!({ "workspaceName": name, "numberOfDocuments": documents });
    by.event("embedding_job_created", details.to_string())
}

/// Returns a request for a new lease that starts now.
pub(crate) fn lease_request() -> LeaseRequest {
    LeaseRequest { token: Uuid::new_v4(), until: Utc::now() + LEASE }
}

#[cfg(test)]
mod tests;
