//! The database as a whole: listed completely, copied during writes, and checked.
use carrel_domain::backup::{Copies, Inventory};
use carrel_domain::library::Documents;
use carrel_domain::workspace::Workspaces;
use carrel_persistence::Database;
use diesel::connection::SimpleConnection;
use diesel::{Connection, PgConnection, SqliteConnection};

use crate::support::{Scratch, document, done, embedded, path, workspace};

on_both_databases! {
    every_document_is_listed_once_by_path,
    inconsistencies_are_reported,
    a_copy_is_consistent_and_does_not_change,
}

/// Runs a statement without going through a port.
fn tamper(scratch: &Scratch, statement: &str) {
    match scratch.url.strip_prefix("sqlite://") {
        Some(file) => SqliteConnection::establish(file).unwrap().batch_execute(statement).unwrap(),
        None => PgConnection::establish(&scratch.url).unwrap().batch_execute(statement).unwrap(),
    }
}

async fn every_document_is_listed_once_by_path(scratch: Scratch) {
    let db = scratch.open();
    for name in ["c", "a", "é", "b", "a b", "A"] {
        Documents::create(&db, document(name), Vec::new(), done(0)).await.unwrap();
    }
    let all = db.documents(None, 100).await.unwrap();
    assert_eq!(all.len(), 6);
    let (mut paged, mut last) = (Vec::new(), None);
    loop {
        let page = db.documents(last.as_ref(), 4).await.unwrap();
        let Some(end) = page.last() else { break };
        last = Some(end.path.clone());
        paged.extend(page);
    }
    assert_eq!(paged, all);
}

async fn inconsistencies_are_reported(scratch: Scratch) {
    let db = scratch.open();
    let here = workspace(&db, "Here").await.id;
    let places = vec![embedded(here, "a", 4)];
    Documents::create(&db, document("a"), places, done(0)).await.unwrap();
    assert_eq!(db.faults().await.unwrap(), Vec::<String>::new());
    tamper(&scratch, "DELETE FROM vectors WHERE chunk_id = (SELECT MIN(chunk_id) FROM vectors)");
    let faults = db.faults().await.unwrap();
    let expected = "counts 4 vectors and has 4 passages, 4 codes and 3 vectors";
    assert!(faults.len() == 1 && faults[0].ends_with(expected), "{faults:?}");
    tamper(&scratch, "DELETE FROM namespaces");
    assert_eq!(db.faults().await.unwrap().len(), 1);
    if scratch.is_sqlite() {
        tamper(&scratch, "PRAGMA foreign_keys = OFF; DELETE FROM documents");
        let faults = db.faults().await.unwrap();
        assert!(faults.iter().any(|fault| fault.contains("documents")), "{faults:?}");
    }
}

async fn a_copy_is_consistent_and_does_not_change(scratch: Scratch) {
    let db = scratch.open();
    let made = workspace(&db, "Here").await;
    Documents::create(&db, document("a"), Vec::new(), done(0)).await.unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("copy.db");
    let copy = db.copy_to(&file).await.unwrap();
    assert_eq!(copy.is_some(), scratch.is_sqlite());
    let Some(copy) = copy else { return };
    Documents::remove(&db, &[path("a")], done(1)).await.unwrap();
    assert_eq!(copy.documents(None, 9).await.unwrap().len(), 1);
    assert_eq!(copy.faults().await.unwrap(), Vec::<String>::new());
    drop(copy);
    // There is no journal beside it, so the one file is the complete copy.
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    let opened = Database::open(&format!("sqlite://{}", file.display())).unwrap();
    assert_eq!(Workspaces::list(&opened).await.unwrap(), [made]);
    assert!(db.copy_to(&file).await.is_err(), "an existing file is not overwritten");
}
