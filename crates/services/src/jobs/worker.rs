//! Runs one job step by step until it ends or must be returned to the queue.
use std::time::{Duration, Instant};

use carrel_domain::audit::{By, Event};
use carrel_domain::job::queue::{
    ClaimedJob, FinishedItem, ItemOutcome, Lease, Requeue, StepResult,
};
use carrel_domain::job::{ItemState, Job, JobKind};
use carrel_domain::{Error, JobId, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{OwnedSemaphorePermit, broadcast, oneshot, watch};
use tokio::time::sleep;

use super::batch::{Step, step};
use super::large::{AfterPart, LargeDocument};
use super::recording::{self, AfterRecording};
use super::{LEASE, Stage, Workers};

/// The interval at which a lease is renewed during a step.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The time after which a job yields to waiting jobs.
const TURN: Duration = Duration::from_secs(2);
/// The number of times a job is postponed because the embedder is down. After that, its remaining
/// items fail.
const PUT_OFF: u32 = 8;
/// The first delay. Each following one is twice as long.
const PAUSE: TimeDelta = TimeDelta::seconds(2);
/// The maximum delay.
const LONGEST_PAUSE: TimeDelta = TimeDelta::seconds(300);
/// The number of processes a job may kill without progress. After that, the next document is
/// considered the cause.
const VANISHED: u32 = 4;

pub(super) struct Worker {
    pub(super) workers: Workers,
    pub(super) job: Job,
    pub(super) lease: Lease,
    resumed: bool,
    pub(super) changes: broadcast::Receiver<JobId>,
    pub(super) stage: watch::Receiver<Stage>,
    started: Instant,
    /// The first failure.
    pub(super) cause: Option<Error>,
    /// The slot of a job that no request waits for.
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

/// Why a step is interrupted.
pub(super) enum Interrupt {
    /// Another worker has claimed the job.
    Lost,
    Cancelled,
    Stopping,
}

impl Worker {
    pub(super) fn new(workers: Workers, claimed: ClaimedJob) -> Self {
        let ClaimedJob { job, lease, resumed } = claimed;
        let (changes, stage) =
            (workers.shared.changes.subscribe(), workers.shared.stage.subscribe());
        let (started, cause, slot) = (Instant::now(), None, None);
        Self { workers, job, lease, resumed, changes, stage, started, cause, slot }
    }

    pub(super) fn in_slot(self, slot: OwnedSemaphorePermit) -> Self {
        Self { slot: Some(slot), ..self }
    }

    /// Runs the job after the sender of `before` is dropped, until it ends or must yield. Returns
    /// the first failure of a document. Fails if the database fails; the job then continues after
    /// its lease has expired.
    pub(super) async fn run(
        mut self,
        before: Option<oneshot::Receiver<()>>,
    ) -> Result<Option<Error>> {
        let driving = self.workers.shared.driving.clone().read_owned().await;
        let ended = self.drive(before).await;
        self.workers.notify(self.job.id);
        drop(driving);
        ended.map(|()| self.cause)
    }

    async fn drive(&mut self, before: Option<oneshot::Receiver<()>>) -> Result<()> {
        if let Some(before) = before {
            let interrupted = heartbeat(
                &self.workers,
                &self.job,
                &self.lease,
                &mut self.changes,
                &mut self.stage,
            );
            tokio::select! {
                biased;
                interrupt = interrupted => return self.leave(interrupt, None).await,
                _ = before => {}
            }
        }
        if self.job.cancelling {
            return self.end(None).await;
        }
        if self.resumed {
            tracing::info!(job = self.job.id.0, "resuming an abandoned job");
        }
        if self.resumed && self.job.attempts >= VANISHED {
            self.give_up_on_next().await?;
        }
        let mut large: Option<LargeDocument> = None;
        loop {
            // A started write is always completed; only computation is interrupted.
            let one_by_one = self.resumed && self.job.attempts > 0;
            let interrupted = heartbeat(
                &self.workers,
                &self.job,
                &self.lease,
                &mut self.changes,
                &mut self.stage,
            );
            let step = tokio::select! {
                biased;
                interrupt = interrupted => return self.leave(interrupt, large).await,
                step = next(&self.workers, &self.job, &self.lease, one_by_one, &mut large) => step?,
            };
            let (finished, down, turn) = match step {
                Step::Over => return self.end(None).await,
                Step::Lost => return Ok(()),
                Step::Transcribe(item) => match recording::transcribe(self, item).await? {
                    AfterRecording::Next => continue,
                    AfterRecording::Left => return Ok(()),
                },
                Step::Large(document) => {
                    large = Some(document);
                    continue;
                }
                Step::Part(passages, turn) => {
                    let Some(document) = large.take() else { continue };
                    let after = self.add_part(document, passages).await?;
                    drop(turn);
                    match after {
                        AfterPart::Next(document) => large = Some(*document),
                        AfterPart::Finished(others_wait) => {
                            if self.is_others_turn(others_wait) {
                                return self.requeue(Utc::now(), 0, None).await;
                            }
                        }
                        AfterPart::Lost => return Ok(()),
                    }
                    continue;
                }
                Step::Made { finished, down, cause, turn } => {
                    self.cause = self.cause.take().or(cause);
                    (finished, down, turn)
                }
            };
            self.abandon(large.take()).await?;
            let mut others_wait = false;
            if !finished.is_empty() {
                match self.complete(finished).await? {
                    None => return Ok(()),
                    Some(waiting) => others_wait = waiting,
                }
            }
            drop(turn);
            if self.job.cancelling {
                return self.end(None).await;
            }
            if let Some(reason) = down {
                return self.put_off(reason).await;
            }
            if self.is_others_turn(others_wait) {
                return self.requeue(Utc::now(), 0, None).await;
            }
        }
    }

    fn is_others_turn(&self, others_wait: bool) -> bool {
        others_wait && !self.job.awaited && self.started.elapsed() >= TURN
    }

    /// Records a step and updates the index. Returns whether other jobs wait, or `None` if the job
    /// is lost.
    pub(super) async fn complete(&mut self, finished: Vec<FinishedItem>) -> Result<Option<bool>> {
        let (queue, index) = (&self.workers.shared.queue, &self.workers.shared.library.index);
        let now = Utc::now();
        let event = placed(&self.job, &finished, now);
        let outcomes: Vec<_> = finished.iter().filter_map(|one| outcome(&one.outcome)).collect();
        let completed = queue.complete(&self.lease, finished, now + LEASE, event).await?;
        let Some(StepResult { job, placed, replaced, others_wait }) = completed else {
            return Ok(None);
        };
        outcomes.into_iter().for_each(|outcome| self.workers.shared.meter.document(outcome));
        let workspace = job.workspace.id;
        self.job = job;
        self.workers.notify(self.job.id);
        if !replaced.is_empty() {
            index.remove(workspace, &replaced).await?;
        }
        for place in placed {
            index.upsert(workspace, place).await?;
        }
        Ok(Some(others_wait))
    }

    async fn give_up_on_next(&mut self) -> Result<()> {
        let waiting = self.workers.shared.queue.pending_items(&self.lease, 1).await?;
        let Some(item) = waiting.into_iter().flatten().next() else { return Ok(()) };
        let reason = "the server ended several times while this document was being embedded";
        let outcome = ItemOutcome::Failed(reason.to_owned());
        self.complete(vec![FinishedItem { item, outcome }]).await.map(drop)
    }

    /// Leaves the job. Stored parts of a large document stay if the server stops; the job then
    /// restarts the document and removes them at its end.
    pub(super) async fn leave(
        &mut self,
        interrupt: Interrupt,
        large: Option<LargeDocument>,
    ) -> Result<()> {
        match interrupt {
            Interrupt::Lost => Ok(()),
            Interrupt::Cancelled => {
                self.abandon(large).await?;
                self.end(None).await
            }
            Interrupt::Stopping => {
                let (attempts, error) = (self.job.attempts, self.job.error.clone());
                self.requeue(Utc::now(), attempts, error).await
            }
        }
    }

    /// Postpones the job because the embedder is down, unless a client waits or there were too many
    /// attempts.
    pub(super) async fn put_off(&mut self, reason: String) -> Result<()> {
        let attempts = self.job.attempts + 1;
        if self.job.awaited || attempts > PUT_OFF {
            return self.end(Some(reason)).await;
        }
        let pause = PAUSE * 2_i32.saturating_pow(attempts.saturating_sub(1));
        let due = Utc::now() + pause.min(LONGEST_PAUSE);
        self.requeue(due, attempts, Some(reason)).await
    }

    pub(super) async fn requeue(
        &mut self,
        due_at: DateTime<Utc>,
        attempts: u32,
        error: Option<String>,
    ) -> Result<()> {
        let how = Requeue { due_at, attempts, error };
        self.workers.shared.queue.requeue(&self.lease, how, Utc::now()).await.map(drop)
    }

    pub(super) async fn end(&mut self, failure: Option<String>) -> Result<()> {
        let ended = self.workers.shared.queue.end(&self.lease, failure, Utc::now()).await?;
        // A job that has received more items returns to the queue.
        if let Some(job) = ended.filter(|job| job.state.is_over()) {
            self.workers.shared.meter.job(&job);
        }
        Ok(())
    }
}

/// Computes the next step: the next part of the current large document, or the next documents of
/// the job.
async fn next(
    workers: &Workers,
    job: &Job,
    lease: &Lease,
    one_by_one: bool,
    large: &mut Option<LargeDocument>,
) -> Result<Step> {
    match large {
        Some(document) => document.step(workers, job).await,
        None => step(workers, job, lease, one_by_one).await,
    }
}

/// Renews a lease while it is polled. Completes when the work must stop.
pub(super) async fn heartbeat(
    workers: &Workers,
    job: &Job,
    lease: &Lease,
    changes: &mut broadcast::Receiver<JobId>,
    stage: &mut watch::Receiver<Stage>,
) -> Interrupt {
    let last = if job.awaited { Stage::Awaited } else { Stage::All };
    loop {
        tokio::select! {
            _ = stage.wait_for(|stage| *stage > last) => return Interrupt::Stopping,
            () = sleep(HEARTBEAT) => {}
            () = changed(changes, job.id) => {}
        }
        match workers.shared.queue.renew(lease, Utc::now() + LEASE).await {
            Ok(Some(job)) if job.cancelling => return Interrupt::Cancelled,
            Ok(Some(_)) => {}
            Ok(None) => return Interrupt::Lost,
            Err(error) => tracing::warn!(job = job.id.0, %error, "failed to renew a lease"),
        }
    }
}

/// Waits for a notification about the job.
pub(super) async fn changed(changes: &mut broadcast::Receiver<JobId>, id: JobId) {
    loop {
        match changes.recv().await {
            Ok(other) if other != id => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // The sender is never dropped while workers exist.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Returns the final state of an item, or `None` if it will be retried.
fn outcome(outcome: &ItemOutcome) -> Option<ItemState> {
    match outcome {
        ItemOutcome::Indexed(_) | ItemOutcome::IndexedInParts { .. } | ItemOutcome::Unchanged => {
            Some(ItemState::Done)
        }
        ItemOutcome::Failed(_) => Some(ItemState::Failed),
        ItemOutcome::Again(_) => None,
    }
}

/// Returns the event of a step, with the author of the job.
fn placed(job: &Job, finished: &[FinishedItem], now: DateTime<Utc>) -> Event {
    let is_placed = |finished: &&FinishedItem| {
        matches!(finished.outcome, ItemOutcome::Indexed(_) | ItemOutcome::IndexedInParts { .. })
    };
    let paths = finished.iter().filter(is_placed).map(|finished| finished.item.path.to_string());
    let paths: Vec<_> = paths.collect();
    let name = match job.kind {
        JobKind::Embed => "workspace_documents_added",
        JobKind::Refresh => "workspace_documents_refreshed",
    };
    let details = json!({ "workspaceName": job.workspace.name, "documents": paths });
    By { at: now, ..job.by.clone() }.event(name, details.to_string())
}
