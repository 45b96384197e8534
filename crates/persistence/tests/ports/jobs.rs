use carrel_domain::job::queue::{
    ClaimedJob, FinishedItem, ItemOutcome, JobQueue, Lease, LeaseRequest, Requeue, Retention,
};
use carrel_domain::job::{Cursor, ItemState, Job, JobFilter, JobKind, JobState, Jobs, NewJob};
use carrel_domain::library::Documents;
use carrel_domain::workspace::Workspaces;
use carrel_domain::{DocumentPath, Error, JobId, WorkspaceId};
use carrel_persistence::Database;
use chrono::TimeDelta;
use uuid::Uuid;

use crate::support::{Scratch, at, document, done, embedded, path, workspace};

on_both_databases! {
    a_job_is_stored_with_its_items,
    a_queued_job_is_cancelled_at_once_and_a_running_one_is_notified,
    failed_items_are_retried,
    documents_are_added_to_running_and_finished_jobs,
    changes_are_read_from_a_cursor,
    jobs_are_listed_newest_first_and_filtered,
    finished_jobs_are_deleted_in_time,
    jobs_are_deleted_with_their_workspace,
}

pub fn paths(names: &[&str]) -> Vec<DocumentPath> {
    names.iter().map(|name| path(name)).collect()
}

pub async fn queue(db: &Database, workspace: WorkspaceId, names: &[&str]) -> Job {
    let new = NewJob { kind: JobKind::Embed, workspace, paths: paths(names), awaited: false };
    Jobs::create(db, new, None, done(0)).await.unwrap()
}

pub fn lease_request(seconds: i64) -> LeaseRequest {
    LeaseRequest { token: Uuid::new_v4(), until: at(seconds) }
}

pub async fn claim(db: &Database, now: i64) -> ClaimedJob {
    db.claim(lease_request(now + 20), at(now)).await.unwrap().unwrap()
}

pub async fn add(db: &Database, names: &[&str]) {
    for name in names {
        Documents::create(db, document(name), Vec::new(), done(0)).await.unwrap();
    }
}

/// Finishes each pending item with an outcome chosen by its name.
pub async fn finish(db: &Database, lease: &Lease, outcome: impl Fn(&str) -> ItemOutcome) -> Job {
    let items = db.pending_items(lease, 100).await.unwrap().unwrap();
    let finished = items.into_iter().map(|item| {
        let outcome = outcome(item.path.name().trim_end_matches(".json"));
        FinishedItem { item, outcome }
    });
    db.complete(lease, finished.collect(), at(100), done(5)).await.unwrap().unwrap().job
}

async fn a_job_is_stored_with_its_items(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await;
    let made = queue(&db, here.id, &["a", "b", "c"]).await;
    assert_eq!(Jobs::by_id(&db, made.id).await.unwrap().as_ref(), Some(&made));
    assert_eq!((made.state, made.kind, made.changes), (JobState::Queued, JobKind::Embed, 0));
    assert_eq!((made.workspace.slug.as_str(), made.workspace.name.as_str()), ("here", "Here"));
    assert_eq!((&made.by, made.progress.total), (&done(0).by, 3));
    let items = db.items(made.id, None, None, 2).await.unwrap();
    assert_eq!(items.iter().map(|item| item.number).collect::<Vec<_>>(), [0, 1]);
    let rest = db.items(made.id, Some(ItemState::Queued), Some(1), 9).await.unwrap();
    assert_eq!((rest.len(), &rest[0].path), (1, &path("c")));
    assert_eq!(Jobs::by_id(&db, JobId(77)).await.unwrap(), None);
    let nowhere = NewJob {
        kind: JobKind::Embed,
        workspace: WorkspaceId(77),
        paths: paths(&["a"]),
        awaited: false,
    };
    let refused = Jobs::create(&db, nowhere, None, done(0)).await;
    assert!(matches!(refused, Err(Error::NotFound { kind: "workspace", .. })), "{refused:?}");
    let names: Vec<_> = (0..1200).map(|number| number.to_string()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let many = queue(&db, here.id, &names).await;
    assert_eq!(db.items(many.id, None, None, 5000).await.unwrap().len(), 1200);
}

async fn documents_are_added_to_running_and_finished_jobs(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    add(&db, &["a", "b", "c"]).await;
    let job = queue(&db, here, &["a"]).await.id;
    let ClaimedJob { lease, .. } = claim(&db, 1).await;
    finish(&db, &lease, |_| ItemOutcome::Indexed(embedded(here, "x", 1))).await;
    // Added after the worker has read the last items, so the job must not end when the worker ends
    // it.
    let more = db.extend(job, paths(&["b"]), done(6)).await.unwrap().unwrap();
    assert_eq!((more.state, more.progress.total, more.progress.done), (JobState::Running, 2, 1));
    let (_, items) = db.changed(job, Cursor::all(more.changes - 1), 9).await.unwrap().unwrap();
    assert_eq!((items.len(), items[0].number, &items[0].path), (1, 1, &path("b")));
    let ended = db.end(&lease, None, at(7)).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.progress.cancelled), (JobState::Queued, 0));
    let ClaimedJob { lease, .. } = claim(&db, 8).await;
    finish(&db, &lease, |_| ItemOutcome::Failed("no".into())).await;
    let ended = db.end(&lease, None, at(9)).await.unwrap().unwrap();
    assert_eq!(ended.state, JobState::Failed);

    let again = db.extend(job, paths(&["c"]), done(10)).await.unwrap().unwrap();
    assert_eq!((again.state, again.finished_at), (JobState::Queued, None));
    assert_eq!((again.progress.total, again.progress.failed), (3, 1));
    let ClaimedJob { lease, .. } = claim(&db, 11).await;
    let through = finish(&db, &lease, |_| ItemOutcome::Indexed(embedded(here, "x", 1))).await;
    assert_eq!((through.progress.done, through.progress.failed), (2, 1));
    db.cancel(job, done(12)).await.unwrap();
    db.end(&lease, None, at(13)).await.unwrap();
    let called_off = queue(&db, here, &["a"]).await.id;
    db.cancel(called_off, done(14)).await.unwrap();
    assert_eq!(db.extend(called_off, paths(&["b"]), done(15)).await.unwrap(), None);
    assert_eq!(db.extend(JobId(77), paths(&["b"]), done(15)).await.unwrap(), None);
}

