//! Following a job: past changes that were missed, then new ones as they come.
use std::time::Duration;

use carrel_domain::JobId;
use carrel_domain::job::{Cursor, Job, JobItem};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep_until};

use super::heartbeat::{JobChange, changed};
use super::{PAGE, Stage, Workers};

/// The interval at which an empty update is sent if nothing changes.
const PAUSE: Duration = Duration::from_secs(15);
/// Polling interval for changes made by other processes.
const LOOK: Duration = Duration::from_secs(5);

/// An update about a job.
#[derive(Clone, Debug)]
pub enum JobUpdate {
    /// Items that have changed, in order of change.
    Changed {
        /// The changed items.
        items: Vec<JobItem>,
        /// The job after these changes. Absent if more changes follow at once.
        job: Option<Box<Job>>,
    },
    /// Nothing has changed. Sent at intervals to keep connections open.
    Nothing,
}

/// Follows the changes of a job.
pub struct JobWatcher {
    workers: Workers,
    id: JobId,
    cursor: Cursor,
    /// Whether the job itself has been reported.
    is_started: bool,
    is_over: bool,
    changes: broadcast::Receiver<JobChange>,
    stage: watch::Receiver<Stage>,
    quiet_since: Instant,
}

impl JobWatcher {
    pub(super) fn new(workers: Workers, id: JobId, cursor: Cursor) -> Self {
        let (changes, stage) =
            (workers.shared.changes.subscribe(), workers.shared.stage.subscribe());
        let quiet_since = Instant::now();
        Self { workers, id, cursor, is_started: false, is_over: false, changes, stage, quiet_since }
    }

    /// Waits for the next update. Returns `None` after the end of the job, if it was deleted, or
    /// when the server stops.
    pub async fn next(&mut self) -> Option<JobUpdate> {
        while !self.is_over {
            match self.workers.shared.jobs.changed(self.id, self.cursor, PAGE).await {
                Ok(None) => return None,
                Ok(Some((job, items))) => {
                    if let Some(update) = self.update(job, items) {
                        self.quiet_since = Instant::now();
                        return Some(update);
                    }
                }
                Err(error) => tracing::warn!(%error, "failed to query the changes of a job"),
            }
            let quiet = self.quiet_since + PAUSE;
            tokio::select! {
                _ = self.stage.wait_for(|stage| *stage != Stage::All) => return None,
                () = changed(&mut self.changes, self.id, None) => {}
                () = sleep_until(quiet.min(Instant::now() + LOOK)) => {
                    if Instant::now() >= quiet {
                        self.quiet_since = Instant::now();
                        return Some(JobUpdate::Nothing);
                    }
                }
            }
        }
        None
    }

    fn update(&mut self, job: Job, items: Vec<JobItem>) -> Option<JobUpdate> {
        if items.len() >= PAGE as usize {
            let last = items.last()?;
            self.cursor = Cursor { changes: last.changed, number: last.number };
            return Some(JobUpdate::Changed { items, job: None });
        }
        self.is_over = job.state.is_over();
        if self.is_started && items.is_empty() && job.changes <= self.cursor.changes {
            return None;
        }
        self.is_started = true;
        self.cursor = Cursor::all(job.changes);
        Some(JobUpdate::Changed { items, job: Some(Box::new(job)) })
    }
}
