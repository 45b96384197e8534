//! Originals: recorded, committed with their documents, and released with the last of them.
use carrel_domain::DocumentPath;
use carrel_domain::backup::Inventory;
use carrel_domain::document::{Document, DocumentOrigin};
use carrel_domain::folder::Folders;
use carrel_domain::library::Documents;
use carrel_domain::original::{Original, OriginalName, OriginalRecords, OriginalsSize};
use carrel_domain::settings::{Settings, names};
use carrel_domain::upload::{Replacement, UploadId, Uploads};
use carrel_persistence::Database;
use chrono::DateTime;

use crate::jobs::lease_request;
use crate::support::{Scratch, at, document, done, path};

on_both_databases! {
    an_original_is_committed_with_its_document,
    removing_the_last_document_releases_its_original,
    every_kind_of_removal_releases_originals,
    one_of_two_identical_files_is_kept,
    the_quota_counts_each_content_once,
    a_released_file_is_never_kept_again,
    concurrent_removals_of_the_last_two_documents_release_the_original,
    an_existing_installation_keeps_no_originals_until_enabled,
}

const CONTENT: [u8; 32] = [7; 32];

fn original(digest: [u8; 32]) -> Original {
    Original { name: OriginalName::random(), digest, bytes: 100 }
}

fn made_of(digest: [u8; 32], name: &str) -> Document {
    let origin = DocumentOrigin { digest: Some(digest), ..DocumentOrigin::default() };
    Document { origin, ..document(name) }
}

async fn add(db: &Database, digest: [u8; 32], name: &str) {
    Documents::create(db, made_of(digest, name), Vec::new(), done(0)).await.unwrap();
}

async fn reserve(db: &Database, original: &Original) {
    assert!(db.reserve(original, 10_000, at(0)).await.unwrap());
}

/// Returns a committed original with one document.
async fn store(db: &Database, digest: [u8; 32], name: &str) -> Original {
    let original = original(digest);
    reserve(db, &original).await;
    add(db, digest, name).await;
    assert!(db.commit_or_release(original.name).await.unwrap());
    original
}

async fn released(db: &Database) -> Vec<OriginalName> {
    db.pending(DateTime::UNIX_EPOCH).await.unwrap()
}

async fn remove(db: &Database, names: &[&str]) {
    let paths: Vec<DocumentPath> = names.iter().map(|name| path(name)).collect();
    Documents::remove(db, &paths, done(1)).await.unwrap();
}

async fn an_original_is_committed_with_its_document(scratch: Scratch) {
    let db = scratch.open();
    let file = original(CONTENT);
    reserve(&db, &file).await;
    assert_eq!(db.of(CONTENT).await.unwrap(), None);
    assert_eq!(db.pending(at(0)).await.unwrap(), []);
    assert_eq!(db.pending(at(1)).await.unwrap(), [file.name]);
    add(&db, CONTENT, "a").await;
    assert!(
        db.commit_or_release(file.name).await.unwrap()
            && db.commit_or_release(file.name).await.unwrap()
    );
    assert_eq!(db.of(CONTENT).await.unwrap(), Some(file.clone()));
    assert_eq!(db.of([8; 32]).await.unwrap(), None);
    assert_eq!(db.pending(at(9)).await.unwrap(), []);
    assert_eq!(db.size().await.unwrap(), OriginalsSize { files: 1, bytes: 100 });
    assert_eq!(db.originals(None, 9).await.unwrap(), std::slice::from_ref(&file));
    assert_eq!(db.originals(Some(file.name), 9).await.unwrap(), []);
    let orphan = original([9; 32]);
    reserve(&db, &orphan).await;
    assert!(!db.commit_or_release(orphan.name).await.unwrap());
    assert_eq!(released(&db).await, [orphan.name]);
    db.forget(orphan.name).await.unwrap();
    db.forget(file.name).await.unwrap();
    assert_eq!((released(&db).await, scratch.rows_in("originals")), (Vec::new(), 1));
}

async fn removing_the_last_document_releases_its_original(scratch: Scratch) {
    let db = scratch.open();
    let file = store(&db, CONTENT, "a").await;
    add(&db, CONTENT, "b").await;
    let other = store(&db, [8; 32], "c").await;
    remove(&db, &["a"]).await;
    assert_eq!((released(&db).await, db.of(CONTENT).await.unwrap()), (vec![], Some(file.clone())));
    remove(&db, &["b"]).await;
    assert_eq!((released(&db).await, db.of(CONTENT).await.unwrap()), (vec![file.name], None));
    assert_eq!(db.of([8; 32]).await.unwrap(), Some(other));
}

