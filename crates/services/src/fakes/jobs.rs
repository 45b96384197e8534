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

pub use super::job::FakeJob;
use super::world::World;

fn add_job(
    world: &World,
    kind: JobKind,
    workspace: JobWorkspace,
    items: Vec<JobItem>,
    event: &Event,
) -> JobId {
    let mut jobs = world.jobs.lock().unwrap();
    let id = JobId(jobs.len() as i64 + 1);
    let total = items.len() as u32;
    let job = Job {
        id,
        kind,
        state: JobState::Queued,
        workspace,
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
    jobs.push(FakeJob { job, lease: None, items });
    id
}

pub(super) fn with_job<T>(
    world: &World,
    id: JobId,
    change: impl FnOnce(&mut FakeJob) -> T,
) -> Option<T> {
    let mut jobs = world.jobs.lock().unwrap();
    jobs.iter_mut().find(|entry| entry.job.id == id).map(change)
}

pub(super) fn with_lease<T>(
    world: &World,
    lease: &Lease,
    change: impl FnOnce(&mut FakeJob) -> T,
) -> Option<T> {
    with_job(world, lease.job, |entry| (entry.lease == Some(lease.token)).then(|| change(entry)))
        .flatten()
}

fn item(path: carrel_domain::DocumentPath, number: i64) -> JobItem {
    let state = ItemState::Queued;
    JobItem { number, path, state, attempts: 0, reason: None, changed: 0, recording: None }
}

#[async_trait]
impl Jobs for World {
    async fn create(
        &self,
        new: NewJob,
        request: Option<LeaseRequest>,
        event: Event,
    ) -> Result<Job> {
        let workspace = JobWorkspace { id: new.workspace, slug: Slug::of("a"), name: "a".into() };
        let items = new.paths.into_iter().zip(0..).map(|(path, number)| item(path, number));
        let id = add_job(self, new.kind, workspace, items.collect(), &event);
        let job = with_job(self, id, |entry| {
            entry.job.awaited = new.awaited;
            if let Some(request) = request {
                (entry.lease, entry.job.due_at) = (Some(request.token), Some(request.until));
                entry.job.state = JobState::Running;
            }
            entry.job.clone()
        });
        job.ok_or_else(|| Error::not_found("job", id))
    }

    async fn by_id(&self, id: JobId) -> Result<Option<Job>> {
        Ok(with_job(self, id, |entry| entry.job.clone()))
    }

    async fn page(&self, _: &JobFilter, _: Option<JobId>, _: u32) -> Result<Vec<Job>> {
        Ok(self.jobs.lock().unwrap().iter().map(|entry| entry.job.clone()).collect())
    }

    async fn items(
        &self,
        id: JobId,
        state: Option<ItemState>,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<JobItem>> {
        let is_selected = |item: &&JobItem| {
            state.is_none_or(|state| item.state == state) && Some(item.number) > after
        };
        let items = with_job(self, id, |entry| entry.items.clone()).unwrap_or_default();
        Ok(items.iter().filter(is_selected).take(limit as usize).cloned().collect())
    }

    async fn changed(
        &self,
        id: JobId,
        cursor: Cursor,
        limit: u32,
    ) -> Result<Option<(Job, Vec<JobItem>)>> {
        Ok(with_job(self, id, |entry| {
            let is_new =
                |item: &&JobItem| (item.changed, item.number) > (cursor.changes, cursor.number);
            let mut items: Vec<_> = entry.items.iter().filter(is_new).cloned().collect();
            items.sort_by_key(|item| (item.changed, item.number));
            items.truncate(limit as usize);
            (entry.job.clone(), items)
        }))
    }

    async fn cancel(&self, id: JobId, _: Event) -> Result<Option<Job>> {
        Ok(with_job(self, id, |entry| {
            match entry.job.state {
                JobState::Queued => entry.end(None),
                _ => entry.job.cancelling = true,
            }
            entry.job.clone()
        }))
    }

    async fn extend(
        &self,
        id: JobId,
        paths: Vec<carrel_domain::DocumentPath>,
        event: Event,
    ) -> Result<Option<Job>> {
        Ok(with_job(self, id, |entry| {
            let (first, changed) = (entry.items.len() as i64, entry.change());
            let items = paths.into_iter().zip(first..).map(|(path, number)| item(path, number));
            entry.items.extend(items.map(|item| JobItem { changed, ..item }));
            entry.count();
            if entry.job.state.is_over() {
                (entry.job.state, entry.job.due_at) = (JobState::Queued, Some(event.by.at));
            }
            entry.job.clone()
        }))
    }

    async fn retry(&self, id: JobId, event: Event) -> Result<Option<Job>> {
        Ok(with_job(self, id, |entry| {
            entry.move_items(ItemState::Failed, ItemState::Queued, None);
            (entry.job.state, entry.job.due_at) = (JobState::Queued, Some(event.by.at));
            entry.job.clone()
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
                |entry: &FakeJob| entry.job.workspace.id == id && entry.job.due_at.is_some();
            if self.jobs.lock().unwrap().iter().any(is_active) {
                refreshes.under_way += 1;
                continue;
            }
            let places = stale.clone().filter(|place| place.workspace == id);
            let items = places.map(|place| item(place.document.path.clone(), place.id.0)).collect();
            let workspace = JobWorkspace { id, slug: Slug::of("a"), name: "a".into() };
            add_job(self, JobKind::Refresh, workspace, items, &event);
            refreshes.queued += 1;
        }
        Ok(refreshes)
    }

    async fn expire(&self, _: &str, length: usize) -> Result<u64> {
        self.compared.lock().unwrap().push(length);
        Ok(0)
    }

    async fn is_due(&self, now: DateTime<Utc>) -> Result<bool> {
        let is_due = |entry: &FakeJob| entry.job.due_at.is_some_and(|due| due <= now);
        Ok(self.jobs.lock().unwrap().iter().any(is_due))
    }

    async fn claim(&self, request: LeaseRequest, now: DateTime<Utc>) -> Result<Option<ClaimedJob>> {
        let mut jobs = self.jobs.lock().unwrap();
        let is_due = |entry: &&mut FakeJob| entry.job.due_at.is_some_and(|due| due <= now);
        let Some(entry) = jobs.iter_mut().find(is_due) else { return Ok(None) };
        let resumed = entry.job.state == JobState::Running;
        entry.job.attempts += u32::from(resumed);
        (entry.job.state, entry.job.due_at) = (JobState::Running, Some(request.until));
        entry.lease = Some(request.token);
        let lease = Lease { job: entry.job.id, token: request.token };
        Ok(Some(ClaimedJob { job: entry.job.clone(), lease, resumed }))
    }

    async fn backlog(&self) -> Result<Backlog> {
        let jobs = self.jobs.lock().unwrap();
        let count = |state| jobs.iter().filter(|entry| entry.job.state == state).count() as u64;
        let (queued, running) = (count(JobState::Queued), count(JobState::Running));
        Ok(Backlog { queued, running, documents: 0 })
    }

    async fn renew(&self, lease: &Lease, until: DateTime<Utc>) -> Result<Option<Job>> {
        Ok(with_lease(self, lease, |entry| {
            entry.job.due_at = Some(until);
            entry.job.clone()
        }))
    }

    async fn pending_items(&self, lease: &Lease, limit: u32) -> Result<Option<Vec<JobItem>>> {
        Ok(with_lease(self, lease, |entry| {
            let is_queued = |item: &&JobItem| item.state == ItemState::Queued;
            let mut items: Vec<_> = entry.items.iter().filter(is_queued).cloned().collect();
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
        let (mut outcomes, mut in_parts, mut passages) = (Vec::new(), Vec::new(), 0);
        let entry = with_lease(self, lease, |entry| {
            let changed = entry.change();
            for FinishedItem { item: JobItem { number, path, .. }, outcome } in finished {
                let position = entry.items.iter().position(|item| item.number == number).unwrap();
                let item = &mut entry.items[position];
                item.changed = changed;
                (item.state, item.reason) = match outcome {
                    ItemOutcome::Failed(reason) => (ItemState::Failed, Some(reason)),
                    ItemOutcome::Again(reason) => (ItemState::Queued, Some(reason)),
                    ItemOutcome::Indexed(embedded) => {
                        passages += embedded.passages.len();
                        outcomes.push((entry.job.kind, path, embedded));
                        (ItemState::Done, None)
                    }
                    ItemOutcome::IndexedInParts { stored, recipe } => {
                        in_parts.push((stored, recipe));
                        (ItemState::Done, None)
                    }
                    ItemOutcome::Unchanged => (ItemState::Done, None),
                };
                item.attempts += u32::from(item.reason.is_some());
            }
            entry.count();
            entry.job.attempts = 0;
            let is_queued = |item: &JobItem| item.state == ItemState::Queued;
            if entry.job.awaited && !entry.items.iter().any(is_queued) {
                entry.end(None);
            }
            entry.job.clone()
        });
        let Some(job) = entry else { return Ok(None) };
        self.note_passages(passages);
        for (stored, recipe) in in_parts {
            self.finish_parts(stored, recipe);
        }
        let mut ids = Vec::new();
        for (kind, path, embedded) in outcomes {
            let document = self.documents.lock().unwrap()[&path].clone();
            let mut places = self.places.lock().unwrap();
            let is_same = |place: &WorkspaceDocument| {
                place.document.path == path && place.workspace == embedded.workspace
            };
            let previous = places.iter().position(is_same).map(|previous| places.remove(previous));
            drop(places);
            if let Some(previous) = &previous {
                self.passages.lock().unwrap().retain(|passage| passage.place != previous.id);
            }
            match (kind, previous) {
                (JobKind::Refresh, Some(previous)) => {
                    let refreshed = WorkspaceDocument { recipe: embedded.recipe, ..previous };
                    ids.push(self.put_place(refreshed).id);
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

    async fn requeue(&self, lease: &Lease, plan: Requeue, _: DateTime<Utc>) -> Result<Option<Job>> {
        Ok(with_lease(self, lease, |entry| {
            entry.lease = None;
            entry.job.state = JobState::Queued;
            (entry.job.due_at, entry.job.attempts) = (Some(plan.due_at), plan.attempts);
            entry.job.error = plan.error;
            entry.job.clone()
        }))
    }

    async fn end(
        &self,
        lease: &Lease,
        failure: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Option<Job>> {
        Ok(with_lease(self, lease, |entry| {
            let is_complete = failure.is_none() && !entry.job.cancelling;
            if is_complete && entry.items.iter().any(|item| item.state == ItemState::Queued) {
                entry.lease = None;
                (entry.job.state, entry.job.due_at) = (JobState::Queued, Some(now));
            } else {
                entry.end(failure);
            }
            entry.job.clone()
        }))
    }

    async fn release(&self, _: DateTime<Utc>) -> Result<u64> {
        Ok(0)
    }

    async fn prune(&self, _: Retention) -> Result<u64> {
        Ok(0)
    }
}
