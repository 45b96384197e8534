use carrel_domain::api_key::{ApiKeys, KeyDigest, KeyOrigin, NewApiKey};
use carrel_domain::audit::{Actor, By};
use carrel_domain::member::Members;
use carrel_domain::owner::{NewOwnerSession, NewSetupLink, Owner, OwnersKeys, SetupLinks};
use carrel_domain::user::{
    MultiUser, NewSession, NewUser, PasswordHash, Role, Sessions, UserPatch, Users,
};
use carrel_domain::{ApiKeyId, UserId};
use carrel_persistence::Database;

use crate::support::{Scratch, at, done, new_user, user};

on_both_databases! {
    an_owner_has_one_password_and_sessions_while_it_lasts,
    a_setup_link_works_once_and_invalidates_the_others,
    each_person_sees_their_own_sessions,
    the_owners_keys_become_the_first_admins,
    the_owners_keys_end_with_the_owner,
}

fn by(actor: Actor) -> By {
    By { actor, address: None, at: at(5) }
}

/// Returns a key created by the owner, one created with this key, and one created by the operator.
async fn keys(db: &Database) -> Vec<ApiKeyId> {
    let mut ids = Vec::new();
    for number in 1..=3 {
        let actor = match (number, ids.first()) {
            (1, _) => Actor::Owner,
            (2, Some(first)) => Actor::Key(*first),
            _ => Actor::Operator,
        };
        let new = NewApiKey {
            name: None,
            digest: digest(number),
            prefix: String::new(),
            origin: KeyOrigin::Created,
            scopes: Vec::new(),
            workspaces: Vec::new(),
            rate_limit: None,
            expires_at: None,
            created_by: None,
            created_at: at(0),
        };
        ids.push(ApiKeys::create(db, new, by(actor).event("key", "{}")).await.unwrap().id);
    }
    ids
}

async fn creators(db: &Database) -> Vec<Option<UserId>> {
    ApiKeys::list(db).await.unwrap().iter().map(|key| key.created_by).collect()
}

async fn good(db: &Database) -> Vec<bool> {
    ApiKeys::list(db).await.unwrap().iter().map(|key| key.is_valid(at(9))).collect()
}

async fn the_owners_keys_become_the_first_admins(scratch: Scratch) {
    let db = scratch.open();
    keys(&db).await;
    let event = by(Actor::Owner).event("enabled", "{}");
    let ann = db.enable(new_user("ann"), event).await.unwrap().id;
    assert_eq!(creators(&db).await, [Some(ann), Some(ann), None]);
    assert_eq!(good(&db).await, [true; 3]);
    let bob = NewUser { role: Role::Admin, ..new_user("bob") };
    Users::create(&db, bob, done(6)).await.unwrap();
    let demoted = UserPatch { role: Some(Role::Default), ..UserPatch::default() };
    Users::update(&db, ann, demoted, done(7)).await.unwrap();
    assert_eq!(good(&db).await, [false, false, true]);
}

async fn the_owners_keys_end_with_the_owner(scratch: Scratch) {
    let db = scratch.open();
    keys(&db).await;
    db.set_password(hash("one"), OwnersKeys::Kept, done(0)).await.unwrap();
    assert_eq!(good(&db).await, [true; 3]);
    db.set_password(hash("two"), OwnersKeys::Ended, done(1)).await.unwrap();
    assert_eq!(good(&db).await, [false, false, true]);
    // They are also revoked if a stranger with a setup link becomes the first admin.
    scratch.execute("UPDATE api_keys SET revoked_at = NULL");
    let event = by(Actor::Stranger).event("enabled", "{}");
    db.enable(new_user("ann"), event).await.unwrap();
    assert_eq!(good(&db).await, [false, false, true]);
    assert_eq!(creators(&db).await, [None; 3]);
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
    db.set_password(hash("one"), OwnersKeys::Ended, done(0)).await.unwrap();
    assert_eq!(db.password().await.unwrap(), Some(hash("one")));
    assert!(Owner::open(&db, session(1, 10), hash("one"), done(0)).await.unwrap());
    assert!(Owner::open(&db, session(2, 20), hash("one"), done(1)).await.unwrap());
    assert!(!Owner::open(&db, session(3, 20), hash("other"), done(1)).await.unwrap());
    assert!(db.is_open(digest(1), at(9)).await.unwrap());
    assert!(!db.is_open(digest(1), at(10)).await.unwrap());
    assert_eq!(db.sessions(at(5)).await.unwrap().len(), 2);
    assert!(Owner::close(&db, digest(1), done(2)).await.unwrap());
    assert!(!Owner::close(&db, digest(1), done(2)).await.unwrap());
    db.set_password(hash("two"), OwnersKeys::Kept, done(3)).await.unwrap();
    assert!(!db.is_open(digest(2), at(4)).await.unwrap());
}

async fn a_setup_link_works_once_and_invalidates_the_others(scratch: Scratch) {
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
    assert!(!db.redeem_link(digest(1), done(11)).await.unwrap());
    assert!(!db.redeem_link(digest(9), done(11)).await.unwrap());
    let (one, other) =
        tokio::join!(db.redeem_link(digest(2), done(12)), db.redeem_link(digest(3), done(12)));
    assert!(one.unwrap() != other.unwrap());
    assert!(!db.is_good(digest(3), at(13)).await.unwrap());
}

async fn each_person_sees_their_own_sessions(scratch: Scratch) {
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
    let sessions = Sessions::of(&db, one, at(10)).await.unwrap();
    let digests: Vec<_> = sessions.iter().map(|session| session.digest).collect();
    assert_eq!(digests, [digest(2), digest(1)]);
    assert!(Sessions::of(&db, one, at(50)).await.unwrap().is_empty());
    assert!(db.workspaces_of_user(UserId(one.0)).await.unwrap().is_empty());
}
