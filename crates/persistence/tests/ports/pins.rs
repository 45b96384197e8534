use carrel_domain::library::{Documents, WorkspaceDocuments};
use carrel_domain::pin::Pins;
use carrel_domain::{DocumentPath, WorkspaceId};
use carrel_persistence::Database;

use crate::support::{Scratch, at, document, done, embedded, path, workspace};

on_both_databases! {
    a_document_is_pinned_in_one_workspace,
    only_a_workspace_document_can_be_pinned,
}

async fn pinned(db: &Database, workspace: WorkspaceId) -> Vec<DocumentPath> {
    let pinned = db.pinned(workspace, 10).await.unwrap();
    pinned.into_iter().map(|place| place.document.path).collect()
}

async fn a_document_is_pinned_in_one_workspace(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let there = workspace(&db, "There").await.id;
    for name in ["a", "b", "c"] {
        let places = vec![embedded(here, name, 1), embedded(there, name, 1)];
        Documents::create(&db, document(name), places, done(0)).await.unwrap();
    }
    for name in ["c", "a"] {
        assert!(db.pin(here, &path(name), true, done(5)).await.unwrap());
    }
    assert_eq!(pinned(&db, here).await, [path("a"), path("c")]);
    assert_eq!(db.pinned(here, 1).await.unwrap().len(), 1);
    assert!(pinned(&db, there).await.is_empty());
    let places = db.in_workspace(here).await.unwrap();
    let marks: Vec<_> = places.iter().map(|place| (place.pinned, place.updated_at)).collect();
    assert_eq!(marks, [(true, at(5)), (false, at(1)), (true, at(5))]);
    assert!(db.pin(here, &path("a"), false, done(6)).await.unwrap());
    assert_eq!(pinned(&db, here).await, [path("c")]);
}

async fn only_a_workspace_document_can_be_pinned(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    Documents::create(&db, document("a"), Vec::new(), done(0)).await.unwrap();
    let events = scratch.rows_in("events");
    for (workspace, name) in [(here, "a"), (here, "unknown"), (WorkspaceId(77), "a")] {
        assert!(!db.pin(workspace, &path(name), true, done(1)).await.unwrap());
    }
    assert_eq!(scratch.rows_in("events"), events);
}
