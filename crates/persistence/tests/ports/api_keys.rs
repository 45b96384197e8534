use carrel_domain::api_key::{ApiKeys, KeyDigest, KeyOrigin, NewApiKey, Scope};
use carrel_domain::user::Users;
use carrel_domain::{ApiKeyId, Error, UserId};
use carrel_persistence::Database;

use crate::support::{Scratch, at, done, new_user, workspace};

on_both_databases! {
    a_key_is_found_by_its_digest,
    a_key_is_read_back_with_its_limits,
    a_key_needs_an_existing_creator,
    a_digest_is_stored_once,
    a_key_is_revoked_once,
    the_environment_holds_one_valid_key,
    a_key_from_the_environment_is_valid_whatever_its_stored_state,
    the_latest_use_of_a_key_is_remembered,
}

fn new_key(number: u8) -> NewApiKey {
    NewApiKey {
        name: Some(format!("key {number}")),
        digest: KeyDigest([number; 32]),
        prefix: format!("crl_{number}"),
        origin: KeyOrigin::Created,
        scopes: Vec::new(),
        workspaces: Vec::new(),
        rate_limit: None,
        created_by: None,
        expires_at: None,
        created_at: at(0),
    }
}

fn environment_key(number: u8) -> Option<NewApiKey> {
    Some(NewApiKey { origin: KeyOrigin::Environment, name: None, ..new_key(number) })
}

async fn valid(db: &Database) -> Vec<String> {
    let keys = ApiKeys::list(db).await.unwrap();
    keys.into_iter().filter(|key| key.is_valid(at(100))).map(|key| key.prefix).collect()
}

async fn a_key_is_found_by_its_digest(scratch: Scratch) {
    let db = scratch.open();
    let creator = Users::create(&db, new_user("somebody"), done(0)).await.unwrap().id;
    let new = NewApiKey {
        scopes: vec![Scope::Chat, Scope::Documents],
        created_by: Some(creator),
        expires_at: Some(at(50)),
        ..new_key(1)
    };
    let made = ApiKeys::create(&db, new, done(0)).await.unwrap();
    let plain =
        ApiKeys::create(&db, NewApiKey { name: None, ..new_key(2) }, done(0)).await.unwrap();
    assert_eq!(made.scopes, [Scope::Chat, Scope::Documents]);
    assert_eq!((made.created_by, made.expires_at), (Some(creator), Some(at(50))));
    assert_eq!((plain.name.as_deref(), plain.scopes.as_slice()), (None, [].as_slice()));
    assert_eq!(db.by_digest(KeyDigest([1; 32])).await.unwrap(), Some(made.clone()));
    assert_eq!(db.by_digest(KeyDigest([3; 32])).await.unwrap(), None);
    assert_eq!(ApiKeys::list(&db).await.unwrap(), [made, plain]);
}

async fn a_key_is_read_back_with_its_limits(scratch: Scratch) {
    let db = scratch.open();
    let (first, second) = (workspace(&db, "One").await.id, workspace(&db, "Two").await.id);
    let bounds = vec![second, first];
    let restricted =
        NewApiKey { workspaces: bounds.clone(), rate_limit: Some(u32::MAX), ..new_key(1) };
    let made = ApiKeys::create(&db, restricted, done(0)).await.unwrap();
    assert_eq!((&made.workspaces, made.rate_limit), (&bounds, Some(i32::MAX as u32)));
    assert_eq!(db.by_digest(KeyDigest([1; 32])).await.unwrap(), Some(made));
    db.set_environment_key(environment_key(1), done(1)).await.unwrap();
    let key = db.by_digest(KeyDigest([1; 32])).await.unwrap().unwrap();
    assert_eq!((key.workspaces, key.rate_limit), (Vec::new(), None));
}

async fn a_key_needs_an_existing_creator(scratch: Scratch) {
    let db = scratch.open();
    let new = NewApiKey { created_by: Some(UserId(77)), ..new_key(1) };
    let refused = ApiKeys::create(&db, new, done(0)).await;
    assert!(matches!(refused, Err(Error::NotFound { kind: "user", .. })), "{refused:?}");
}

