//! Documents with more passages than fit into one transaction.
use carrel_domain::folder::Folders;
use carrel_domain::job::queue::{
    ClaimedJob, FinishedItem, ItemOutcome, JobQueue, Lease, PartResult, PartialIndexing,
    PassagePart, Superseded,
};
use carrel_domain::job::{JobItem, JobState};
use carrel_domain::library::{Documents, IndexedDocument, WorkspaceDocuments};
use carrel_domain::vector::VectorRows;
use carrel_domain::workspace::Workspaces;
use carrel_domain::{Folder, WorkspaceId};
use carrel_persistence::Database;

use crate::jobs::{add, claim, queue};
use crate::support::{Scratch, at, document, done, embedded, path, workspace};

on_both_databases! {
    parts_are_searchable_at_once_and_old_passages_until_the_end,
    abandoned_parts_leave_the_old_passages,
    a_part_for_a_removed_document_ends_the_item,
    large_documents_are_removed_in_transactions_of_bounded_size,
    a_small_document_replaces_a_large_one_in_transactions_of_bounded_size,
}

async fn claim_job(db: &Database, here: WorkspaceId, now: i64) -> (Lease, JobItem) {
    queue(db, here, &["a"]).await;
    let ClaimedJob { lease, .. } = claim(db, now).await;
    let item = db.pending_items(&lease, 1).await.unwrap().unwrap().remove(0);
    (lease, item)
}

async fn store(
    db: &Database,
    (lease, item): &(Lease, JobItem),
    passages: IndexedDocument,
    before: Option<PartialIndexing>,
) -> PartResult {
    let part = PassagePart { item: item.clone(), passages, before };
    db.store_part(lease, part, at(100)).await.unwrap().unwrap()
}

fn stored(result: PartResult) -> PartialIndexing {
    let PartResult::Stored(stored) = result else { panic!("{result:?}") };
    stored
}

async fn parts_are_searchable_at_once_and_old_passages_until_the_end(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let old = Documents::create(&db, document("a"), vec![embedded(here, "old", 3)], done(0));
    let old = old.await.unwrap().remove(0);
    let claimed = claim_job(&db, here, 1).await;
    let first = stored(store(&db, &claimed, embedded(here, "new", 2), None).await);
    assert!((first.place, first.is_new, first.stored) == (old.id, false, 2));
    let count = async || VectorRows::count(&db, Some(here)).await.unwrap();
    assert_eq!(count().await, 5);
    let second = stored(store(&db, &claimed, embedded(here, "more", 1), Some(first)).await);
    assert_eq!((second.stored, count().await), (3, 6));
    let before = db.version(here).await.unwrap();
    let remove = |limit| db.remove_part(&claimed.0, second, Superseded::Earlier, limit, at(100));
    assert_eq!(remove(2).await.unwrap(), Some(true));
    assert_eq!((remove(2).await.unwrap(), count().await), (Some(false), 3));
    assert_eq!(db.version(here).await.unwrap().removals, before.removals + 2);

    let recipe = "model/4".to_owned();
    let outcome = ItemOutcome::IndexedInParts { stored: second, recipe };
    let finished = vec![FinishedItem { item: claimed.1.clone(), outcome }];
    let result = db.complete(&claimed.0, finished, at(100), done(2)).await.unwrap().unwrap();
    assert_eq!((result.placed, result.job.progress.done), (vec![old.id], 1));
    let place = db.in_workspace(here).await.unwrap().remove(0);
    assert_eq!((&*place.recipe, place.created_at), ("model/4", at(2)));
    assert_ne!(place.key, old.key, "another place to clients, as with a smaller document");
    let chunks = VectorRows::chunks(&db, here, None, 9).await.unwrap();
    let passages = db.passages(here, &chunks).await.unwrap();
    let texts: Vec<_> = passages.iter().map(|each| (each.ordinal, each.text.as_str())).collect();
    assert_eq!(texts, [(0, "new 0"), (1, "new 1"), (2, "more 0")]);
    let job = db.end(&claimed.0, None, at(3)).await.unwrap().unwrap();
    assert_eq!(job.state, JobState::Done);
}

