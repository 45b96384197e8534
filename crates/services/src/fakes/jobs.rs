//! Jobs in memory.
use std::collections::BTreeSet;

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::job::queue::{
    Backlog, ClaimedJob, FinishedItem, ItemOutcome, JobQueue, Lease, LeaseRequest, PartResult,
    PartialIndexing, PassagePart, QueuedRefreshes, Requeue, Retention, StepResult, Superseded,
};
use carrel_domain::job::{
    Cursor, ItemState, Job, JobFilter, JobItem, JobKind, JobProgress, JobState, JobWorkspace, Jobs,
    NewJob,
};
use carrel_domain::library::WorkspaceDocument;
use carrel_domain::{Error, JobId, Result, Slug, WorkspaceDocumentId};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::world::World;

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

    fn turn(&mut self, from: ItemState, to: ItemState, reason: Option<String>) {
        let changed = self.change();
        for item in self.items.iter_mut().filter(|item| item.state == from) {
            (item.state, item.reason, item.changed) = (to, reason.clone(), changed);
        }
        self.count();
    }

    fn count(&mut self) {
        let count = |state| self.items.iter().filter(|item| item.state == state).count() as u32;
        self.job.progress = JobProgress {
            total: self.items.len() as u32,
            done: count(ItemState::Done),
            failed: count(ItemState::Failed),
            cancelled: count(ItemState::Cancelled),
        };
    }

    fn end(&mut self, failure: Option<String>) {
        let left = if failure.is_some() { ItemState::Failed } else { ItemState::Cancelled };
        self.turn(ItemState::Queued, left, failure.clone());
        self.job.state = match self.job.progress {
            JobProgress { cancelled: 1.., .. } => JobState::Cancelled,
            JobProgress { failed: 1.., .. } => JobState::Failed,
            _ => JobState::Done,
        };
        (self.lease, self.job.due_at, self.job.error) = (None, None, failure);
    }
}

fn add_job(
    world: &World,
    kind: JobKind,
    of: JobWorkspace,
    new: Vec<JobItem>,
    event: &Event,
) -> JobId {
    let mut jobs = world.jobs.lock().unwrap();
    let id = JobId(jobs.len() as i64 + 1);
    let total = new.len() as u32;
    let job = Job {
        id,
        kind,
        state: JobState::Queued,
        workspace: of,
        by: event.by.clone(),
        awaited: false,
        progress: JobProgress { total, ..JobProgress::default() },
        attempts: 0,
        error: None,
        cancelling: false,
        changes: 0,
        due_at: Some(event.by.at),
        started_at: None,
        finished_at: None,
        updated_at: event.by.at,
    };
    jobs.push(FakeJob { job, lease: None, items: new });
    id
}

pub(super) fn with_job<T>(
    world: &World,
    id: JobId,
    change: impl FnOnce(&mut FakeJob) -> T,
) -> Option<T> {
    let mut jobs = world.jobs.lock().unwrap();
    jobs.iter_mut().find(|known| known.job.id == id).map(change)
}

pub(super) fn with_lease<T>(
    world: &World,
    lease: &Lease,
    change: impl FnOnce(&mut FakeJob) -> T,
) -> Option<T> {
    with_job(world, lease.job, |known| (known.lease == Some(lease.token)).then(|| change(known)))
        .flatten()
}

fn item(path: carrel_domain::DocumentPath, number: i64) -> JobItem {
    let state = ItemState::Queued;
    JobItem { number, path, state, attempts: 0, reason: None, changed: 0, recording: None }
}

#[async_trait]
impl Jobs for World {
    async fn create(&self, new: NewJob, hold: Option<LeaseRequest>, event: Event) -> Result<Job> {
        let of = JobWorkspace { id: new.workspace, slug: Slug::of("a"), name: "a".into() };
        let items = new.paths.into_iter().zip(0..).map(|(path, number)| item(path, number));
        let id = add_job(self, new.kind, of, items.collect(), &event);
        let job = with_job(self, id, |known| {
            known.job.awaited = new.awaited;
            if let Some(hold) = hold {
                (known.lease, known.job.due_at) = (Some(hold.token), Some(hold.until));
                known.job.state = JobState::Running;
            }
            known.job.clone()
        });
        job.ok_or_else(|| Error::not_found("job", id))
    }

    async fn by_id(&self, id: JobId) -> Result<Option<Job>> {
        Ok(with_job(self, id, |known| known.job.clone()))
    }

    async fn page(&self, _: &JobFilter, _: Option<JobId>, _: u32) -> Result<Vec<Job>> {
        Ok(self.jobs.lock().unwrap().iter().map(|known| known.job.clone()).collect())
    }

