//! The job queue as workers use it.
use carrel_domain::job::queue::{
    Backlog, ClaimedJob, FinishedItem, ItemOutcome, JobQueue, Lease, QueuedRefreshes, Requeue,
};
use carrel_domain::job::{ItemState, JobKind, JobProgress, JobState, Jobs, NewJob};
use carrel_domain::library::{Documents, IndexedDocument, WorkspaceDocuments};
use carrel_domain::vector::VectorRows;

use crate::jobs::{add, claim, finish, lease_request, paths, queue};
use crate::support::{Scratch, at, document, done, embedded, path, workspace};

on_both_databases! {
    a_job_is_claimed_once,
    the_backlog_is_counted,
    a_step_indexes_documents_and_records_their_outcomes,
    a_job_that_a_request_waits_for_ends_with_its_last_item,
    a_job_whose_worker_has_died_is_resumed,
    a_worker_without_the_lease_changes_nothing,
    a_postponed_job_waits,
    stale_documents_are_refreshed_by_one_job_per_workspace,
    vectors_of_another_length_are_stale,
}

async fn a_job_is_claimed_once(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let mut made = Vec::new();
    for _ in 0..6 {
        made.push(queue(&db, here, &["a"]).await.id);
    }
    assert!(db.is_due(at(0)).await.unwrap() && !db.is_due(at(-1)).await.unwrap());
    let claims: Vec<_> = (0..10)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.claim(lease_request(20), at(0)).await.unwrap() })
        })
        .collect();
    let mut claimed = Vec::new();
    for claim in claims {
        claimed.extend(claim.await.unwrap());
    }
    assert!(
        claimed.iter().all(|claimed| claimed.job.state == JobState::Running && !claimed.resumed)
    );
    let mut ids: Vec<_> = claimed.iter().map(|claimed| claimed.job.id).collect();
    ids.sort_unstable();
    // A job that another worker is about to claim may be skipped; the next claim returns it.
    while let Some(more) = db.claim(lease_request(20), at(0)).await.unwrap() {
        ids.push(more.job.id);
    }
    ids.sort_unstable();
    assert_eq!(ids, made);
}

async fn the_backlog_is_counted(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    assert_eq!(db.backlog().await.unwrap(), Backlog::default());
    add(&db, &["a", "b"]).await;
    for names in [&["a", "b"][..], &["a"], &["b"]] {
        queue(&db, here, names).await;
    }
    let ClaimedJob { lease, job, .. } = claim(&db, 1).await;
    assert_eq!(job.progress.total, 2);
    assert_eq!(db.backlog().await.unwrap(), Backlog { queued: 2, running: 1, documents: 4 });
    finish(&db, &lease, |_| ItemOutcome::Failed("because".into())).await;
    assert_eq!(db.backlog().await.unwrap(), Backlog { queued: 2, running: 1, documents: 2 });
    db.end(&lease, None, at(2)).await.unwrap();
    assert_eq!(db.backlog().await.unwrap(), Backlog { queued: 2, running: 0, documents: 2 });
}

async fn a_step_indexes_documents_and_records_their_outcomes(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    add(&db, &["a", "b", "c", "d"]).await;
    let made = queue(&db, here, &["d", "gone", "b", "c", "a"]).await;
    let ClaimedJob { lease, .. } = claim(&db, 1).await;
    let events = scratch.rows_in("events");
    let job = finish(&db, &lease, |name| match name {
        "b" => ItemOutcome::Failed("because".into()),
        "c" => ItemOutcome::Again("not\0now".into()),
        _ => ItemOutcome::Indexed(embedded(here, name, 2)),
    })
    .await;
    assert_eq!(job.progress, JobProgress { total: 5, done: 2, failed: 2, cancelled: 0 });
    assert_eq!((job.changes, scratch.rows_in("events")), (2, events + 1));
    let placed = db.in_workspace(here).await.unwrap();
    assert_eq!((placed.len(), db.count(Some(here)).await.unwrap()), (2, 4));
    let items = db.items(made.id, None, None, 10).await.unwrap();
    let outcomes: Vec<_> = items
        .iter()
        .map(|item| (item.state, item.attempts, item.reason.as_deref(), item.changed))
        .collect();
    assert_eq!(
        outcomes,
        [
            (ItemState::Done, 0, None, 2),
            (ItemState::Failed, 1, Some("no document matches `custom-documents/gone.json`"), 2),
            (ItemState::Failed, 1, Some("because"), 2),
            (ItemState::Queued, 1, Some("not\u{FFFD}now"), 2),
            (ItemState::Done, 0, None, 2),
        ]
    );
    let job = finish(&db, &lease, |name| ItemOutcome::Indexed(embedded(here, name, 1))).await;
    assert_eq!((job.progress.done, job.state), (3, JobState::Running));
    let ended = db.end(&lease, None, at(9)).await.unwrap().unwrap();
    assert_eq!(
        (ended.state, ended.finished_at, ended.due_at),
        (JobState::Failed, Some(at(9)), None)
    );
    assert_eq!(db.claim(lease_request(999), at(900)).await.unwrap(), None);

    // The same documents again: each gets a new workspace document in place of the old one.
    queue(&db, here, &["a", "c", "d"]).await;
    let ClaimedJob { lease, .. } = claim(&db, 10).await;
    let items = db.pending_items(&lease, 10).await.unwrap().unwrap();
    let again =
        |item| FinishedItem { item, outcome: ItemOutcome::Indexed(embedded(here, "again", 3)) };
    let finished = items.into_iter().map(again).collect();
    let completed = db.complete(&lease, finished, at(30), done(11)).await.unwrap().unwrap();
    assert_eq!((completed.placed.len(), completed.replaced.len()), (3, 3));
    assert!(!completed.others_wait);
    assert_eq!(db.in_workspace(here).await.unwrap().len(), 3);
    assert_eq!((db.count(Some(here)).await.unwrap(), scratch.rows_in("chunks")), (9, 9));
    let ended = db.end(&lease, None, at(12)).await.unwrap().unwrap();
    assert_eq!(ended.state, JobState::Done);
}