async fn a_queued_job_is_cancelled_at_once_and_a_running_one_is_notified(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let queued = queue(&db, here, &["a", "b"]).await;
    let cancelled = db.cancel(queued.id, done(1)).await.unwrap().unwrap();
    assert_eq!((cancelled.state, cancelled.progress.cancelled), (JobState::Cancelled, 2));
    assert_eq!(db.cancel(queued.id, done(2)).await.unwrap(), Some(cancelled));
    let running = queue(&db, here, &["a"]).await;
    let ClaimedJob { lease, .. } = claim(&db, 3).await;
    let cancelled = db.cancel(running.id, done(4)).await.unwrap().unwrap();
    assert!(cancelled.cancelling && cancelled.state == JobState::Running);
    assert!(db.renew(&lease, at(40)).await.unwrap().unwrap().cancelling);
    let how = Requeue { due_at: at(5), attempts: 0, error: None };
    let ended = db.requeue(&lease, how, at(5)).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.cancelling), (JobState::Cancelled, false));
    let left = queue(&db, here, &["a"]).await;
    claim(&db, 6).await;
    let cancelled = db.cancel(left.id, done(60)).await.unwrap().unwrap();
    assert_eq!(cancelled.state, JobState::Cancelled, "whoever held it has vanished");
    assert_eq!(db.cancel(JobId(77), done(1)).await.unwrap(), None);
}

async fn failed_items_are_retried(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    add(&db, &["a", "b"]).await;
    let made = queue(&db, here, &["a", "b"]).await;
    assert_eq!(db.retry(made.id, done(1)).await.unwrap().as_ref(), Some(&made));
    let ClaimedJob { lease, .. } = claim(&db, 1).await;
    finish(&db, &lease, |name| match name {
        "a" => ItemOutcome::Indexed(embedded(here, name, 1)),
        _ => ItemOutcome::Failed("because".into()),
    })
    .await;
    let ended = db.end(&lease, None, at(2)).await.unwrap().unwrap();
    let again = db.retry(ended.id, done(3)).await.unwrap().unwrap();
    assert_eq!((again.state, again.progress.done, again.progress.failed), (JobState::Queued, 1, 0));
    let ClaimedJob { lease, .. } = claim(&db, 3).await;
    let items = db.pending_items(&lease, 9).await.unwrap().unwrap();
    assert_eq!((items.len(), &items[0].path, items[0].attempts), (1, &path("b"), 0));
    finish(&db, &lease, |name| ItemOutcome::Indexed(embedded(here, name, 1))).await;
    let ended = db.end(&lease, None, at(4)).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.progress.done), (JobState::Done, 2));
    assert_eq!(db.retry(ended.id, done(5)).await.unwrap(), Some(ended));
}

