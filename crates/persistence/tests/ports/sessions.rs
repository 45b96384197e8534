use carrel_domain::Error;
use carrel_domain::UserId;
use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::AuditLog;
use carrel_domain::user::{NewSession, PasswordHash, Role, Sessions, UserPatch, Users};

use crate::support::{Scratch, at, done, new_user, user};

on_both_databases! {
    a_session_identifies_its_user_until_it_expires,
    a_session_is_closed_once,
    only_an_active_user_opens_a_session,
    expired_sessions_are_deleted,
    credentials_are_found_by_name,
    a_hash_is_upgraded_only_if_it_has_not_changed,
}

fn digest(token: u8) -> KeyDigest {
    KeyDigest([token; 32])
}

fn session(user: UserId, token: u8, until: i64) -> NewSession {
    NewSession {
        digest: digest(token),
        user,
        issued_by: None,
        expires_at: at(until),
        created_at: at(0),
    }
}

async fn a_session_identifies_its_user_until_it_expires(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (user(&db, "one").await, user(&db, "two").await);
    Sessions::open(&db, session(one.id, 1, 10), done(0)).await.unwrap();
    Sessions::open(&db, session(two.id, 2, 20), done(0)).await.unwrap();
    assert_eq!(db.user_of(digest(1), at(9)).await.unwrap(), Some(one));
    assert_eq!(db.user_of(digest(1), at(10)).await.unwrap(), None);
    assert_eq!(db.user_of(digest(2), at(10)).await.unwrap(), Some(two.clone()));
    assert_eq!(db.user_of(digest(3), at(0)).await.unwrap(), None);
    scratch.execute("UPDATE users SET suspended = TRUE");
    assert_eq!(db.user_of(digest(2), at(10)).await.unwrap(), None);
}

async fn a_session_is_closed_once(scratch: Scratch) {
    let db = scratch.open();
    let one = user(&db, "one").await.id;
    Sessions::open(&db, session(one, 1, 10), done(0)).await.unwrap();
    Sessions::open(&db, session(one, 2, 10), done(0)).await.unwrap();
    let events = AuditLog::count(&db).await.unwrap();
    assert!(db.close(digest(1), done(1)).await.unwrap());
    assert!(!db.close(digest(1), done(1)).await.unwrap());
    assert_eq!(AuditLog::count(&db).await.unwrap(), events + 1);
    let again = Sessions::open(&db, session(one, 2, 10), done(1)).await;
    assert!(matches!(again, Err(Error::AlreadyExists { kind: "session", .. })), "{again:?}");
    assert_eq!(db.user_of(digest(1), at(2)).await.unwrap(), None);
    assert!(db.user_of(digest(2), at(2)).await.unwrap().is_some());
}

async fn only_an_active_user_opens_a_session(scratch: Scratch) {
    let db = scratch.open();
    let one = user(&db, "one").await.id;
    let patch = UserPatch { suspended: Some(true), ..UserPatch::default() };
    Users::update(&db, one, patch, done(1)).await.unwrap();
    let events = AuditLog::count(&db).await.unwrap();
    for id in [one, UserId(77)] {
        let refused = Sessions::open(&db, session(id, 1, 10), done(2)).await;
        assert!(matches!(refused, Err(Error::NotFound { kind: "user", .. })), "{refused:?}");
    }
    assert_eq!(AuditLog::count(&db).await.unwrap(), events);
    assert_eq!(scratch.rows_in("sessions"), 0);
}

async fn expired_sessions_are_deleted(scratch: Scratch) {
    let db = scratch.open();
    let one = user(&db, "one").await.id;
    for token in 1..=5 {
        Sessions::open(&db, session(one, token, i64::from(token)), done(0)).await.unwrap();
    }
    Sessions::open(&db, session(one, 9, 90), done(3)).await.unwrap();
    assert_eq!(scratch.rows_in("sessions"), 3);
    assert!(db.user_of(digest(4), at(3)).await.unwrap().is_some());
}

async fn credentials_are_found_by_name(scratch: Scratch) {
    let db = scratch.open();
    let mut made = user(&db, "somebody").await;
    let (found, hash) = db.credentials("somebody").await.unwrap().unwrap();
    assert_eq!((found, hash), (made.clone(), new_user("somebody").password));
    for unknown in ["else", "", "Somebody", "somebody\0"] {
        assert!(db.credentials(unknown).await.unwrap().is_none());
    }
    let patch = UserPatch { suspended: Some(true), ..UserPatch::default() };
    made = Users::update(&db, made.id, patch, done(1)).await.unwrap();
    assert_eq!(db.credentials("somebody").await.unwrap().unwrap().0, made);
    assert_eq!(made.role, Role::Default);
}

async fn a_hash_is_upgraded_only_if_it_has_not_changed(scratch: Scratch) {
    let db = scratch.open();
    let made = user(&db, "somebody").await;
    let hash = |text: &str| PasswordHash(text.into());
    Sessions::open(&db, session(made.id, 1, 10), done(0)).await.unwrap();
    db.rehash_password(made.id, &new_user("xx").password, hash("strong")).await.unwrap();
    db.rehash_password(made.id, &hash("other"), hash("wrong")).await.unwrap();
    assert_eq!(db.credentials("somebody").await.unwrap(), Some((made, hash("strong"))));
    assert!(db.user_of(digest(1), at(1)).await.unwrap().is_some());
}
