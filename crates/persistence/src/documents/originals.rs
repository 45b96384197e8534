//! Originals: the uploaded files from which documents were made.
use async_trait::async_trait;
use carrel_domain::original::{Original, OriginalName, OriginalRecords, OriginalsSize};
use carrel_domain::{DocumentPath, Result};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::{exists, not};
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use crate::Database;
use crate::database::connection::AnyConnection;
use crate::database::convert::{IDS_AT_ONCE, digest, time, unreadable};
use crate::database::schema::{documents, originals};
use crate::database::sql::StaticSql;
use crate::database::tx_error::TxError;
use crate::documents::rows::{lock_to_remove, stored_path};

/// The maximum number of pending originals returned at once.
const PENDING: i64 = 1_000;

/// The maximum number of attempts to find a document that is not being removed at the same moment.
const TRIES: usize = 8;

const BYTES: StaticSql<BigInt> = StaticSql::new("CAST(COALESCE(SUM(bytes), 0) AS BIGINT)");

type Row = (String, Vec<u8>, i64);

const COLUMNS: (originals::name, originals::digest, originals::bytes) =
    (originals::name, originals::digest, originals::bytes);

fn original((name, content, bytes): Row) -> Result<Original> {
    let name = OriginalName::parse(&name).map_err(|_| unreadable("name of an original"))?;
    Ok(Original { name, digest: digest(content)?, bytes: bytes.unsigned_abs() })
}

fn stored(conn: &mut AnyConnection, content: &[u8]) -> QueryResult<Option<Row>> {
    originals::table
        .filter(originals::digest.eq(content.to_vec()))
        .filter(originals::noted_at.is_null())
        .select(COLUMNS)
        .first(conn)
        .optional()
}

/// Loads up to `limit` committed originals with names after `after`.
pub(crate) fn kept_after(
    conn: &mut AnyConnection,
    after: Option<OriginalName>,
    limit: u32,
) -> Result<Vec<Original>, TxError> {
    let after = after.map(|name| name.to_string()).unwrap_or_default();
    let rows: Vec<Row> = originals::table
        .filter(originals::name.gt(after))
        .filter(originals::noted_at.is_null())
        .order(originals::name)
        .limit(limit.into())
        .select(COLUMNS)
        .load(conn)?;
    Ok(rows.into_iter().map(original).collect::<Result<_>>()?)
}

/// Returns the digests of the files from which these documents were made.
pub(crate) fn digests_of(conn: &mut AnyConnection, ids: &[String]) -> QueryResult<Vec<Vec<u8>>> {
    let mut digests = Vec::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let some: Vec<Option<Vec<u8>>> = documents::table
            .filter(documents::id.eq_any(ids.to_vec()))
            .filter(documents::upload_digest.is_not_null())
            .select(documents::upload_digest)
            .load(conn)?;
        digests.extend(some.into_iter().flatten());
    }
    digests.sort_unstable();
    digests.dedup();
    Ok(digests)
}

/// Releases the originals of these digests that no document needs any more.
pub(crate) fn release(
    conn: &mut AnyConnection,
    digests: &[Vec<u8>],
    now: NaiveDateTime,
) -> QueryResult<()> {
    for digests in digests.chunks(IDS_AT_ONCE) {
        // The lock serializes transactions that remove the last documents of a digest, so that the
        // second one sees the changes of the first.
        let unused = originals::table
            .filter(originals::digest.eq_any(digests.to_vec()))
            .filter(originals::noted_at.is_null())
            .order(originals::digest)
            .select(originals::name);
        let names: Vec<String> = match conn {
            AnyConnection::Postgres(conn) => unused.for_update().load(conn)?,
            AnyConnection::Sqlite(conn) => unused.load(conn)?,
        };
        let is_needed = documents::table
            .filter(documents::upload_digest.eq(originals::digest.nullable()))
            .select(documents::id);
        diesel::update(originals::table.filter(originals::name.eq_any(names)))
            .filter(not(exists(is_needed)))
            .set((originals::noted_at.eq(Some(now)), originals::released.eq(true)))
            .execute(conn)?;
    }
    Ok(())
}

