//! Jobs: created for clients, run with or without them waiting, followed, cancelled, retried.
//!
//! A job is a row with an item for each document. The worker that runs it holds a lease and renews
//! it. When a process vanishes, its leases expire and other processes continue with the unfinished
//! items. Each step embeds some documents and records them as done in the transaction that stores
//! their passages, so nothing is done twice or by halves.
mod batch;
mod large;
mod recording;
mod waiting;
mod watcher;
mod worker;

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use carrel_domain::audit::{By, Event};
use carrel_domain::job::queue::{
    Backlog, ClaimedJob, JobQueue, LeaseRequest, QueuedRefreshes, Retention,
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

pub use watcher::{JobUpdate, JobWatcher};

use crate::library::{Failures, Library};
use crate::meter::Meter;
pub(crate) use waiting::EndedJob;
use worker::Worker;

/// How many jobs nobody waits for are worked on at a time. Each has one batch with the embedder.
const SLOTS: usize = 2;
/// How many steps are made at a time, for whomever: each holds the texts and vectors of its documents.
const STEPS: usize = 4;
/// How many recordings are transcribed at a time.
const TRANSCRIBING: usize = 1;
/// How long a lease lasts unless it is prolonged: after that, others take its holder for gone.
const LEASE: TimeDelta = TimeDelta::seconds(20);
/// How often is looked for jobs that nobody here has told of: put off, left, or made elsewhere.
const LOOK: Duration = Duration::from_secs(2);
/// The most documents in one job.
const MOST_DOCUMENTS: usize = 100_000;
/// Items that are read at a time.
const PAGE: u32 = 500;
/// How long jobs are remembered that are over, how many at most, and with how many items.
const KEPT_FOR: TimeDelta = TimeDelta::days(30);
const KEPT: usize = 1_000;
const KEPT_ITEMS: u64 = 200_000;
/// How long is waited at the end for leases to be given back.
const LAST: Duration = Duration::from_secs(5);

/// The work in progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Stage {
    All,
    /// The jobs for which clients wait.
    Awaited,
    Nothing,
}

/// Makes jobs and works on them. Cheap to clone.
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
    /// The background tasks for work that outlives its request.
    runtime: Handle,
    /// Jobs that have changed, by whoever is here.
    told: broadcast::Sender<JobId>,
    wake: Notify,
    stage: watch::Sender<Stage>,
    steps: Arc<Semaphore>,
    transcribing: Arc<Semaphore>,
    /// Held for reading by whoever works on a job.
    driving: Arc<RwLock<()>>,
}