    async fn items(
        &self,
        of: JobId,
        state: Option<ItemState>,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<JobItem>> {
        let is_asked_for = |item: &&JobItem| {
            state.is_none_or(|state| item.state == state) && Some(item.number) > after
        };
        let items = with_job(self, of, |known| known.items.clone()).unwrap_or_default();
        Ok(items.iter().filter(is_asked_for).take(limit as usize).cloned().collect())
    }

    async fn changed(
        &self,
        id: JobId,
        cursor: Cursor,
        limit: u32,
    ) -> Result<Option<(Job, Vec<JobItem>)>> {
        Ok(with_job(self, id, |known| {
            let is_new =
                |item: &&JobItem| (item.changed, item.number) > (cursor.changes, cursor.number);
            let mut items: Vec<_> = known.items.iter().filter(is_new).cloned().collect();
            items.sort_by_key(|item| (item.changed, item.number));
            items.truncate(limit as usize);
            (known.job.clone(), items)
        }))
    }

    async fn cancel(&self, id: JobId, _: Event) -> Result<Option<Job>> {
        Ok(with_job(self, id, |known| {
            match known.job.state {
                JobState::Queued => known.end(None),
                _ => known.job.cancelling = true,
            }
            known.job.clone()
        }))
    }

    async fn extend(
        &self,
        id: JobId,
        paths: Vec<carrel_domain::DocumentPath>,
        event: Event,
    ) -> Result<Option<Job>> {
        Ok(with_job(self, id, |known| {
            let (first, changed) = (known.items.len() as i64, known.change());
            let items = paths.into_iter().zip(first..).map(|(path, number)| item(path, number));
            known.items.extend(items.map(|item| JobItem { changed, ..item }));
            known.count();
            if known.job.state.is_over() {
                (known.job.state, known.job.due_at) = (JobState::Queued, Some(event.by.at));
            }
            known.job.clone()
        }))
    }

    async fn retry(&self, id: JobId, event: Event) -> Result<Option<Job>> {
        Ok(with_job(self, id, |known| {
            known.turn(ItemState::Failed, ItemState::Queued, None);
            (known.job.state, known.job.due_at) = (JobState::Queued, Some(event.by.at));
            known.job.clone()
        }))
    }
}

#[async_trait]
impl JobQueue for World {
    async fn queue_refreshes(&self, recipe: &str, event: Event) -> Result<QueuedRefreshes> {
        let places = self.places.lock().unwrap().clone();
        let stale = places.iter().filter(|place| place.recipe != recipe);
        let workspaces: BTreeSet<_> = stale.clone().map(|place| place.workspace).collect();
        let mut refreshes = QueuedRefreshes::default();
        for id in workspaces {
            let is_active =
                |known: &FakeJob| known.job.workspace.id == id && known.job.due_at.is_some();
            if self.jobs.lock().unwrap().iter().any(is_active) {
                refreshes.under_way += 1;
                continue;
            }
            let here = stale.clone().filter(|place| place.workspace == id);
            let items = here.map(|place| item(place.document.path.clone(), place.id.0)).collect();
            let of = JobWorkspace { id, slug: Slug::of("a"), name: "a".into() };
            add_job(self, JobKind::Refresh, of, items, &event);
            refreshes.queued += 1;
        }
        Ok(refreshes)
    }

    async fn expire(&self, _: &str, length: usize) -> Result<u64> {
        self.compared.lock().unwrap().push(length);
        Ok(0)
    }

    async fn is_due(&self, now: DateTime<Utc>) -> Result<bool> {
        let is_due = |known: &FakeJob| known.job.due_at.is_some_and(|due| due <= now);
        Ok(self.jobs.lock().unwrap().iter().any(is_due))
    }

    async fn claim(&self, hold: LeaseRequest, now: DateTime<Utc>) -> Result<Option<ClaimedJob>> {
        let mut jobs = self.jobs.lock().unwrap();
        let is_due = |known: &&mut FakeJob| known.job.due_at.is_some_and(|due| due <= now);
        let Some(known) = jobs.iter_mut().find(is_due) else { return Ok(None) };
        let resumed = known.job.state == JobState::Running;
        known.job.attempts += u32::from(resumed);
        (known.job.state, known.job.due_at) = (JobState::Running, Some(hold.until));
        known.lease = Some(hold.token);
        let lease = Lease { job: known.job.id, token: hold.token };
        Ok(Some(ClaimedJob { job: known.job.clone(), lease, resumed }))
    }

    async fn backlog(&self) -> Result<Backlog> {
        let jobs = self.jobs.lock().unwrap();
        let count = |state| jobs.iter().filter(|known| known.job.state == state).count() as u64;
        let (queued, running) = (count(JobState::Queued), count(JobState::Running));
        Ok(Backlog { queued, running, documents: 0 })
    }

    async fn renew(&self, lease: &Lease, until: DateTime<Utc>) -> Result<Option<Job>> {
        Ok(with_lease(self, lease, |known| {
            known.job.due_at = Some(until);
            known.job.clone()
        }))
    }

