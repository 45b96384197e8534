//! The cache of embeddings by text, and its total size.
use std::collections::HashMap;

use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::embedding::{EmbeddingCache, TextKey};
use chrono::{DateTime, DurationRound, NaiveDateTime, TimeDelta, Utc};
use diesel::prelude::*;

use crate::Database;
use crate::database::connection::AnyConnection;
use crate::database::convert::{IDS_AT_ONCE, bytes_of, digest, time, vector_of};
use crate::database::schema::{embeddings, embeddings_size};
use crate::database::tx_error::TxError;

#[derive(Insertable)]
#[diesel(table_name = embeddings)]
struct Row {
    key: Vec<u8>,
    vector: Vec<u8>,
    bytes: i32,
    used_at: NaiveDateTime,
}

/// The id of the only row of `embeddings_size`.
const SIZE: i32 = 1;
/// The approximate bytes that a row takes in addition to its vector.
const OVERHEAD: usize = 64;
/// Rows per statement.
const ROWS_AT_ONCE: usize = 250;
/// The precision of `used_at`: a use within this time of the recorded one is not written.
const USED: TimeDelta = TimeDelta::days(1);
/// The maximum number of rows dropped per row stored. After the size limit is lowered, the cache
/// shrinks over several writes instead of blocking one for long.
const DROPS: usize = 4;

/// Locks the cache against other writers until the transaction ends. Returns its size in bytes.
fn lock(conn: &mut AnyConnection) -> QueryResult<i64> {
    let size = embeddings_size::table.find(SIZE).select(embeddings_size::bytes);
    match conn {
        AnyConnection::Postgres(conn) => size.for_update().first(conn),
        AnyConnection::Sqlite(conn) => size.first(conn),
    }
}

fn found(
    conn: &mut AnyConnection,
    keys: &[TextKey],
) -> Result<Vec<(TextKey, Vec<f32>, NaiveDateTime)>, TxError> {
    let mut found = Vec::with_capacity(keys.len());
    for keys in keys.chunks(IDS_AT_ONCE) {
        let keys: Vec<_> = keys.iter().map(|key| key.0.to_vec()).collect();
        let rows: Vec<(Vec<u8>, Vec<u8>, NaiveDateTime)> = embeddings::table
            .filter(embeddings::key.eq_any(keys))
            .select((embeddings::key, embeddings::vector, embeddings::used_at))
            .load(conn)?;
        for (key, vector, used) in rows {
            found.push((TextKey(digest(key)?), vector_of(&vector), used));
        }
    }
    Ok(found)
}

fn record_use(
    conn: &mut AnyConnection,
    keys: &[TextKey],
    now: NaiveDateTime,
) -> Result<(), TxError> {
    lock(conn)?;
    for keys in keys.chunks(IDS_AT_ONCE) {
        let keys: Vec<_> = keys.iter().map(|key| key.0.to_vec()).collect();
        diesel::update(embeddings::table.filter(embeddings::key.eq_any(keys)))
            .set(embeddings::used_at.eq(now))
            .execute(conn)?;
    }
    Ok(())
}

/// Deletes the least recently used rows until at least `excess` bytes or `most` rows are deleted.
/// Returns the deleted bytes.
fn drop_oldest(
    conn: &mut AnyConnection,
    excess: i64,
    most: usize,
    now: NaiveDateTime,
) -> QueryResult<i64> {
    let (mut freed, mut left) = (0, most);
    while freed < excess && left > 0 {
        let oldest: Vec<(Vec<u8>, i32)> = embeddings::table
            .filter(embeddings::used_at.le(now))
            .order((embeddings::used_at, embeddings::bytes))
            .limit(left.min(IDS_AT_ONCE) as i64)
            .select((embeddings::key, embeddings::bytes))
            .load(conn)?;
        if oldest.is_empty() {
            break;
        }
        let mut keys = Vec::with_capacity(oldest.len());
        for (key, bytes) in oldest {
            if freed >= excess {
                break;
            }
            freed += i64::from(bytes);
            keys.push(key);
        }
        left -= keys.len();
        diesel::delete(embeddings::table.filter(embeddings::key.eq_any(keys))).execute(conn)?;
    }
    Ok(freed)
}