impl Workers {
    /// Must be called within the tokio runtime in which jobs are to be worked on.
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
            told: broadcast::channel(256).0,
            wake: Notify::new(),
            stage: watch::channel(Stage::All).0,
            steps: Arc::new(Semaphore::new(STEPS)),
            transcribing: Arc::new(Semaphore::new(TRANSCRIBING)),
            driving: Arc::default(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// Indexes documents of the library for a workspace and waits for it: what fails is returned with
    /// the reason, and does not keep the others out. Goes on when the caller stops waiting.
    pub async fn embed(
        &self,
        workspace: &Workspace,
        paths: Vec<DocumentPath>,
        by: &By,
    ) -> Result<Failures> {
        if paths.is_empty() {
            return Ok(Failures::new());
        }
        let hold = lease_request();
        let job = self.create(workspace, paths, Some(hold), by).await?;
        let id = job.id;
        let ended = self.finish(vec![job], hold).await?.pop();
        let ended = ended.ok_or_else(|| Error::not_found("job", id))?;
        if !ended.is_over {
            let reason = "it is stopping; the job continues when it has started again";
            return Err(Error::unavailable("the server", reason));
        }
        let told = |(path, reason): (DocumentPath, String)| (path.to_string(), reason);
        Ok(ended.failures.into_iter().map(told).collect())
    }

    /// Works on jobs that are held for a request, to their end.
    pub(crate) async fn finish(&self, jobs: Vec<Job>, hold: LeaseRequest) -> Result<Vec<EndedJob>> {
        waiting::finish(self, jobs, hold).await
    }

    /// As [`Workers::embed`], without waiting.
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

    /// As [`Workers::embed_later`], in a job there is already, if that is one of the workspace and
    /// still takes documents: what comes one by one is followed as one.
    pub(crate) async fn embed_along(
        &self,
        along: Option<JobId>,
        workspace: &Workspace,
        paths: Vec<DocumentPath>,
        by: &By,
    ) -> Result<Job> {
        let known = match along {
            Some(along) => self.shared.jobs.by_id(along).await?,
            None => None,
        };
        let has_room = |job: &Job| job.progress.total as usize + paths.len() <= MOST_DOCUMENTS;
        if let Some(along) = known.filter(|job| job.workspace.id == workspace.id && has_room(job)) {
            let event = created(workspace, paths.len(), by);
            if let Some(job) = self.shared.jobs.extend(along.id, paths.clone(), event).await? {
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

    /// Removes files of recordings from before `before` that no job waits for. Returns how many.
    pub async fn sweep_recordings(&self, before: SystemTime) -> Result<usize> {
        let pending = self.shared.recordings.pending().await?;
        let wanted =
            pending.iter().map(|details| recording::file(details)).collect::<Result<_>>()?;
        self.shared.library.recordings.sweep(wanted, before).await
    }

    async fn create(
        &self,
        workspace: &Workspace,
        mut paths: Vec<DocumentPath>,
        hold: Option<LeaseRequest>,
        by: &By,
    ) -> Result<Job> {
        let mut seen = HashSet::with_capacity(paths.len());
        paths.retain(|path| seen.insert(path.clone()));
        if paths.len() > MOST_DOCUMENTS {
            return Err(Error::invalid("adds", "must not name more than 100000 documents"));
        }
        let event = created(workspace, paths.len(), by);
        let (kind, workspace) = (JobKind::Embed, workspace.id);
        let new = NewJob { kind, workspace, paths, awaited: hold.is_some() };
        self.shared.jobs.create(new, hold, event).await
    }

    /// Queues a job for every workspace with documents that were embedded by another recipe than
    /// that of now.
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

    /// Marks documents as stale whose vectors are not as long as those the embedder makes now. Each
    /// length it shows is compared with what is stored once.
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

    /// Calls a job off. What it has done stays done.
    pub async fn cancel(&self, job: &Job, by: &By) -> Result<Job> {
        if job.state.is_over() {
            return Err(Error::invalid("job", "has ended already"));
        }
        let event = by.event("job_cancelled", json!({ "jobId": job.id.0 }).to_string());
        let cancelled = self.shared.jobs.cancel(job.id, event).await?;
        // One that somebody works on is counted when they have heard of it.
        if let Some(job) = cancelled.as_ref().filter(|job| job.state.is_over()) {
            self.shared.meter.job(job);
        }
        self.notify(job.id);
        cancelled.ok_or_else(|| Error::not_found("job", job.id))
    }

    /// Has the failed documents of a job tried again.
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

    /// Tells of a job's changes from those that are known already.
    pub fn watch(&self, id: JobId, told: Cursor) -> JobWatcher {
        JobWatcher::new(self.clone(), id, told)
    }

    /// Works on jobs as they become due. Never ends, and can be dropped at any moment.
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
        // A look disturbs nobody; a claim waits for its turn among those who write.
        match self.shared.queue.is_due(Utc::now()).await? {
            true => self.shared.queue.claim(lease_request(), Utc::now()).await,
            false => Ok(None),
        }
    }

    /// From now on only what clients wait for is worked on; the rest goes back to the queue.
    pub fn wind_down(&self) {
        self.shared.stage.send_replace(Stage::Awaited);
    }

    /// Gives every job back that is not over yet, and waits until that is done.
    pub async fn stop(&self) {
        self.shared.stage.send_replace(Stage::Nothing);
        if timeout(LAST, self.shared.driving.write()).await.is_err() {
            tracing::warn!(
                "some jobs were not returned to the queue; they continue when their \
                 leases expire"
            );
        }
    }

    /// Returns the remaining work of all processes on the database.
    pub async fn backlog(&self) -> Result<Backlog> {
        self.shared.queue.backlog().await
    }

    /// Makes jobs due that a process has left which is known to be gone.
    pub async fn release(&self, now: DateTime<Utc>) -> Result<u64> {
        self.shared.queue.release(now).await
    }

    /// Forgets the oldest jobs that are over.
    pub async fn prune(&self, now: DateTime<Utc>) -> Result<u64> {
        let retention = Retention { before: now - KEPT_FOR, jobs: KEPT, items: KEPT_ITEMS };
        self.shared.queue.prune(retention).await
    }

    pub(crate) fn notify(&self, job: JobId) {
        // Nobody may be listening.
        let _ = self.shared.told.send(job);
        self.shared.wake.notify_one();
    }
}

/// The details of the audit event for documents that are added to a job.
pub(crate) fn created(workspace: &Workspace, documents: usize, by: &By) -> Event {
    let name = &workspace.settings.name;
    let details = json!({ "workspaceName": name, "numberOfDocuments": documents });
    by.event("embedding_job_created", details.to_string())
}

/// A lease from now on.
pub(crate) fn lease_request() -> LeaseRequest {
    LeaseRequest { token: Uuid::new_v4(), until: Utc::now() + LEASE }
}

#[cfg(test)]
mod tests;
