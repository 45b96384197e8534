use carrel_domain::UserId;
use carrel_domain::api_key::KeyDigest;
use carrel_domain::member::Members;
use carrel_domain::owner::{NewOwnerSession, NewSetupLink, Owner, SetupLinks};
use carrel_domain::user::{NewSession, PasswordHash, Sessions};

use crate::support::{Scratch, at, done, user};

on_both_databases! {
    an_owner_has_one_password_and_sessions_while_it_lasts,
    a_link_is_spent_once_and_takes_the_others_along,
    somebody_sees_their_own_sessions,
}

fn digest(token: u8) -> KeyDigest {
    KeyDigest([token; 32])
}

fn hash(text: &str) -> PasswordHash {
    PasswordHash(text.into())
}

fn session(token: u8, until: i64) -> NewOwnerSession {
    NewOwnerSession { digest: digest(token), expires_at: at(until), created_at: at(0) }
}

async fn an_owner_has_one_password_and_sessions_while_it_lasts(scratch: Scratch) {
    let db = scratch.open();
    assert_eq!(db.password().await.unwrap(), None);
    assert!(!Owner::open(&db, session(1, 10), hash("one"), done(0)).await.unwrap());
    db.set_password(hash("one"), done(0)).await.unwrap();
    assert_eq!(db.password().await.unwrap(), Some(hash("one")));
    assert!(Owner::open(&db, session(1, 10), hash("one"), done(0)).await.unwrap());
    assert!(Owner::open(&db, session(2, 20), hash("one"), done(1)).await.unwrap());
    assert!(!Owner::open(&db, session(3, 20), hash("other"), done(1)).await.unwrap());
    assert!(db.is_open(digest(1), at(9)).await.unwrap());
    assert!(!db.is_open(digest(1), at(10)).await.unwrap());
    assert_eq!(db.sessions(at(5)).await.unwrap().len(), 2);
    assert!(Owner::close(&db, digest(1), done(2)).await.unwrap());
    assert!(!Owner::close(&db, digest(1), done(2)).await.unwrap());
    db.set_password(hash("two"), done(3)).await.unwrap();
    assert!(!db.is_open(digest(2), at(4)).await.unwrap());
}

async fn a_link_is_spent_once_and_takes_the_others_along(scratch: Scratch) {
    let db = scratch.open();
    let link = |token, until| NewSetupLink {
        digest: digest(token),
        expires_at: at(until),
        created_at: at(0),
    };
    for (token, until) in [(1, 10), (2, 20), (3, 30)] {
        SetupLinks::issue(&db, link(token, until), done(0)).await.unwrap();
    }
    assert!(db.is_good(digest(1), at(9)).await.unwrap());
    assert!(!db.is_good(digest(1), at(10)).await.unwrap());
    assert!(!db.spend(digest(1), done(11)).await.unwrap());
    assert!(!db.spend(digest(9), done(11)).await.unwrap());
    let (one, other) = tokio::join!(db.spend(digest(2), done(12)), db.spend(digest(3), done(12)));
    assert!(one.unwrap() != other.unwrap());
    assert!(!db.is_good(digest(3), at(13)).await.unwrap());
}

async fn somebody_sees_their_own_sessions(scratch: Scratch) {
    let db = scratch.open();
    let (one, two) = (user(&db, "one").await.id, user(&db, "two").await.id);
    for (token, user) in [(1, one), (2, one), (3, two)] {
        let created_at = at(i64::from(token));
        let session = NewSession {
            digest: digest(token),
            user,
            issued_by: None,
            expires_at: at(50),
            created_at,
        };
        Sessions::open(&db, session, done(0)).await.unwrap();
    }
    let seen = Sessions::of(&db, one, at(10)).await.unwrap();
    let digests: Vec<_> = seen.iter().map(|session| session.digest).collect();
    assert_eq!(digests, [digest(2), digest(1)]);
    assert!(Sessions::of(&db, one, at(50)).await.unwrap().is_empty());
    assert!(db.entered_by(UserId(one.0)).await.unwrap().is_empty());
}