fn reserve(
    conn: &mut AnyConnection,
    original: &Original,
    quota: u64,
    now: NaiveDateTime,
) -> QueryResult<bool> {
    let bytes = i64::try_from(original.bytes).unwrap_or(i64::MAX);
    if stored(conn, &original.digest)?.is_none() {
        let used: i64 = originals::table.select(BYTES).first(conn)?;
        if used.saturating_add(bytes).unsigned_abs() > quota {
            return Ok(false);
        }
    }
    let row = (
        originals::name.eq(original.name.to_string()),
        originals::digest.eq(original.digest.to_vec()),
        originals::bytes.eq(bytes),
        originals::noted_at.eq(Some(now)),
        originals::released.eq(false),
    );
    diesel::insert_into(originals::table).values(row).execute(conn)?;
    Ok(true)
}

fn commit_or_release(conn: &mut AnyConnection, name: OriginalName) -> Result<bool, TxError> {
    let row = || originals::table.find(name.to_string());
    let columns = row().select((originals::digest, originals::noted_at, originals::released));
    let found: Option<(Vec<u8>, Option<NaiveDateTime>, bool)> = match conn {
        AnyConnection::Postgres(conn) => columns.for_update().first(conn).optional()?,
        AnyConnection::Sqlite(conn) => columns.first(conn).optional()?,
    };
    let Some((content, noted_at, is_released)) = found else { return Ok(false) };
    if is_released || noted_at.is_none() {
        return Ok(noted_at.is_none());
    }
    let is_needed = lock_a_document(conn, &content)? && stored(conn, &content)?.is_none();
    let change = diesel::update(row());
    match is_needed {
        true => change.set(originals::noted_at.eq(None::<NaiveDateTime>)).execute(conn)?,
        false => change.set(originals::released.eq(true)).execute(conn)?,
    };
    Ok(is_needed)
}

/// Returns whether a document was made from the content, and locks the first such document against
/// removal until the transaction ends.
fn lock_a_document(conn: &mut AnyConnection, content: &[u8]) -> Result<bool, TxError> {
    for _ in 0..TRIES {
        let first: Option<(String, String)> = documents::table
            .filter(documents::upload_digest.eq(content.to_vec()))
            .order(documents::id)
            .select((documents::folder, documents::name))
            .first(conn)
            .optional()?;
        let Some((folder, name)) = first else { return Ok(false) };
        let path: DocumentPath = stored_path(&folder, &name)?;
        if lock_to_remove(conn, &path)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[async_trait]
impl OriginalRecords for Database {
    async fn reserve(&self, original: &Original, quota: u64, now: DateTime<Utc>) -> Result<bool> {
        let original = original.clone();
        self.write(move |conn| Ok(reserve(conn, &original, quota, time(now))?)).await
    }

    async fn commit_or_release(&self, name: OriginalName) -> Result<bool> {
        self.write(move |conn| commit_or_release(conn, name)).await
    }

    async fn of(&self, digest: [u8; 32]) -> Result<Option<Original>> {
        self.read(move |conn| Ok(stored(conn, &digest)?.map(original).transpose()?)).await
    }

    async fn pending(&self, before: DateTime<Utc>) -> Result<Vec<OriginalName>> {
        self.read(move |conn| {
            let names: Vec<String> = originals::table
                .filter(originals::noted_at.is_not_null())
                .filter(originals::noted_at.lt(time(before)).or(originals::released.eq(true)))
                .order(originals::noted_at)
                .limit(PENDING)
                .select(originals::name)
                .load(conn)?;
            let names = names.iter().map(|name| OriginalName::parse(name));
            Ok(names.collect::<Result<_>>()?)
        })
        .await
    }

    async fn forget(&self, name: OriginalName) -> Result<()> {
        self.write(move |conn| {
            let row = originals::table.find(name.to_string()).filter(originals::released.eq(true));
            Ok(diesel::delete(row).execute(conn).map(drop)?)
        })
        .await
    }

    async fn size(&self) -> Result<OriginalsSize> {
        self.read(|conn| {
            let all = originals::table.filter(originals::noted_at.is_null());
            let (files, bytes): (i64, i64) =
                all.select((StaticSql::<BigInt>::new("COUNT(*)"), BYTES)).first(conn)?;
            Ok(OriginalsSize { files: files.unsigned_abs(), bytes: bytes.unsigned_abs() })
        })
        .await
    }
}
