use carrel_domain::ApiKeyId;
use carrel_domain::api_key::{ApiKeys, KeyDigest, KeyOrigin, NewApiKey, Scope};
use carrel_domain::idempotency::{
    BROKEN_OFF, IdempotencyKeys, IdempotencyState, IdempotentRequest, MAX_REMEMBERED, REMEMBERED,
};
use carrel_persistence::Database;
use chrono::TimeDelta;

use crate::support::{Scratch, at, done};

on_both_databases! {
    a_request_is_carried_out_once,
    a_failed_or_interrupted_request_is_carried_out_again,
    answers_are_deleted_after_a_day_or_beyond_a_maximum,
    one_of_several_concurrent_requests_is_carried_out,
}

async fn key(db: &Database) -> ApiKeyId {
    let new = NewApiKey {
        name: None,
        digest: KeyDigest([1; 32]),
        prefix: String::new(),
        origin: KeyOrigin::Created,
        scopes: vec![Scope::Documents],
        workspaces: Vec::new(),
        rate_limit: None,
        created_by: None,
        expires_at: None,
        created_at: at(0),
    };
    ApiKeys::create(db, new, done(0)).await.unwrap().id
}

async fn a_request_is_carried_out_once(scratch: Scratch) {
    let db = scratch.open();
    let request = IdempotentRequest { name: [1; 32], by: key(&db).await, content: [2; 32] };
    assert_eq!(db.begin(request, at(0)).await.unwrap(), IdempotencyState::New);
    assert_eq!(db.begin(request, at(1)).await.unwrap(), IdempotencyState::InProgress);
    let another = IdempotentRequest { content: [3; 32], ..request };
    assert_eq!(db.begin(another, at(1)).await.unwrap(), IdempotencyState::Mismatch);
    db.answered(request.name, "{\"a\":\"日本\"}".into()).await.unwrap();
    let answered = IdempotencyState::Completed("{\"a\":\"日本\"}".into());
    assert_eq!(db.begin(request, at(2)).await.unwrap(), answered);
    assert_eq!(db.begin(another, at(2)).await.unwrap(), IdempotencyState::Mismatch);
    let elsewhere = IdempotentRequest { name: [9; 32], ..another };
    assert_eq!(db.begin(elsewhere, at(2)).await.unwrap(), IdempotencyState::New);
}

async fn a_failed_or_interrupted_request_is_carried_out_again(scratch: Scratch) {
    let db = scratch.open();
    let request = IdempotentRequest { name: [1; 32], by: key(&db).await, content: [2; 32] };
    db.begin(request, at(0)).await.unwrap();
    db.failed(request.name).await.unwrap();
    assert_eq!(db.begin(request, at(1)).await.unwrap(), IdempotencyState::New);
    let later = at(1) + BROKEN_OFF + TimeDelta::seconds(1);
    assert_eq!(db.begin(request, later).await.unwrap(), IdempotencyState::New);
    assert_eq!(db.begin(request, later).await.unwrap(), IdempotencyState::InProgress);
}

async fn answers_are_deleted_after_a_day_or_beyond_a_maximum(scratch: Scratch) {
    let db = scratch.open();
    let by = key(&db).await;
    let request = |number: u32| {
        let mut name = [0; 32];
        name[..4].copy_from_slice(&number.to_be_bytes());
        IdempotentRequest { name, by, content: [2; 32] }
    };
    for number in 0..MAX_REMEMBERED + 5 {
        db.begin(request(number), at(number.into())).await.unwrap();
    }
    assert_eq!(scratch.rows_in("repeatable_requests"), i64::from(MAX_REMEMBERED));
    let now = at(2_000);
    assert_eq!(db.begin(request(4), now).await.unwrap(), IdempotencyState::New);
    let next_day = now + REMEMBERED + TimeDelta::seconds(1);
    assert_eq!(db.begin(request(1_004), next_day).await.unwrap(), IdempotencyState::New);
    assert_eq!(scratch.rows_in("repeatable_requests"), 1);
}

async fn one_of_several_concurrent_requests_is_carried_out(scratch: Scratch) {
    let db = scratch.open();
    let request = IdempotentRequest { name: [1; 32], by: key(&db).await, content: [2; 32] };
    let tasks = (0..8).map(|_| {
        let db = db.clone();
        tokio::spawn(async move { db.begin(request, at(0)).await.unwrap() })
    });
    let tasks: Vec<_> = tasks.collect();
    let mut carried_out = 0;
    for each in tasks {
        carried_out += usize::from(each.await.unwrap() == IdempotencyState::New);
    }
    assert_eq!(carried_out, 1);
}
