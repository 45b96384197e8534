use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::AuditLog;
use carrel_domain::user::{NewSignInToken, SignInTokens, Users};
use carrel_domain::{Error, UserId};

use crate::support::{Scratch, at, done, user};

on_both_databases! {
    a_token_works_once,
    a_new_token_replaces_the_previous_one,
    tokens_are_deleted_with_their_user,
}

fn digest(token: u8) -> KeyDigest {
    KeyDigest([token; 32])
}

fn token(user: UserId, token: u8, until: i64) -> NewSignInToken {
    NewSignInToken { digest: digest(token), user, expires_at: at(until), created_at: at(0) }
}

async fn a_token_works_once(scratch: Scratch) {
    let db = scratch.open();
    let one = user(&db, "one").await;
    db.issue(token(one.id, 1, 10), done(0)).await.unwrap();
    let events = AuditLog::count(&db).await.unwrap();
    let takers: Vec<_> = (0..8)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move { db.redeem_token(digest(1), done(20)).await })
        })
        .collect();
    let mut taken = Vec::new();
    for taker in takers {
        taken.extend(taker.await.unwrap().unwrap().map(|taken| (taken.user, taken.expires_at)));
    }
    assert_eq!(taken, [(one, at(10))]);
    assert_eq!(AuditLog::count(&db).await.unwrap(), events + 1);
    assert!(db.redeem_token(digest(2), done(20)).await.unwrap().is_none());
}

async fn a_new_token_replaces_the_previous_one(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (user(&db, "one").await, user(&db, "two").await);
    for (of, number) in [(&one, 1), (&two, 2), (&one, 3)] {
        db.issue(token(of.id, number, 10), done(0)).await.unwrap();
    }
    assert!(db.redeem_token(digest(1), done(1)).await.unwrap().is_none());
    for (number, user) in [(3, one), (2, two)] {
        let taken = db.redeem_token(digest(number), done(1)).await.unwrap().unwrap();
        assert_eq!((taken.user, taken.expires_at, taken.issued_by), (user, at(10), None));
    }
}

async fn tokens_are_deleted_with_their_user(scratch: Scratch) {
    let db = scratch.open();
    let one = user(&db, "one").await.id;
    db.issue(token(one, 1, 10), done(0)).await.unwrap();
    Users::delete(&db, one, done(1)).await.unwrap();
    assert!(db.redeem_token(digest(1), done(1)).await.unwrap().is_none());
    let refused = db.issue(token(one, 2, 10), done(1)).await;
    assert!(matches!(refused, Err(Error::NotFound { kind: "user", .. })), "{refused:?}");
}