async fn a_digest_is_stored_once(scratch: Scratch) {
    let db = scratch.open();
    ApiKeys::create(&db, new_key(1), done(0)).await.unwrap();
    let again = ApiKeys::create(&db, new_key(1), done(0)).await;
    assert!(matches!(again, Err(Error::AlreadyExists { kind: "API key", .. })), "{again:?}");
}

async fn a_key_is_revoked_once(scratch: Scratch) {
    let db = scratch.open();
    let id = ApiKeys::create(&db, new_key(1), done(0)).await.unwrap().id;
    ApiKeys::create(&db, new_key(2), done(0)).await.unwrap();
    assert!(db.revoke(id, done(5)).await.unwrap());
    assert!(!db.revoke(id, done(6)).await.unwrap());
    assert!(!db.revoke(ApiKeyId(77), done(6)).await.unwrap());
    let key = db.by_digest(KeyDigest([1; 32])).await.unwrap().unwrap();
    assert_eq!(key.revoked_at, Some(at(5)));
    assert_eq!(valid(&db).await, ["crl_2"]);
}

async fn the_environment_holds_one_valid_key(scratch: Scratch) {
    let db = scratch.open();
    ApiKeys::create(&db, new_key(9), done(0)).await.unwrap();
    db.set_environment_key(environment_key(1), done(1)).await.unwrap();
    db.set_environment_key(environment_key(1), done(2)).await.unwrap();
    assert_eq!(valid(&db).await, ["crl_9", "crl_1"]);
    db.set_environment_key(environment_key(2), done(3)).await.unwrap();
    assert_eq!(valid(&db).await, ["crl_9", "crl_2"]);
    db.set_environment_key(environment_key(1), done(4)).await.unwrap();
    assert_eq!(valid(&db).await, ["crl_9", "crl_1"]);
    db.set_environment_key(None, done(5)).await.unwrap();
    assert_eq!(valid(&db).await, ["crl_9"]);
    assert_eq!(ApiKeys::list(&db).await.unwrap().len(), 3);
    let key = db.by_digest(KeyDigest([1; 32])).await.unwrap().unwrap();
    assert_eq!((key.origin, key.revoked_at), (KeyOrigin::Environment, Some(at(5))));
}

async fn a_key_from_the_environment_is_valid_whatever_its_stored_state(scratch: Scratch) {
    let db = scratch.open();
    let scoped = NewApiKey { scopes: vec![Scope::Read], expires_at: Some(at(1)), ..new_key(1) };
    let made = ApiKeys::create(&db, scoped, done(0)).await.unwrap();
    db.revoke(made.id, done(2)).await.unwrap();
    db.set_environment_key(environment_key(1), done(3)).await.unwrap();
    let key = db.by_digest(KeyDigest([1; 32])).await.unwrap().unwrap();
    assert_eq!((key.id, key.origin), (made.id, KeyOrigin::Environment));
    assert!(key.is_valid(at(100)) && key.grants(Scope::Admin));
}

async fn the_latest_use_of_a_key_is_remembered(scratch: Scratch) {
    let db = scratch.open();
    let one = ApiKeys::create(&db, new_key(1), done(0)).await.unwrap().id;
    let two = ApiKeys::create(&db, new_key(2), done(0)).await.unwrap().id;
    let uses = vec![(two, at(8)), (one, at(5)), (ApiKeyId(77), at(5)), (two, at(6))];
    db.used(uses).await.unwrap();
    db.used(vec![(one, at(9)), (two, at(7))]).await.unwrap();
    db.used(Vec::new()).await.unwrap();
    let times: Vec<_> =
        ApiKeys::list(&db).await.unwrap().into_iter().map(|key| key.last_used_at).collect();
    assert_eq!(times, [Some(at(9)), Some(at(8))]);
}
