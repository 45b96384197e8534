use carrel_domain::audit::{
    AuditKey, AuditLog, AuditSeals, ChainPoint, HeadSeal, LoggedEvent, link,
};
use carrel_domain::user::Users;
use carrel_domain::{Error, UserId};
use carrel_persistence::Database;

use crate::audit::verified;
use crate::support::{Scratch, at, done, new_user};

on_both_databases! {
    every_new_event_renews_the_seal,
    a_log_older_than_seals_is_sealed_on_request,
    a_truncated_log_stays_detectable,
    events_added_without_the_key_stay_unsealed,
    another_key_does_not_fit_the_seal,
    old_events_are_removed_and_the_others_stay_verifiable,
    no_events_are_removed_from_a_tampered_log,
}

fn sealing(scratch: &Scratch) -> Database {
    Database::open_sealing(&scratch.url, AuditKey::new([1; 32])).unwrap()
}

async fn sealed(scratch: &Scratch, events: i64) -> Database {
    let db = sealing(scratch);
    db.seal(None).await.unwrap();
    for number in 1..=events {
        AuditLog::add(&db, done(number)).await.unwrap();
    }
    assert!(db.ends().await.unwrap().is_sealed());
    db
}

async fn head_seal(db: &Database) -> HeadSeal {
    db.ends().await.unwrap().head_seal
}

async fn every_new_event_renews_the_seal(scratch: Scratch) {
    let db = sealed(&scratch, 3).await;
    Users::create(&db, new_user("ann"), done(4)).await.unwrap();
    let ends = db.ends().await.unwrap();
    assert!(ends.is_sealed() && ends.start_fits);
    assert_eq!((ends.head.last_id, ends.start), (4, ChainPoint::default()));
    assert_eq!(verified(&db).await.unwrap().last().unwrap().digest, ends.head.digest);
    // Another process with the key continues the log, even concurrently.
    let other = sealing(&scratch);
    for number in 0..10 {
        let (one, two) = tokio::join!(db.add(done(number)), other.add(done(number)));
        one.and(two).unwrap();
    }
    assert_eq!(head_seal(&db).await, HeadSeal::Fits(other.ends().await.unwrap().head));
    // A rolled-back change is not sealed.
    assert!(Users::delete(&db, UserId(77), done(9)).await.is_err());
    assert!(db.ends().await.unwrap().is_sealed());
}

async fn a_log_older_than_seals_is_sealed_on_request(scratch: Scratch) {
    let before = scratch.open();
    for number in 0..4 {
        before.add(done(number)).await.unwrap();
    }
    let db = sealing(&scratch);
    assert_eq!(head_seal(&db).await, HeadSeal::Missing);
    // Appending to an unsealed log does not seal it.
    db.add(done(5)).await.unwrap();
    assert_eq!(head_seal(&db).await, HeadSeal::Missing);
    db.seal(Some(done(6))).await.unwrap();
    assert!(db.ends().await.unwrap().is_sealed());
    assert_eq!(verified(&db).await.unwrap().len(), 6);
    assert!(matches!(before.seal(None).await, Err(Error::Unavailable { .. })));
}

async fn a_truncated_log_stays_detectable(scratch: Scratch) {
    let db = sealed(&scratch, 5).await;
    let sealed = db.ends().await.unwrap().head;
    scratch.execute("DELETE FROM events WHERE id > 3");
    scratch.execute(
        "UPDATE audit_head SET last_id = 3, digest = (SELECT digest FROM events WHERE id = 3)",
    );
    assert!(!db.ends().await.unwrap().is_sealed());
    // Appending new events up to the old length does not hide the loss.
    for number in 0..3 {
        db.add(done(number)).await.unwrap();
    }
    assert_eq!(head_seal(&db).await, HeadSeal::Fits(sealed));
    assert_ne!(verified(&db).await.unwrap()[4].digest, sealed.digest);
}

