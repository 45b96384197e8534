//! Requests with an idempotency key, and their stored answers.
use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::idempotency::{
    BROKEN_OFF, IdempotencyKeys, IdempotencyState, IdempotentRequest, MAX_REMEMBERED, REMEMBERED,
};
use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;

use crate::Database;
use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::{IDS_AT_ONCE, rows, text, time};
use crate::database::schema::repeatable_requests as requests;

type Row = (Vec<u8>, Option<String>, NaiveDateTime);

/// Returns the stored request and locks it against other transactions until this one ends.
fn lock(conn: &mut AnyConnection, name: &[u8]) -> QueryResult<Option<Row>> {
    let row = requests::table.find(name).select((
        requests::content,
        requests::answer,
        requests::begun_at,
    ));
    match conn {
        AnyConnection::Postgres(conn) => row.for_update().first(conn).optional(),
        AnyConnection::Sqlite(conn) => row.first(conn).optional(),
    }
}

/// Deletes the oldest requests of an API key that exceeds its maximum.
fn prune(conn: &mut AnyConnection, key: i32) -> QueryResult<()> {
    let requests_of_key = requests::table.filter(requests::api_key_id.eq(key));
    let count: i64 = requests_of_key.count().get_result(conn)?;
    let excess = count - i64::from(MAX_REMEMBERED);
    if excess <= 0 {
        return Ok(());
    }
    let earliest: Vec<Vec<u8>> = requests_of_key
        .order(requests::begun_at)
        .limit(rows(excess))
        .select(requests::name)
        .load(conn)?;
    for names in earliest.chunks(IDS_AT_ONCE) {
        diesel::delete(requests::table.filter(requests::name.eq_any(names.to_vec())))
            .execute(conn)?;
    }
    Ok(())
}

fn before(now: DateTime<Utc>, span: TimeDelta) -> NaiveDateTime {
    time(now.checked_sub_signed(span).unwrap_or(now))
}

#[async_trait]
impl IdempotencyKeys for Database {
    async fn begin(
        &self,
        request: IdempotentRequest,
        now: DateTime<Utc>,
    ) -> Result<IdempotencyState> {
        let IdempotentRequest { name, by, content } = request;
        self.write(move |conn| {
            let outdated = requests::begun_at.lt(before(now, REMEMBERED));
            diesel::delete(requests::table.filter(outdated)).execute(conn)?;
            let row = (
                requests::name.eq(name.to_vec()),
                requests::api_key_id.eq(by.0),
                requests::content.eq(content.to_vec()),
                requests::begun_at.eq(time(now)),
            );
            let inserted = on_each_backend!(conn => diesel::insert_into(requests::table)
                .values(row)
                .on_conflict_do_nothing()
                .execute(conn))?;
            if inserted > 0 {
                prune(conn, by.0)?;
                return Ok(IdempotencyState::New);
            }
            // Another transaction may have deleted the row since. The client should wait and try
            // again then too.
            let Some((known, answer, begun_at)) = lock(conn, &name)? else {
                return Ok(IdempotencyState::InProgress);
            };
            if known != content {
                return Ok(IdempotencyState::Mismatch);
            }
            if let Some(answer) = answer {
                return Ok(IdempotencyState::Completed(answer));
            }
            if begun_at > before(now, BROKEN_OFF) {
                return Ok(IdempotencyState::InProgress);
            }
            diesel::update(requests::table.find(name.to_vec()))
                .set(requests::begun_at.eq(time(now)))
                .execute(conn)?;
            Ok(IdempotencyState::New)
        })
        .await
    }

    async fn answered(&self, name: [u8; 32], answer: String) -> Result<()> {
        self.write(move |conn| {
            diesel::update(requests::table.find(name.to_vec()))
                .set(requests::answer.eq(text(answer)))
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    async fn failed(&self, name: [u8; 32]) -> Result<()> {
        self.write(move |conn| {
            diesel::delete(requests::table.find(name.to_vec())).execute(conn)?;
            Ok(())
        })
        .await
    }
}
