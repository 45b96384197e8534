use carrel_domain::document::Published;
use carrel_domain::library::{Documents, NewDocument, RemovedDocument, WorkspaceDocuments};
use carrel_domain::vector::VectorRows;
use carrel_domain::{Error, WorkspaceId};
use chrono::{DateTime, Utc};

use crate::support::{Scratch, at, document, done, embedded, path, workspace};

on_both_databases! {
    a_document_is_found_by_its_path,
    a_path_is_unique,
    a_new_document_is_added_to_the_requested_workspaces,
    a_document_for_a_deleted_workspace_is_refused,
    documents_are_created_all_or_none,
    a_document_is_in_a_workspace_once,
    removing_documents_removes_every_trace,
    a_file_is_pending_until_its_document_exists,
    the_file_of_a_removed_document_is_pending,
}

async fn a_document_is_found_by_its_path(scratch: Scratch) {
    let db = scratch.open();
    let made = document("報告 'x' %_");
    Documents::create(&db, made.clone(), Vec::new(), done(0)).await.unwrap();
    assert_eq!(db.by_path(&made.path).await.unwrap(), Some(made));
    assert_eq!(db.by_path(&path("other")).await.unwrap(), None);
    let mut unusual = document("odd");
    unusual.published = Published(None);
    unusual.title = "a\0b".into();
    unusual.created_at = DateTime::<Utc>::MAX_UTC;
    Documents::create(&db, unusual, Vec::new(), done(0)).await.unwrap();
    let unusual = db.by_path(&path("odd")).await.unwrap().unwrap();
    assert_eq!((unusual.title.as_str(), unusual.published), ("a\u{FFFD}b", Published(None)));
    assert_eq!(unusual.created_at.to_rfc3339(), "9999-12-31T23:59:59+00:00");
}

async fn a_path_is_unique(scratch: Scratch) {
    let db = scratch.open();
    let first = document("a");
    Documents::create(&db, first.clone(), Vec::new(), done(0)).await.unwrap();
    db.record_intent(&[path("a")], at(2)).await.unwrap();
    let again = Documents::create(&db, document("a"), Vec::new(), done(0)).await;
    assert!(matches!(again, Err(Error::AlreadyExists { kind: "document", .. })), "{again:?}");
    assert_eq!(db.by_path(&path("a")).await.unwrap(), Some(first));
    assert_eq!(db.pending_files(at(3)).await.unwrap(), [(path("a"), true)]);
}

async fn a_new_document_is_added_to_the_requested_workspaces(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let made = document("a");
    let places = vec![embedded(two, "a", 2), embedded(one, "a", 1)];
    let placed = Documents::create(&db, made.clone(), places, done(0)).await.unwrap();
    assert_eq!(placed.iter().map(|place| place.workspace).collect::<Vec<_>>(), [two, one]);
    assert_ne!(placed[0].key, placed[1].key);
    assert!(placed.iter().all(|place| place.document == made && !place.pinned && !place.watched));
    assert_eq!(placed[0].recipe, "model/3 1000+20");
    assert_eq!(db.in_workspace(two).await.unwrap(), placed[..1]);
    assert_eq!(db.in_workspace(one).await.unwrap(), placed[1..]);
    assert_eq!((db.count(Some(one)).await.unwrap(), db.count(Some(two)).await.unwrap()), (1, 2));
}

async fn a_document_for_a_deleted_workspace_is_refused(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    db.record_intent(&[path("a")], at(0)).await.unwrap();
    let places = vec![embedded(here, "a", 2), embedded(WorkspaceId(77), "a", 2)];
    let refused = Documents::create(&db, document("a"), places, done(0)).await;
    assert!(matches!(refused, Err(Error::NotFound { kind: "workspace", .. })), "{refused:?}");
    assert_eq!(db.by_path(&path("a")).await.unwrap(), None);
    assert_eq!(db.in_workspace(here).await.unwrap(), []);
    assert_eq!(db.count(None).await.unwrap(), 0);
    assert_eq!(db.version(here).await.unwrap().additions, 0);
    assert_eq!(db.pending_files(at(1)).await.unwrap(), [(path("a"), false)]);
}