async fn every_kind_of_removal_releases_originals(scratch: Scratch) {
    let db = scratch.open();
    let replaced = original(CONTENT);
    reserve(&db, &replaced).await;
    let mut old = made_of(CONTENT, "old");
    old.origin.key = Some("k".into());
    let mut new = made_of([8; 32], "new");
    new.origin.key = Some("k".into());
    Documents::create(&db, old, Vec::new(), done(0)).await.unwrap();
    assert!(db.commit_or_release(replaced.name).await.unwrap());
    let replacement = Replacement {
        key: "k".into(),
        replaced: vec![path("old")],
        documents: vec![new],
        targets: Vec::new(),
        lease: lease_request(20),
        obsolete: UploadId(uuid::Uuid::new_v4()),
        event: done(1),
    };
    assert!(db.replace(replacement).await.unwrap().is_some());
    assert_eq!(released(&db).await, [replaced.name]);
    db.forget(replaced.name).await.unwrap();

    let folder = carrel_domain::Folder::parse("reports").unwrap();
    db.create_folder(&folder, done(0)).await.unwrap();
    let mut document = made_of([9; 32], "a");
    document.path = DocumentPath::parse("reports/a.json").unwrap();
    let file = original([9; 32]);
    reserve(&db, &file).await;
    Documents::create(&db, document, Vec::new(), done(0)).await.unwrap();
    assert!(db.commit_or_release(file.name).await.unwrap());
    db.remove_folder(&folder, done(1)).await.unwrap();
    assert_eq!(released(&db).await, [file.name]);
}

async fn one_of_two_identical_files_is_kept(scratch: Scratch) {
    let db = scratch.open();
    let first = store(&db, CONTENT, "a").await;
    let second = original(CONTENT);
    reserve(&db, &second).await;
    assert!(!db.commit_or_release(second.name).await.unwrap());
    assert_eq!(
        (db.of(CONTENT).await.unwrap(), released(&db).await),
        (Some(first), vec![second.name])
    );
}

async fn the_quota_counts_each_content_once(scratch: Scratch) {
    let db = scratch.open();
    store(&db, CONTENT, "a").await;
    assert!(!db.reserve(&original([8; 32]), 199, at(0)).await.unwrap());
    assert!(db.reserve(&original(CONTENT), 100, at(0)).await.unwrap());
    assert!(db.reserve(&original([8; 32]), 300, at(0)).await.unwrap());
}

async fn a_released_file_is_never_kept_again(scratch: Scratch) {
    let db = scratch.open();
    let first = store(&db, CONTENT, "a").await;
    remove(&db, &["a"]).await;
    let second = store(&db, CONTENT, "b").await;
    assert!(!db.commit_or_release(first.name).await.unwrap());
    assert_eq!(db.of(CONTENT).await.unwrap(), Some(second));
}

async fn concurrent_removals_of_the_last_two_documents_release_the_original(scratch: Scratch) {
    let db = scratch.open();
    for round in 0..8_u8 {
        let digest = [round + 1; 32];
        let (a, b) = (format!("a{round}"), format!("b{round}"));
        let file = store(&db, digest, &a).await;
        add(&db, digest, &b).await;
        let (only_a, only_b) = ([a.as_str()], [b.as_str()]);
        tokio::join!(remove(&db, &only_a), remove(&db, &only_b));
        assert_eq!(released(&db).await, [file.name], "{round}");
        db.forget(file.name).await.unwrap();
    }
}

async fn an_existing_installation_keeps_no_originals_until_enabled(scratch: Scratch) {
    let db = scratch.open();
    let database = if scratch.url.starts_with("sqlite") { "sqlite" } else { "postgres" };
    let folder = format!("../../migrations/{database}/2026-11-30-000077_originals");
    let again = || {
        for script in ["down.sql", "up.sql"] {
            scratch.execute(&std::fs::read_to_string(format!("{folder}/{script}")).unwrap());
        }
    };
    again();
    assert_eq!(db.all().await.unwrap().get(names::KEEP_ORIGINALS), None);
    add(&db, CONTENT, "a").await;
    again();
    let setting = db.all().await.unwrap().remove(names::KEEP_ORIGINALS);
    assert_eq!(setting.as_deref(), Some("off"));
}
