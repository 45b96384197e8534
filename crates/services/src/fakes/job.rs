//! A job in memory.
use carrel_domain::job::{ItemState, Job, JobItem, JobProgress, JobState};
use uuid::Uuid;

pub struct FakeJob {
    pub job: Job,
    pub lease: Option<Uuid>,
    pub items: Vec<JobItem>,
}

impl FakeJob {
    pub(super) fn change(&mut self) -> i64 {
        self.job.changes += 1;
        self.job.changes
    }

    pub(super) fn move_items(&mut self, from: ItemState, to: ItemState, reason: Option<String>) {
        let changed = self.change();
        for item in self.items.iter_mut().filter(|item| item.state == from) {
            (item.state, item.reason, item.changed) = (to, reason.clone(), changed);
        }
        self.count();
    }

    pub(super) fn count(&mut self) {
        let count = |state| self.items.iter().filter(|item| item.state == state).count() as u32;
        self.job.progress = JobProgress {
            total: self.items.len() as u32,
            done: count(ItemState::Done),
            failed: count(ItemState::Failed),
            cancelled: count(ItemState::Cancelled),
        };
    }

    pub(super) fn end(&mut self, failure: Option<String>) {
        let final_state = if failure.is_some() { ItemState::Failed } else { ItemState::Cancelled };
        self.move_items(ItemState::Queued, final_state, failure.clone());
        self.job.state = match self.job.progress {
            JobProgress { cancelled: 1.., .. } => JobState::Cancelled,
            JobProgress { failed: 1.., .. } => JobState::Failed,
            _ => JobState::Done,
        };
        (self.lease, self.job.due_at, self.job.error) = (None, None, failure);
    }
}