/// Deletes cached vectors of these texts with another length, which a different model of the same
/// name made. Returns the deleted bytes.
fn drop_other_lengths(conn: &mut AnyConnection, batch: &[Row]) -> QueryResult<i64> {
    let bytes = batch.first().map_or(0, |row| row.bytes);
    let keys: Vec<_> = batch.iter().map(|row| row.key.clone()).collect();
    let other: Vec<(Vec<u8>, i32)> = embeddings::table
        .filter(embeddings::key.eq_any(keys))
        .filter(embeddings::bytes.ne(bytes))
        .select((embeddings::key, embeddings::bytes))
        .load(conn)?;
    if other.is_empty() {
        return Ok(0);
    }
    let freed = other.iter().map(|(_, bytes)| i64::from(*bytes)).sum();
    let keys: Vec<_> = other.into_iter().map(|(key, _)| key).collect();
    diesel::delete(embeddings::table.filter(embeddings::key.eq_any(keys))).execute(conn)?;
    Ok(freed)
}

fn keep(
    conn: &mut AnyConnection,
    mut rows: Vec<Row>,
    most: i64,
    now: NaiveDateTime,
) -> Result<(), TxError> {
    let mut size = lock(conn)?;
    let count = rows.len();
    while !rows.is_empty() {
        let batch: Vec<Row> = rows.drain(..rows.len().min(ROWS_AT_ONCE)).collect();
        // One model made all vectors of a batch, so they are equally long.
        let bytes = batch.first().map_or(0, |row| i64::from(row.bytes));
        size -= drop_other_lengths(conn, &batch)?;
        let new = match conn {
            AnyConnection::Postgres(conn) => diesel::insert_into(embeddings::table)
                .values(&batch)
                .on_conflict_do_nothing()
                .execute(conn)?,
            AnyConnection::Sqlite(conn) => {
                diesel::insert_or_ignore_into(embeddings::table).values(&batch).execute(conn)?
            }
        };
        size += bytes * new as i64;
    }
    if size > most {
        size -= drop_oldest(conn, size - most, count.saturating_mul(DROPS), now)?;
    }
    diesel::update(embeddings_size::table.find(SIZE))
        .set(embeddings_size::bytes.eq(size.max(0)))
        .execute(conn)?;
    Ok(())
}

#[async_trait]
impl EmbeddingCache for Database {
    async fn find(
        &self,
        keys: &[TextKey],
        now: DateTime<Utc>,
    ) -> Result<HashMap<TextKey, Vec<f32>>> {
        let (keys, now) = (keys.to_vec(), hour(now));
        let found = self.read(move |conn| found(conn, &keys)).await?;
        let old = found.iter().filter(|(_, _, used)| *used < now - USED);
        let old: Vec<_> = old.map(|(key, ..)| *key).collect();
        if !old.is_empty() {
            self.write(move |conn| record_use(conn, &old, now)).await?;
        }
        Ok(found.into_iter().map(|(key, vector, _)| (key, vector)).collect())
    }

    async fn store_vectors(
        &self,
        vectors: Vec<(TextKey, Vec<f32>)>,
        most: u64,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let most = i64::try_from(most).unwrap_or(i64::MAX);
        let now = hour(now);
        let rows = vectors.into_iter().map(|(key, vector)| Row {
            key: key.0.to_vec(),
            bytes: i32::try_from(vector.len() * 4 + OVERHEAD).unwrap_or(i32::MAX),
            vector: bytes_of(&vector),
            used_at: now,
        });
        let rows: Vec<Row> = rows.collect();
        self.write(move |conn| keep(conn, rows, most, now)).await
    }
}

/// Rounds down to the hour, so that few uses need a write.
fn hour(now: DateTime<Utc>) -> NaiveDateTime {
    let now = time(now);
    now.duration_trunc(TimeDelta::hours(1)).unwrap_or(now)
}