async fn changes_are_read_from_a_cursor(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let made = queue(&db, here, &["a", "b", "c"]).await;
    assert!(db.changed(made.id, Cursor::NEW, 10).await.unwrap().unwrap().1.is_empty());
    let ClaimedJob { lease, .. } = claim(&db, 0).await;
    let job = finish(&db, &lease, |_| ItemOutcome::Failed("because".into())).await;
    let changes = async |cursor, limit| {
        let (job, items) = db.changed(made.id, cursor, limit).await.unwrap().unwrap();
        (job.changes, items.iter().map(|item| item.number).collect::<Vec<_>>())
    };
    assert_eq!(changes(Cursor::NEW, 10).await, (job.changes, vec![0, 1, 2]));
    assert_eq!(changes(Cursor::NEW, 2).await.1, [0, 1]);
    assert_eq!(changes(Cursor { changes: job.changes, number: 1 }, 10).await.1, [2]);
    assert!(changes(Cursor::all(job.changes), 10).await.1.is_empty());
    assert_eq!(db.changed(JobId(77), Cursor::NEW, 1).await.unwrap(), None);
}

async fn jobs_are_listed_newest_first_and_filtered(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let mut made = Vec::new();
    for workspace in [one, two, one, two] {
        made.push(queue(&db, workspace, &["a"]).await.id);
    }
    db.cancel(made[0], done(1)).await.unwrap();
    let ids = async |filter: JobFilter, before, limit| -> Vec<usize> {
        let page = Jobs::page(&db, &filter, before, limit).await.unwrap();
        let place = |job: Job| made.iter().position(|id| *id == job.id).unwrap();
        page.into_iter().map(place).collect()
    };
    let all = JobFilter::default;
    assert_eq!(ids(all(), None, 9).await, [3, 2, 1, 0]);
    assert_eq!(ids(all(), Some(made[3]), 2).await, [2, 1]);
    let of = |workspaces: &[WorkspaceId]| JobFilter {
        workspaces: Some(workspaces.to_vec()),
        ..JobFilter::default()
    };
    assert_eq!(ids(of(&[one]), None, 9).await, [2, 0]);
    assert_eq!(ids(of(&[one, two]), None, 9).await, [3, 2, 1, 0]);
    assert!(ids(of(&[]), None, 9).await.is_empty());
    let cancelled = JobFilter { state: Some(JobState::Cancelled), ..all() };
    assert_eq!(ids(cancelled, None, 9).await, [0]);
    let refreshes = JobFilter { kind: Some(JobKind::Refresh), ..all() };
    assert!(ids(refreshes, None, 9).await.is_empty());
}

async fn finished_jobs_are_deleted_in_time(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let mut made = Vec::new();
    for number in 0..6 {
        made.push(queue(&db, here, &["a", "b"]).await.id);
        if number < 5 {
            db.cancel(made[number], done(number as i64)).await.unwrap();
        }
    }
    let left = async |before, jobs, items| {
        let retention = Retention { before: at(before), jobs, items };
        db.prune(retention).await.unwrap();
        Jobs::page(&db, &JobFilter::default(), None, 9).await.unwrap().len()
    };
    assert_eq!(left(0, 9, 99).await, 6);
    assert_eq!(left(1, 9, 99).await, 5);
    assert_eq!(left(0, 3, 99).await, 4);
    assert_eq!(left(0, 9, 4).await, 3);
    assert_eq!(left(0, 0, 0).await, 2, "the newest stays, and what is not over");
    assert_eq!(left(100_000, 9, 99).await, 1);
    assert_eq!(scratch.rows_in("job_items"), 2);
}

async fn jobs_are_deleted_with_their_workspace(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    add(&db, &["a"]).await;
    queue(&db, here, &["a"]).await;
    let ClaimedJob { lease, .. } = claim(&db, 0).await;
    let items = db.pending_items(&lease, 1).await.unwrap().unwrap();
    Workspaces::delete(&db, here, done(1)).await.unwrap();
    assert_eq!((scratch.rows_in("jobs"), scratch.rows_in("job_items")), (0, 0));
    let outcome = ItemOutcome::Indexed(embedded(here, "a", 1));
    let finished = vec![FinishedItem { item: items[0].clone(), outcome }];
    assert!(db.complete(&lease, finished, at(9), done(2)).await.unwrap().is_none());
    assert_eq!(db.renew(&lease, at(9) + TimeDelta::days(1)).await.unwrap(), None);
}