async fn a_job_that_a_request_waits_for_ends_with_its_last_item(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    add(&db, &["a", "b"]).await;
    let (kind, lease_request) = (JobKind::Embed, lease_request(20));
    let new = NewJob { kind, workspace: here, paths: paths(&["a", "b"]), awaited: true };
    let job = Jobs::create(&db, new, Some(lease_request), done(0)).await.unwrap();
    let lease = Lease { job: job.id, token: lease_request.token };
    let mut items = db.pending_items(&lease, 10).await.unwrap().unwrap().into_iter();
    let mut step = async |outcome| {
        let finished = vec![FinishedItem { item: items.next().unwrap(), outcome }];
        db.complete(&lease, finished, at(30), done(1)).await.unwrap().unwrap().job
    };
    let job = step(ItemOutcome::Indexed(embedded(here, "a", 1))).await;
    assert_eq!((job.state, job.due_at), (JobState::Running, Some(at(30))));
    let job = step(ItemOutcome::Failed("no".into())).await;
    assert_eq!((job.state, job.due_at), (JobState::Failed, None));
    assert_eq!((job.progress.done, job.progress.failed), (1, 1));
    assert!(db.end(&lease, None, at(2)).await.unwrap().is_none(), "the lease has ended with it");
}

async fn a_job_whose_worker_has_died_is_resumed(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    queue(&db, here, &["a"]).await;
    let first = claim(&db, 0).await;
    assert_eq!(db.claim(lease_request(30), at(19)).await.unwrap(), None);
    db.renew(&first.lease, at(50)).await.unwrap().unwrap();
    assert_eq!(db.claim(lease_request(70), at(49)).await.unwrap(), None);
    let second = claim(&db, 50).await;
    assert!(second.resumed && second.job.attempts == 1);
    assert_eq!(second.job.started_at, Some(at(0)));
    // The lease has not expired, but the worker is known to be gone.
    assert_eq!(db.release(at(51)).await.unwrap(), 1);
    let third = claim(&db, 51).await;
    assert!(third.resumed && third.job.attempts == 2);
}

async fn a_worker_without_the_lease_changes_nothing(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    add(&db, &["a"]).await;
    queue(&db, here, &["a"]).await;
    let ClaimedJob { lease, .. } = claim(&db, 0).await;
    let items = db.pending_items(&lease, 1).await.unwrap().unwrap();
    let second = claim(&db, 30).await;
    let outcome = ItemOutcome::Indexed(embedded(here, "a", 1));
    let finished = vec![FinishedItem { item: items[0].clone(), outcome }];
    assert!(db.complete(&lease, finished, at(60), done(31)).await.unwrap().is_none());
    assert_eq!(db.renew(&lease, at(60)).await.unwrap(), None);
    assert_eq!(db.pending_items(&lease, 1).await.unwrap(), None);
    let how = Requeue { due_at: at(0), attempts: 0, error: None };
    assert_eq!(db.requeue(&lease, how, at(31)).await.unwrap(), None);
    assert_eq!(db.end(&lease, None, at(31)).await.unwrap(), None);
    assert_eq!(Jobs::by_id(&db, second.job.id).await.unwrap(), Some(second.job));
    assert_eq!(db.in_workspace(here).await.unwrap(), []);
}

async fn a_postponed_job_waits(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    queue(&db, here, &["a"]).await;
    let ClaimedJob { lease, .. } = claim(&db, 0).await;
    let how = Requeue { due_at: at(60), attempts: 3, error: Some("it is down".into()) };
    let waiting = db.requeue(&lease, how, at(1)).await.unwrap().unwrap();
    assert_eq!((waiting.state, waiting.attempts), (JobState::Queued, 3));
    assert_eq!((waiting.error.as_deref(), waiting.due_at), (Some("it is down"), Some(at(60))));
    assert_eq!(db.claim(lease_request(80), at(59)).await.unwrap(), None);
    let ClaimedJob { job, resumed, lease } = claim(&db, 60).await;
    assert!(!resumed && job.attempts == 3);
    let ended = db.end(&lease, Some("it is still down".into()), at(61)).await.unwrap().unwrap();
    assert_eq!((ended.state, ended.progress.failed), (JobState::Failed, 1));
    assert_eq!(ended.error.as_deref(), Some("it is still down"));
    let items = db.items(ended.id, None, None, 9).await.unwrap();
    assert_eq!(items[0].reason.as_deref(), Some("it is still down"));
}