async fn documents_are_created_all_or_none(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let new = |name: &str, places| NewDocument { document: document(name), places, event: done(0) };
    let good = || new("a", vec![embedded(two, "a", 2), embedded(one, "a", 1)]);
    db.record_intent(&[path("a"), path("b")], at(0)).await.unwrap();
    let gone = new("b", vec![embedded(WorkspaceId(77), "b", 1)]);
    assert!(db.create_all(vec![good(), gone]).await.is_err());
    assert_eq!(db.by_path(&path("a")).await.unwrap(), None);
    assert_eq!(
        (db.count(None).await.unwrap(), db.pending_files(at(1)).await.unwrap().len()),
        (0, 2)
    );
    let other = new("b", vec![embedded(one, "b", 3)]);
    let placed = db.create_all(vec![good(), other]).await.unwrap();
    let workspaces: Vec<_> = placed.iter().map(|place| place.workspace).collect();
    assert_eq!(workspaces, [two, one, one]);
    assert_eq!((db.count(Some(one)).await.unwrap(), db.count(Some(two)).await.unwrap()), (4, 2));
    assert_eq!(db.version(one).await.unwrap().additions, 2);
    assert_eq!(db.pending_files(at(1)).await.unwrap(), []);
}

async fn a_document_is_in_a_workspace_once(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let places = vec![embedded(here, "a", 1), embedded(here, "a", 1)];
    let refused = Documents::create(&db, document("a"), places, done(0)).await;
    assert!(matches!(refused, Err(Error::AlreadyExists { .. })), "{refused:?}");
    assert_eq!(db.by_path(&path("a")).await.unwrap(), None);
    assert_eq!(db.count(None).await.unwrap(), 0);
}

async fn removing_documents_removes_every_trace(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let places = vec![embedded(one, "a", 2), embedded(two, "a", 3)];
    let a = Documents::create(&db, document("a"), places, done(0)).await.unwrap();
    let b =
        Documents::create(&db, document("b"), vec![embedded(one, "b", 4)], done(0)).await.unwrap();
    Documents::create(&db, document("c"), vec![embedded(one, "c", 5)], done(0)).await.unwrap();
    let paths = [path("b"), path("missing"), path("a"), path("b")];
    let removed = db.remove(&paths, done(9)).await.unwrap();
    let expected = [
        RemovedDocument { path: path("a"), places: vec![(one, a[0].id), (two, a[1].id)] },
        RemovedDocument { path: path("b"), places: vec![(one, b[0].id)] },
    ];
    assert_eq!(removed, expected);
    assert_eq!(db.by_path(&path("a")).await.unwrap(), None);
    assert_eq!((db.count(Some(one)).await.unwrap(), db.count(Some(two)).await.unwrap()), (5, 0));
    assert_eq!(db.codes(one, None, 100).await.unwrap().1.len(), 5);
    let version = db.version(one).await.unwrap();
    assert_eq!((version.additions, version.removals), (3, 2));
    let version = db.version(two).await.unwrap();
    assert_eq!((version.additions, version.removals), (1, 1));
    assert_eq!(db.remove(&paths, done(10)).await.unwrap(), []);
    assert_eq!(db.version(two).await.unwrap(), version);
}

async fn a_file_is_pending_until_its_document_exists(scratch: Scratch) {
    let db = scratch.open();
    db.record_intent(&[path("a")], at(1)).await.unwrap();
    db.record_intent(&[path("b")], at(1)).await.unwrap();
    assert_eq!(db.pending_files(at(1)).await.unwrap(), []);
    Documents::create(&db, document("a"), Vec::new(), done(0)).await.unwrap();
    assert_eq!(db.pending_files(at(2)).await.unwrap(), [(path("b"), false)]);
    db.record_intent(&[path("b")], at(5)).await.unwrap();
    assert_eq!(db.pending_files(at(5)).await.unwrap(), []);
    assert_eq!(db.pending_files(at(6)).await.unwrap(), [(path("b"), false)]);
    Documents::reconcile(&db, &path("b")).await.unwrap();
    Documents::reconcile(&db, &path("b")).await.unwrap();
    assert_eq!(db.pending_files(at(6)).await.unwrap(), []);
}

async fn the_file_of_a_removed_document_is_pending(scratch: Scratch) {
    let db = scratch.open();
    Documents::create(&db, document("a"), Vec::new(), done(0)).await.unwrap();
    db.remove(&[path("a"), path("never")], done(3)).await.unwrap();
    assert_eq!(db.pending_files(at(4)).await.unwrap(), [(path("a"), false)]);
    Documents::create(&db, document("a"), Vec::new(), done(0)).await.unwrap();
    assert_eq!(db.pending_files(at(4)).await.unwrap(), []);
}
