//! Rows of folders. A lock on its row protects a folder while documents are added to it.
use carrel_domain::{Error, Folder, Result};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::schema::folders;
use crate::database::tx_error::TxError;

/// Returns whether the folder exists, and locks it against removal until the transaction ends.
pub(crate) fn lock_to_use(conn: &mut AnyConnection, name: &str) -> QueryResult<bool> {
    let row = folders::table.find(name).select(folders::name);
    let found: Option<String> = match conn {
        AnyConnection::Postgres(conn) => row.for_key_share().first(conn).optional()?,
        AnyConnection::Sqlite(conn) => row.first(conn).optional()?,
    };
    Ok(found.is_some())
}

/// Returns whether the folder exists, and locks it against use until the transaction ends.
pub(crate) fn lock_to_remove(conn: &mut AnyConnection, name: &str) -> QueryResult<bool> {
    let row = folders::table.find(name).select(folders::name);
    let found: Option<String> = match conn {
        AnyConnection::Postgres(conn) => row.for_update().first(conn).optional()?,
        AnyConnection::Sqlite(conn) => row.first(conn).optional()?,
    };
    Ok(found.is_some())
}

/// Creates a folder if it does not exist. Returns whether it did.
pub(crate) fn make(conn: &mut AnyConnection, name: &str, now: NaiveDateTime) -> QueryResult<bool> {
    let row = (folders::name.eq(name), folders::created_at.eq(now));
    let inserted = on_each_backend!(conn => diesel::insert_into(folders::table)
        .values(row)
        .on_conflict_do_nothing()
        .execute(conn))?;
    Ok(inserted > 0)
}

/// The maximum number of attempts to create a folder that other transactions keep removing.
const TRIES: usize = 8;

/// Locks a folder like [`lock_to_use`] and creates it if necessary.
pub(crate) fn use_or_make(
    conn: &mut AnyConnection,
    name: &str,
    now: NaiveDateTime,
) -> Result<(), TxError> {
    for _ in 0..TRIES {
        if lock_to_use(conn, name)? {
            return Ok(());
        }
        make(conn, name, now)?;
    }
    Err(Error::not_found("folder", name).into())
}

pub(crate) fn all(conn: &mut AnyConnection) -> Result<Vec<Folder>, TxError> {
    let names: Vec<String> =
        folders::table.select(folders::name).order(folders::name).load(conn)?;
    let folders = names.iter().map(|name| Folder::parse(name).map_err(Error::internal));
    Ok(folders.collect::<Result<_>>()?)
}

pub(crate) fn delete(conn: &mut AnyConnection, name: &str) -> QueryResult<()> {
    diesel::delete(folders::table.find(name)).execute(conn).map(drop)
}
