//! Runs one job step by step until it ends or must be returned to the queue.
use std::time::{Duration, Instant};

use carrel_domain::audit::{By, Event};
use carrel_domain::job::queue::{
    ClaimedJob, FinishedItem, ItemOutcome, Lease, Requeue, StepResult,
};
use carrel_domain::job::{ItemState, Job, JobKind};
use carrel_domain::{Error, Result};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::batch::{Step, StepInput, step};
use super::heartbeat::{Heartbeat, Interrupt};
use super::large::{AfterPart, LargeDocument};
use super::recording::{self, AfterRecording};
use super::{KnownTexts, LEASE, Workers};

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
    pub(super) heartbeat: Heartbeat,
    started: Instant,
    /// The first failure.
    pub(super) cause: Option<Error>,
    /// Texts that need not be read from files.
    texts: KnownTexts,
    /// The slot of a job that no request waits for.
    pub(super) slot: Option<OwnedSemaphorePermit>,
}

/// A job after its worker has left it.
pub(super) struct LeftJob {
    /// The job as the worker last saw it.
    pub(super) job: Job,
    /// The first failure of a document.
    pub(super) cause: Option<Error>,
}

impl Worker {
    pub(super) fn new(workers: Workers, claimed: ClaimedJob) -> Self {
        let ClaimedJob { job, lease, resumed } = claimed;
        let heartbeat = Heartbeat::new(workers.clone(), &job, lease);
        let (started, texts) = (Instant::now(), KnownTexts::default());
        let (cause, slot) = (None, None);
        Self { workers, job, lease, resumed, heartbeat, started, cause, texts, slot }
    }

    pub(super) fn in_slot(self, slot: OwnedSemaphorePermit) -> Self {
        Self { slot: Some(slot), ..self }
    }

    pub(super) fn with_texts(self, texts: KnownTexts) -> Self {
        Self { texts, ..self }
    }

    /// Runs the job after the sender of `before` is dropped, until it ends or must yield. Fails if
    /// the database fails; the job then continues after its lease has expired.
    pub(super) async fn run(mut self, before: Option<oneshot::Receiver<()>>) -> Result<LeftJob> {
        let driving = self.workers.shared.driving.clone().read_owned().await;
        let ended = self.drive(before).await;
        self.workers.notify_others(&self.lease);
        drop(driving);
        ended.map(|()| LeftJob { job: self.job, cause: self.cause })
    }

    async fn drive(&mut self, before: Option<oneshot::Receiver<()>>) -> Result<()> {
        if let Some(before) = before {
            tokio::select! {
                biased;
                interrupt = self.heartbeat.interrupt() => return self.leave(interrupt, None).await,
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
        while !self.job.state.is_over() {
            // A started write is always completed; only computation is interrupted.
            let input = StepInput {
                workers: &self.workers,
                job: &self.job,
                lease: &self.lease,
                texts: &self.texts,
                one_by_one: self.resumed && self.job.attempts > 0,
            };
            let step = tokio::select! {
                biased;
                interrupt = self.heartbeat.interrupt() => return self.leave(interrupt, large).await,
                step = next(input, &mut large) => step?,
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
        Ok(())
    }

    fn is_others_turn(&self, others_wait: bool) -> bool {
        others_wait && !self.job.awaited && self.started.elapsed() >= TURN
    }

    /// Records a step and updates the index. Returns whether other jobs wait, or `None` if the job
    /// is lost. A job that a request waits for has ended after its last step.
    pub(super) async fn complete(&mut self, finished: Vec<FinishedItem>) -> Result<Option<bool>> {
        let queue = &self.workers.shared.queue;
        let now = Utc::now();
        let event = placed(&self.job, &finished, now);
        let outcomes: Vec<_> = finished.iter().filter_map(|one| outcome(&one.outcome)).collect();
        let completed = queue.complete(&self.lease, finished, now + LEASE, event).await?;
        let Some(StepResult { job, placed, replaced, others_wait }) = completed else {
            return Ok(None);
        };
        outcomes.into_iter().for_each(|outcome| self.workers.shared.meter.document(outcome));
        let workspace = job.workspace.id;
        self.changed(job);
        let index = &self.workers.shared.library.index;
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
        if let Some(job) = ended {
            self.changed(job);
        }
        Ok(())
    }

    /// Takes over the job as stored now, and counts it if it has ended.
    pub(super) fn changed(&mut self, job: Job) {
        self.job = job;
        if self.job.state.is_over() {
            self.workers.shared.meter.job(&self.job);
        }
        self.workers.notify_others(&self.lease);
    }
}

/// Computes the next step: the next part of the current large document, or the next documents of
/// the job.
async fn next(input: StepInput<'_>, large: &mut Option<LargeDocument>) -> Result<Step> {
    match large {
        Some(document) => document.step(input.workers, input.job).await,
        None => step(input).await,
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