    async fn pending_items(&self, lease: &Lease, limit: u32) -> Result<Option<Vec<JobItem>>> {
        Ok(with_lease(self, lease, |known| {
            let is_queued = |item: &&JobItem| item.state == ItemState::Queued;
            let mut items: Vec<_> = known.items.iter().filter(is_queued).cloned().collect();
            items.sort_by_key(|item| (item.is_untranscribed(), item.attempts, item.number));
            let is_other = |item: &JobItem| !item.is_untranscribed();
            let others = items.iter().filter(|item| is_other(item)).count();
            items.truncate(others.max(1).min(limit as usize));
            items
        }))
    }

    async fn complete(
        &self,
        lease: &Lease,
        finished: Vec<FinishedItem>,
        _: DateTime<Utc>,
        _: Event,
    ) -> Result<Option<StepResult>> {
        let (mut placed, mut whole, mut passages) = (Vec::new(), Vec::new(), 0);
        let known = with_lease(self, lease, |known| {
            let changed = known.change();
            for FinishedItem { item: JobItem { number, path, .. }, outcome } in finished {
                let position = known.items.iter().position(|item| item.number == number).unwrap();
                let item = &mut known.items[position];
                item.changed = changed;
                (item.state, item.reason) = match outcome {
                    ItemOutcome::Failed(reason) => (ItemState::Failed, Some(reason)),
                    ItemOutcome::Again(reason) => (ItemState::Queued, Some(reason)),
                    ItemOutcome::Indexed(embedded) => {
                        passages += embedded.passages.len();
                        placed.push((known.job.kind, path, embedded));
                        (ItemState::Done, None)
                    }
                    ItemOutcome::IndexedInParts { stored, recipe } => {
                        whole.push((stored, recipe));
                        (ItemState::Done, None)
                    }
                    ItemOutcome::Unchanged => (ItemState::Done, None),
                };
                item.attempts += u32::from(item.reason.is_some());
            }
            known.count();
            known.job.attempts = 0;
            let is_queued = |item: &JobItem| item.state == ItemState::Queued;
            if known.job.awaited && !known.items.iter().any(is_queued) {
                known.end(None);
            }
            known.job.clone()
        });
        let Some(job) = known else { return Ok(None) };
        self.note_passages(passages);
        for (stored, recipe) in whole {
            self.finish_parts(stored, recipe);
        }
        let mut ids = Vec::new();
        for (kind, path, embedded) in placed {
            let document = self.documents.lock().unwrap()[&path].clone();
            let mut places = self.places.lock().unwrap();
            let is_here = |place: &WorkspaceDocument| {
                place.document.path == path && place.workspace == embedded.workspace
            };
            let old = places.iter().position(is_here).map(|old| places.remove(old));
            drop(places);
            if let Some(old) = &old {
                self.passages.lock().unwrap().retain(|passage| passage.place != old.id);
            }
            match (kind, old) {
                (JobKind::Refresh, Some(old)) => {
                    let new = WorkspaceDocument { recipe: embedded.recipe, ..old };
                    ids.push(self.put_place(new).id);
                }
                (JobKind::Refresh, None) => {}
                (JobKind::Embed, _) => self.put_places(&document, vec![embedded]),
            }
        }
        let replaced: Vec<WorkspaceDocumentId> = Vec::new();
        Ok(Some(StepResult { job, placed: ids, replaced, others_wait: false }))
    }

    async fn store_part(
        &self,
        lease: &Lease,
        part: PassagePart,
        _: DateTime<Utc>,
    ) -> Result<Option<PartResult>> {
        Ok(with_lease(self, lease, |_| ()).map(|()| self.add_part(part)))
    }

    async fn remove_part(
        &self,
        lease: &Lease,
        stored: PartialIndexing,
        which: Superseded,
        limit: u32,
        _: DateTime<Utc>,
    ) -> Result<Option<bool>> {
        Ok(with_lease(self, lease, |_| ()).map(|()| self.remove_passages(stored, which, limit)))
    }

    async fn requeue(&self, lease: &Lease, how: Requeue, _: DateTime<Utc>) -> Result<Option<Job>> {
        Ok(with_lease(self, lease, |known| {
            known.lease = None;
            known.job.state = JobState::Queued;
            (known.job.due_at, known.job.attempts) = (Some(how.due_at), how.attempts);
            known.job.error = how.error;
            known.job.clone()
        }))
    }

    async fn end(
        &self,
        lease: &Lease,
        failure: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Option<Job>> {
        Ok(with_lease(self, lease, |known| {
            let is_through = failure.is_none() && !known.job.cancelling;
            if is_through && known.items.iter().any(|item| item.state == ItemState::Queued) {
                known.lease = None;
                (known.job.state, known.job.due_at) = (JobState::Queued, Some(now));
            } else {
                known.end(failure);
            }
            known.job.clone()
        }))
    }

    async fn release(&self, _: DateTime<Utc>) -> Result<u64> {
        Ok(0)
    }

    async fn prune(&self, _: Retention) -> Result<u64> {
        Ok(0)
    }
}
