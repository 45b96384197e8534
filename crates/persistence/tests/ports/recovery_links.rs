use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::{Actor, AuditLog, By};
use carrel_domain::recovery_code::{NewRecoveryLink, RecoveryLinks};
use carrel_domain::user::{NewSession, PasswordHash, Sessions, UserPatch, Users};
use carrel_domain::{Error, UserId};

use crate::support::{Scratch, admin, at, done, user};

on_both_databases! {
    a_link_is_redeemed_once_and_signs_its_user_out,
    a_new_link_replaces_the_previous_one,
    a_link_ends_with_its_expiry_its_user_or_its_issuer,
}

fn digest(link: u8) -> KeyDigest {
    KeyDigest([link; 32])
}

fn link(user: UserId, link: u8, until: i64) -> NewRecoveryLink {
    NewRecoveryLink { digest: digest(link), user, expires_at: at(until), created_at: at(0) }
}

fn password(text: &str) -> PasswordHash {
    PasswordHash(text.to_owned())
}

async fn a_link_is_redeemed_once_and_signs_its_user_out(scratch: Scratch) {
    let db = scratch.open();
    let one = user(&db, "one").await;
    let session = NewSession {
        digest: digest(9),
        user: one.id,
        issued_by: None,
        expires_at: at(100),
        created_at: at(0),
    };
    Sessions::open(&db, session, done(0)).await.unwrap();
    RecoveryLinks::issue(&db, link(one.id, 1, 10), done(0)).await.unwrap();
    assert_eq!(RecoveryLinks::user_of(&db, digest(1), at(9)).await.unwrap().unwrap().id, one.id);
    let events = AuditLog::count(&db).await.unwrap();
    let takers: Vec<_> = (0..8)
        .map(|number| {
            let db = db.clone();
            let new = password(&format!("hash {number}"));
            tokio::spawn(async move { RecoveryLinks::redeem(&db, digest(1), new, done(5)).await })
        })
        .collect();
    let mut taken = 0;
    for taker in takers {
        taken += usize::from(taker.await.unwrap().unwrap());
    }
    assert_eq!(taken, 1);
    assert_eq!(AuditLog::count(&db).await.unwrap(), events + 1);
    assert!(Sessions::user_of(&db, digest(9), at(6)).await.unwrap().is_none());
    let (_, now) = db.credentials("one").await.unwrap().unwrap();
    assert!(now.0.starts_with("hash "));
    assert!(RecoveryLinks::user_of(&db, digest(1), at(6)).await.unwrap().is_none());
}

async fn a_new_link_replaces_the_previous_one(scratch: Scratch) {
    let db = scratch.open();
    let one = user(&db, "one").await.id;
    for number in [1, 2] {
        RecoveryLinks::issue(&db, link(one, number, 10), done(0)).await.unwrap();
    }
    assert!(!RecoveryLinks::redeem(&db, digest(1), password("a"), done(1)).await.unwrap());
    assert!(RecoveryLinks::redeem(&db, digest(2), password("b"), done(1)).await.unwrap());
    let missing = RecoveryLinks::issue(&db, link(UserId(77), 3, 10), done(0)).await;
    assert!(matches!(missing, Err(Error::NotFound { .. })), "{missing:?}");
}

async fn a_link_ends_with_its_expiry_its_user_or_its_issuer(scratch: Scratch) {
    let db = scratch.open();
    let (maker, one) = (admin(&db, "maker").await.id, user(&db, "one").await.id);
    admin(&db, "other").await;
    let redeem = async |number: u8, second: i64| {
        RecoveryLinks::redeem(&db, digest(number), password("x"), done(second)).await.unwrap()
    };
    RecoveryLinks::issue(&db, link(one, 1, 10), done(0)).await.unwrap();
    assert!(!redeem(1, 10).await, "it has expired");
    // A suspension or a new password ends the link.
    for patch in [
        UserPatch { suspended: Some(true), ..UserPatch::default() },
        UserPatch { suspended: Some(false), ..UserPatch::default() },
        UserPatch { password: Some(password("new")), ..UserPatch::default() },
    ] {
        RecoveryLinks::issue(&db, link(one, 2, 10), done(0)).await.unwrap();
        let is_lifted = patch.suspended == Some(false);
        db.update(one, patch, done(1)).await.unwrap();
        assert_eq!(redeem(2, 2).await, is_lifted);
    }
    let by = By { actor: Actor::User(maker), ..done(0).by };
    let event = by.event("recovery_link_issued", "{}");
    RecoveryLinks::issue(&db, link(one, 3, 10), event).await.unwrap();
    Users::delete(&db, maker, done(1)).await.unwrap();
    assert!(!redeem(3, 2).await, "its issuer was deleted");
    RecoveryLinks::issue(&db, link(one, 4, 10), done(0)).await.unwrap();
    Users::delete(&db, one, done(1)).await.unwrap();
    assert!(!redeem(4, 2).await);
}