async fn stale_documents_are_refreshed_by_one_job_per_workspace(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let made_by = |recipe: &str, workspace, count| IndexedDocument {
        recipe: recipe.into(),
        ..embedded(workspace, "text", count)
    };
    for (name, recipe, workspace) in
        [("a", "old", one), ("b", "new", one), ("c", "zz", two), ("d", "", two), ("e", "old", two)]
    {
        let places = vec![made_by(recipe, workspace, 2)];
        Documents::create(&db, document(name), places, done(0)).await.unwrap();
    }
    scratch.execute("UPDATE workspace_documents SET watched = TRUE");
    let before = db.in_workspace(one).await.unwrap();
    let events = scratch.rows_in("events");
    let refreshes = db.queue_refreshes("new", done(1)).await.unwrap();
    assert_eq!(refreshes, QueuedRefreshes { queued: 2, under_way: 0 });
    let refreshes = db.queue_refreshes("new", done(1)).await.unwrap();
    assert_eq!(refreshes, QueuedRefreshes { queued: 0, under_way: 2 });
    assert_eq!(scratch.rows_in("events"), events + 1);

    let ClaimedJob { job, lease, .. } = claim(&db, 2).await;
    assert_eq!((job.kind, job.workspace.id, job.progress.total), (JobKind::Refresh, one, 1));
    finish(&db, &lease, |_| ItemOutcome::Indexed(made_by("new", one, 3))).await;
    let after = db.in_workspace(one).await.unwrap();
    let (old, new) = (&before[0], &after[1]);
    assert!(new.id > old.id && new.watched && !new.pinned && new.recipe == "new");
    assert_eq!((new.key, new.created_at, new.updated_at), (old.key, old.created_at, at(5)));
    assert!(db.counts().await.unwrap().contains(&(one, 2)));
    assert_eq!((db.count(Some(one)).await.unwrap(), scratch.rows_in("chunks")), (5, 11));
    let version = db.version(one).await.unwrap();
    assert_eq!((version.additions, version.removals), (3, 1));
    db.end(&lease, None, at(3)).await.unwrap();

    // Documents removed in the meantime count as done, and current passages stay.
    db.withdraw(two, &[path("c")], done(3)).await.unwrap();
    db.remove(&[path("d")], done(3)).await.unwrap();
    scratch.execute("UPDATE workspace_documents SET recipe = 'new'");
    let places = db.in_workspace(two).await.unwrap();
    let ClaimedJob { job, lease, .. } = claim(&db, 4).await;
    assert_eq!((job.workspace.id, job.progress.total), (two, 3));
    let job = finish(&db, &lease, |_| ItemOutcome::Indexed(made_by("new", two, 9))).await;
    assert_eq!((job.progress.done, job.progress.failed), (2, 1));
    assert_eq!(db.in_workspace(two).await.unwrap(), places);
    let refreshes = db.queue_refreshes("new", done(6)).await.unwrap();
    assert_eq!(refreshes, QueuedRefreshes::default());
}

async fn vectors_of_another_length_are_stale(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let made_by = |recipe: &str, length: usize| {
        let mut place = embedded(here, "text", 3);
        place.recipe = recipe.into();
        place.passages.iter_mut().for_each(|passage| passage.vector.resize(length, 1.0));
        place
    };
    for (name, recipe, length) in
        [("a", "new", 3), ("b", "new", 4), ("c", "old", 3), ("d", "new", 3)]
    {
        let places = vec![made_by(recipe, length)];
        Documents::create(&db, document(name), places, done(0)).await.unwrap();
    }
    let none = IndexedDocument { passages: Vec::new(), ..made_by("new", 3) };
    Documents::create(&db, document("empty"), vec![none], done(0)).await.unwrap();
    assert_eq!(db.expire("new", 4).await.unwrap(), 2);
    let places = db.in_workspace(here).await.unwrap();
    let recipes: Vec<_> = places.iter().map(|place| place.recipe.as_str()).collect();
    assert_eq!(recipes, ["", "new", "old", "", "new"]);
    assert_eq!(db.expire("new", 4).await.unwrap(), 0);
    let refreshes = db.queue_refreshes("new", done(1)).await.unwrap();
    assert_eq!(refreshes, QueuedRefreshes { queued: 1, under_way: 0 });
    let ClaimedJob { lease, job, .. } = claim(&db, 2).await;
    assert_eq!(job.progress.total, 3);
    finish(&db, &lease, |_| ItemOutcome::Indexed(made_by("new", 4))).await;
    assert_eq!(db.expire("new", 4).await.unwrap(), 0);
}
