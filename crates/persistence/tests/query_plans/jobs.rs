//! Jobs and the embedding cache.
use carrel_domain::audit::By;
use carrel_domain::embedding::{EmbeddingCache, TextKey};
use carrel_domain::job::queue::{
    ClaimedJob, FinishedItem, ItemOutcome, JobQueue, LeaseRequest, PartResult, PassagePart,
    Requeue, Retention, Superseded,
};
use carrel_domain::job::{Cursor, ItemState, JobFilter, JobKind, JobState, Jobs, NewJob};
use carrel_domain::{DocumentPath, WorkspaceId};
use carrel_persistence::Database;
use chrono::{TimeDelta, Utc};

use crate::{embedded, path};

/// Calls every method of their ports.
pub async fn use_all(db: &Database, here: WorkspaceId) {
    let now = Utc::now();
    let done = || By::operator(now).event("test", "{}");
    let request = || LeaseRequest { token: uuid::Uuid::new_v4(), until: now };
    let new = |paths: Vec<DocumentPath>| NewJob {
        kind: JobKind::Embed,
        workspace: here,
        paths,
        awaited: false,
    };
    let paths = vec![path("a"), path("b"), path("gone")];
    let job = Jobs::create(db, new(paths.clone()), None, done()).await.unwrap().id;
    assert!(db.is_due(now).await.unwrap());
    let lease = loop {
        // Earlier uploads have left jobs in the queue.
        let ClaimedJob { lease, .. } = db.claim(request(), now).await.unwrap().unwrap();
        if lease.job == job {
            break lease;
        }
        db.end(&lease, Some(String::new()), now).await.unwrap().unwrap();
    };
    db.renew(&lease, now).await.unwrap().unwrap();
    let items = db.pending_items(&lease, 10).await.unwrap().unwrap();
    let part = PassagePart { item: items[0].clone(), passages: embedded(here), before: None };
    let result = db.store_part(&lease, part, now).await.unwrap();
    let Some(PartResult::Stored(stored)) = result else {
        panic!("the part was not stored: {result:?}");
    };
    for which in [Superseded::Earlier, Superseded::New] {
        db.remove_part(&lease, stored, which, 1, now).await.unwrap().unwrap();
    }
    let whole = ItemOutcome::IndexedInParts { stored, recipe: "another".into() };
    let finished = vec![FinishedItem { item: items[0].clone(), outcome: whole }];
    db.complete(&lease, finished, now, done()).await.unwrap().unwrap();
    let outcomes = [
        ItemOutcome::Indexed(embedded(here)),
        ItemOutcome::Again(String::new()),
        ItemOutcome::Failed(String::new()),
    ];
    let finished = items.into_iter().zip(outcomes);
    let finished = finished.map(|(item, outcome)| FinishedItem { item, outcome }).collect();
    db.complete(&lease, finished, now, done()).await.unwrap().unwrap();
    let how = Requeue { due_at: now, attempts: 1, error: None };
    db.requeue(&lease, how, now).await.unwrap().unwrap();
    let ClaimedJob { lease, .. } = db.claim(request(), now).await.unwrap().unwrap();
    db.end(&lease, Some(String::new()), now).await.unwrap().unwrap();
    db.retry(job, done()).await.unwrap().unwrap();
    db.extend(job, vec![path("a")], done()).await.unwrap().unwrap();
    db.cancel(job, done()).await.unwrap().unwrap();
    Jobs::by_id(db, job).await.unwrap();
    for state in [None, Some(ItemState::Done)] {
        db.items(job, state, Some(0), 10).await.unwrap();
    }
    db.changed(job, Cursor::NEW, 10).await.unwrap();
    for bits in 0..8 {
        let has = |bit: i32| bits & (1 << bit) != 0;
        let filter = JobFilter {
            state: has(0).then_some(JobState::Done),
            kind: has(1).then_some(JobKind::Embed),
            workspaces: has(2).then(|| vec![here, WorkspaceId(77)]),
        };
        for before in [None, Some(job)] {
            Jobs::page(db, &filter, before, 10).await.unwrap();
        }
    }
    db.queue_refreshes("another", done()).await.unwrap();
    db.queue_refreshes("another", done()).await.unwrap();
    db.release(now).await.unwrap();
    let retention = Retention { before: now + TimeDelta::days(1), jobs: 1, items: 1 };
    assert!(db.prune(retention).await.unwrap() > 0);

    let keys = [TextKey([1; 32]), TextKey([2; 32])];
    let vectors = || keys.iter().map(|key| (*key, vec![1.0])).collect();
    EmbeddingCache::store_vectors(db, vectors(), 1000, now).await.unwrap();
    EmbeddingCache::store_vectors(db, vectors(), 10, now).await.unwrap();
    EmbeddingCache::store_vectors(db, vectors(), 1000, now).await.unwrap();
    EmbeddingCache::find(db, &keys, now + TimeDelta::days(7)).await.unwrap();
}