/// Writes an event as an attacker could who has the database and the source code, but not the key.
async fn forge(scratch: &Scratch, db: &Database) {
    let head = db.ends().await.unwrap().head;
    let mut event = LoggedEvent {
        id: head.last_id + 1,
        name: "forged".into(),
        details: "{}".into(),
        actor: "owner".into(),
        address: None,
        at: at(9),
        digest: [0; 32],
    };
    event.digest = link(head.digest, &event);
    let hex: String = event.digest.iter().map(|byte| format!("{byte:02x}")).collect();
    let digest = if scratch.is_sqlite() { format!("X'{hex}'") } else { format!("'\\x{hex}'") };
    let (id, when) = (event.id, event.at.format("%Y-%m-%d %H:%M:%S"));
    scratch.execute(&format!(
        "INSERT INTO events (id, name, details, actor, at, digest)
         VALUES ({id}, 'forged', '{{}}', 'owner', '{when}', {digest})"
    ));
    scratch.execute(&format!("UPDATE audit_head SET last_id = {id}, digest = {digest}"));
}

async fn events_added_without_the_key_stay_unsealed(scratch: Scratch) {
    let db = sealed(&scratch, 3).await;
    let sealed = db.ends().await.unwrap().head;
    forge(&scratch, &db).await;
    assert_eq!(verified(&db).await.unwrap().len(), 4, "the chain alone shows nothing");
    assert_eq!(head_seal(&db).await, HeadSeal::Fits(sealed));
    db.add(done(5)).await.unwrap();
    assert_eq!(head_seal(&db).await, HeadSeal::Fits(sealed), "the forged event is not sealed");
    db.seal(Some(done(6))).await.unwrap();
    assert!(db.ends().await.unwrap().is_sealed(), "an operator has sealed it");
}

async fn another_key_does_not_fit_the_seal(scratch: Scratch) {
    let db = sealed(&scratch, 3).await;
    let other = Database::open_sealing(&scratch.url, AuditKey::new([2; 32])).unwrap();
    assert_eq!(head_seal(&other).await, HeadSeal::Foreign);
    other.add(done(1)).await.unwrap();
    assert_eq!(head_seal(&other).await, HeadSeal::Foreign);
    assert!(!db.ends().await.unwrap().is_sealed());
    scratch.execute("UPDATE audit_head SET sealed_id = last_id, sealed_digest = digest");
    assert_eq!(head_seal(&db).await, HeadSeal::Foreign);
}

async fn old_events_are_removed_and_the_others_stay_verifiable(scratch: Scratch) {
    let db = sealed(&scratch, 10).await;
    let all = verified(&db).await.unwrap();
    let by = done(20).by;
    assert_eq!(db.remove_old(at(8), 4, by.clone()).await.unwrap(), 4);
    assert_eq!(db.remove_old(at(8), 4, by.clone()).await.unwrap(), 3);
    assert_eq!(db.remove_old(at(8), 4, by.clone()).await.unwrap(), 0);
    let ends = db.ends().await.unwrap();
    assert!(ends.is_sealed() && ends.start_fits);
    assert_eq!(ends.start, ChainPoint { last_id: 7, digest: all[6].digest });
    let left = db.since(0, 100).await.unwrap();
    assert_eq!(left[..3], all[7..]);
    // The two events that record the removals.
    assert_eq!(left[3..].iter().map(|e| &*e.name).collect::<Vec<_>>(), ["audit_log_shortened"; 2]);
    assert_eq!(AuditLog::count(&db).await.unwrap(), 5);
    let newest: Vec<_> = db.page(None, 3, 9).await.unwrap().iter().map(|e| e.id).collect();
    assert_eq!(newest, [9, 8]);
    // All other events may be removed, but the record of the removal stays.
    assert_eq!(db.remove_old(at(100), 100, by).await.unwrap(), 5);
    assert_eq!(AuditLog::count(&db).await.unwrap(), 1);
    assert!(db.ends().await.unwrap().is_sealed());
}

async fn no_events_are_removed_from_a_tampered_log(scratch: Scratch) {
    let db = sealed(&scratch, 5).await;
    let by = done(20).by;
    let refused = async |db: &Database| {
        let refused = db.remove_old(at(100), 100, by.clone()).await;
        assert!(matches!(refused, Err(Error::Unavailable { .. })), "{refused:?}");
    };
    scratch.execute("UPDATE events SET details = 'x' WHERE id = 2");
    refused(&db).await;
    let original = done(2).details;
    scratch.execute(&format!("UPDATE events SET details = '{original}' WHERE id = 2"));
    forge(&scratch, &db).await;
    refused(&db).await;
    db.seal(None).await.unwrap();
    assert_eq!(db.remove_old(at(3), 100, by.clone()).await.unwrap(), 2);
    scratch.execute("UPDATE audit_start SET last_id = 3");
    assert!(!db.ends().await.unwrap().start_fits);
    refused(&db).await;
}
