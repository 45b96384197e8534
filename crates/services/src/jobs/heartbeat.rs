//! Keeping the lease of a running job, and noticing why its work must stop.
use std::time::Duration;

use carrel_domain::JobId;
use carrel_domain::job::Job;
use carrel_domain::job::queue::Lease;
use chrono::Utc;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio::time::sleep;
use uuid::Uuid;

use super::{LEASE, Stage, Workers};

/// The interval at which a lease is renewed during a step.
const INTERVAL: Duration = Duration::from_secs(5);

/// Why a step is interrupted.
pub(super) enum Interrupt {
    /// Another worker has claimed the job.
    Lost,
    Cancelled,
    Stopping,
}

/// A notification of a changed job.
#[derive(Clone, Copy, Debug)]
pub(super) struct JobChange {
    pub(super) job: JobId,
    /// The token of the worker that made the change and therefore knows of it.
    pub(super) worker: Option<Uuid>,
}

/// Renews a lease.
pub(super) struct Heartbeat {
    workers: Workers,
    lease: Lease,
    /// The last stage in which the job may run.
    last: Stage,
    changes: broadcast::Receiver<JobChange>,
    stage: watch::Receiver<Stage>,
}

impl Heartbeat {
    pub(super) fn new(workers: Workers, job: &Job, lease: Lease) -> Self {
        let last = if job.awaited { Stage::Awaited } else { Stage::All };
        let (changes, stage) =
            (workers.shared.changes.subscribe(), workers.shared.stage.subscribe());
        Self { workers, lease, last, changes, stage }
    }

    /// Renews the lease while it is polled. Completes when the work must stop.
    pub(super) async fn interrupt(&mut self) -> Interrupt {
        let job = self.lease.job;
        loop {
            tokio::select! {
                _ = self.stage.wait_for(|stage| *stage > self.last) => return Interrupt::Stopping,
                () = sleep(INTERVAL) => {}
                () = changed(&mut self.changes, job, Some(self.lease.token)) => {}
            }
            match self.workers.shared.queue.renew(&self.lease, Utc::now() + LEASE).await {
                Ok(Some(job)) if job.cancelling => return Interrupt::Cancelled,
                Ok(Some(_)) => {}
                Ok(None) => return Interrupt::Lost,
                Err(error) => tracing::warn!(job = job.0, %error, "failed to renew a lease"),
            }
        }
    }
}

/// Waits for a notification about the job, except those sent by `worker`.
pub(super) async fn changed(
    changes: &mut broadcast::Receiver<JobChange>,
    job: JobId,
    worker: Option<Uuid>,
) {
    loop {
        match changes.recv().await {
            Ok(change) if change.job != job => {}
            Ok(change) if worker.is_some() && change.worker == worker => {}
            Ok(_) | Err(RecvError::Lagged(_)) => return,
            // The sender is never dropped while workers exist.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_worker_does_not_wait_for_its_own_changes() {
        let (changes, mut receiver) = broadcast::channel(8);
        let (mine, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let send = |job, worker| changes.send(JobChange { job: JobId(job), worker }).unwrap();
        send(1, Some(mine));
        send(2, None);
        let waiting = changed(&mut receiver, JobId(1), Some(mine));
        assert!(tokio::time::timeout(INTERVAL, waiting).await.is_err());
        for worker in [None, Some(other)] {
            send(1, worker);
            changed(&mut receiver, JobId(1), Some(mine)).await;
        }
        // Whoever watches the job sees every change.
        send(1, Some(mine));
        changed(&mut receiver, JobId(1), None).await;
    }
}