async fn abandoned_parts_leave_the_old_passages(scratch: Scratch) {
    let db = scratch.open();
    let (here, there) = (workspace(&db, "Here").await.id, workspace(&db, "There").await.id);
    let old = vec![embedded(here, "old", 3)];
    let old = Documents::create(&db, document("a"), old, done(0)).await.unwrap().remove(0);
    for (workspace, is_new, now) in [(here, false, 1), (there, true, 2)] {
        let claimed = claim_job(&db, workspace, now).await;
        let part = stored(store(&db, &claimed, embedded(workspace, "new", 2), None).await);
        assert_eq!(part.is_new, is_new);
        // If the process is killed now, the workspace document counts as stale.
        let recipe = db.in_workspace(workspace).await.unwrap().remove(0).recipe;
        assert_eq!(recipe.is_empty(), is_new);
        let removed = db.remove_part(&claimed.0, part, Superseded::New, 9, at(100)).await.unwrap();
        assert_eq!(removed, Some(false));
    }
    assert_eq!(db.in_workspace(here).await.unwrap(), [old]);
    assert_eq!(db.in_workspace(there).await.unwrap(), []);
    assert_eq!((VectorRows::count(&db, None).await.unwrap(), scratch.rows_in("chunks")), (3, 3));
}

async fn a_part_for_a_removed_document_ends_the_item(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    add(&db, &["a"]).await;
    let claimed = claim_job(&db, here, 1).await;
    let part = stored(store(&db, &claimed, embedded(here, "new", 2), None).await);
    db.withdraw(here, &[path("a")], done(2)).await.unwrap();
    let result = store(&db, &claimed, embedded(here, "more", 2), Some(part)).await;
    assert!(matches!(result, PartResult::Ended(ItemOutcome::Failed(_))), "{result:?}");
    db.remove(&[path("a")], done(2)).await.unwrap();
    let result = store(&db, &claimed, embedded(here, "new", 2), None).await;
    assert!(matches!(result, PartResult::Ended(ItemOutcome::Failed(_))), "{result:?}");
    let part = PassagePart { item: claimed.1, passages: embedded(here, "x", 1), before: None };
    let lost = Lease { token: uuid::Uuid::new_v4(), ..claimed.0 };
    assert!(db.store_part(&lost, part, at(9)).await.unwrap().is_none());
    assert_eq!(scratch.rows_in("chunks"), 0);
}

/// Counts rows, because the duration of a transaction depends on them. The counter of removals
/// grows with every transaction that removes some.
async fn large_documents_are_removed_in_transactions_of_bounded_size(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    const PASSAGES: usize = 1_500;
    let large = async |name: &str| {
        let place = vec![embedded(here, "words", PASSAGES)];
        Documents::create(&db, document(name), place, done(0)).await.unwrap();
    };
    let removals = async || db.version(here).await.unwrap().removals;
    large("a").await;
    db.withdraw(here, &[path("a")], done(1)).await.unwrap();
    // Batches of 512, 512 and 476 passages, and one transaction for the workspace document.
    assert_eq!((removals().await, scratch.rows_in("chunks")), (4, 0));
    large("b").await;
    assert_eq!(db.remove(&[path("b")], done(1)).await.unwrap().len(), 1);
    assert_eq!((removals().await, scratch.rows_in("chunks")), (8, 0));
    large("c").await;
    assert!(db.remove_folder(&Folder::default(), done(1)).await.unwrap().is_some());
    assert_eq!((removals().await, scratch.rows_in("chunks")), (12, 0));
    large("d").await;
    assert!(Workspaces::delete(&db, here, done(1)).await.unwrap());
    assert_eq!(scratch.rows_in("chunks"), 0);
}

async fn a_small_document_replaces_a_large_one_in_transactions_of_bounded_size(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let large = vec![embedded(here, "old", 1_500)];
    let old = Documents::create(&db, document("a"), large, done(0)).await.unwrap().remove(0);
    let (lease, item) = claim_job(&db, here, 1).await;
    let before = db.version(here).await.unwrap().removals;
    let outcome = ItemOutcome::Indexed(embedded(here, "new", 2));
    let finished = vec![FinishedItem { item, outcome }];
    let result = db.complete(&lease, finished, at(100), done(2)).await.unwrap().unwrap();
    assert_eq!((result.placed, result.job.progress.done), (vec![old.id], 1));
    assert_eq!(db.version(here).await.unwrap().removals, before + 3);
    assert_eq!((db.count(Some(here)).await.unwrap(), scratch.rows_in("chunks")), (2, 2));
}
