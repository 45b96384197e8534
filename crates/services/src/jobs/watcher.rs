//! Telling of a job's changes as they come, and what was missed.
use std::time::Duration;

use carrel_domain::JobId;
use carrel_domain::job::{Cursor, Job, JobItem};
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, sleep_until};

use super::worker::changed;
use super::{PAGE, Stage, Workers};

/// After how long without news it is said that there are none.
const PAUSE: Duration = Duration::from_secs(15);
/// How often is looked for changes that somebody elsewhere has made.
const LOOK: Duration = Duration::from_secs(5);

/// An event of a job.
#[derive(Clone, Debug)]
pub enum JobUpdate {
    /// Items that have changed, in the order of change, and the job as it is after them; without
    /// the job there is more to come at once.
    Changed {
        /// The items that have changed.
        items: Vec<JobItem>,
        /// The job, when it has changed itself.
        job: Option<Box<Job>>,
    },
    /// The job and its items are as they were. Comes now and then, so that connections stay open.
    Nothing,
}

/// Somebody who wants to know of a job's changes.
pub struct JobWatcher {
    workers: Workers,
    id: JobId,
    told: Cursor,
    /// Whether the job itself has been told of.
    begun: bool,
    is_over: bool,
    changes: broadcast::Receiver<JobId>,
    stage: watch::Receiver<Stage>,
    quiet_since: Instant,
}

impl JobWatcher {
    pub(super) fn new(workers: Workers, id: JobId, told: Cursor) -> Self {
        let (changes, stage) = (workers.shared.told.subscribe(), workers.shared.stage.subscribe());
        let quiet_since = Instant::now();
        Self { workers, id, told, begun: false, is_over: false, changes, stage, quiet_since }
    }

    /// Waits for news. `None` after the end of the job, when it has gone with its workspace, and
    /// when the server stops.
    pub async fn next(&mut self) -> Option<JobUpdate> {
        while !self.is_over {
            match self.workers.shared.jobs.changed(self.id, self.told, PAGE).await {
                Ok(None) => return None,
                Ok(Some((job, items))) => {
                    if let Some(news) = self.news(job, items) {
                        self.quiet_since = Instant::now();
                        return Some(news);
                    }
                }
                Err(error) => tracing::warn!(%error, "failed to query the changes of a job"),
            }
            let quiet = self.quiet_since + PAUSE;
            tokio::select! {
                _ = self.stage.wait_for(|stage| *stage != Stage::All) => return None,
                () = changed(&mut self.changes, self.id) => {}
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

    fn news(&mut self, job: Job, items: Vec<JobItem>) -> Option<JobUpdate> {
        if items.len() >= PAGE as usize {
            let last = items.last()?;
            self.told = Cursor { changes: last.changed, number: last.number };
            return Some(JobUpdate::Changed { items, job: None });
        }
        self.is_over = job.state.is_over();
        if self.begun && items.is_empty() && job.changes <= self.told.changes {
            return None;
        }
        self.begun = true;
        self.told = Cursor::all(job.changes);
        Some(JobUpdate::Changed { items, job: Some(Box::new(job)) })
    }
}
