//! Pending files: paths that may have a file without a document.
use carrel_domain::{DocumentPath, Result};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::Timestamp;

use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::schema::{documents, unsettled_files, uploads};
use crate::database::tx_error::TxError;
use crate::documents::rows::stored_path;

/// Records the path as pending. Updates the time if it is recorded already.
pub(crate) fn record_intent(
    conn: &mut AnyConnection,
    path: &DocumentPath,
    now: NaiveDateTime,
) -> QueryResult<()> {
    let row = (
        unsettled_files::folder.eq(path.folder()),
        unsettled_files::name.eq(path.name()),
        unsettled_files::noted_at.eq(now),
    );
    on_each_backend!(conn => diesel::insert_into(unsettled_files::table)
        .values(row)
        .on_conflict((unsettled_files::folder, unsettled_files::name))
        .do_update()
        .set((unsettled_files::noted_at.eq(now), unsettled_files::upload.eq(None::<String>)))
        .execute(conn))
    .map(drop)
}

/// Records the path of every document in a folder.
pub(crate) fn record_folder(
    conn: &mut AnyConnection,
    folder: &str,
    now: NaiveDateTime,
) -> QueryResult<()> {
    on_each_backend!(conn => documents::table
        .filter(documents::folder.eq(folder))
        .select((documents::folder, documents::name, now.into_sql::<Timestamp>()))
        .insert_into(unsettled_files::table)
        .into_columns((
            unsettled_files::folder,
            unsettled_files::name,
            unsettled_files::noted_at,
        ))
        .on_conflict((unsettled_files::folder, unsettled_files::name))
        .do_update()
        .set(unsettled_files::noted_at.eq(now))
        .execute(conn))
    .map(drop)
}

/// Marks the document at the path for removal if its upload does not complete.
pub(crate) fn assign(
    conn: &mut AnyConnection,
    path: &DocumentPath,
    upload: &str,
) -> QueryResult<()> {
    let row = unsettled_files::table.find((path.folder().to_owned(), path.name().to_owned()));
    diesel::update(row)
        .set(unsettled_files::upload.eq(Some(upload.to_owned())))
        .execute(conn)
        .map(drop)
}

/// Returns at most `limit` paths of documents stored by an upload.
pub(crate) fn of_upload(
    conn: &mut AnyConnection,
    upload: &str,
    limit: i64,
) -> Result<Vec<DocumentPath>, TxError> {
    let rows: Vec<(String, String)> = unsettled_files::table
        .filter(unsettled_files::upload.eq(upload.to_owned()))
        .order((unsettled_files::folder, unsettled_files::name))
        .limit(limit)
        .select((unsettled_files::folder, unsettled_files::name))
        .load(conn)?;
    let paths = rows.into_iter().map(|(folder, name)| stored_path(&folder, &name));
    Ok(paths.collect::<Result<_>>()?)
}

/// Detaches the document at the path from the upload that stored it.
pub(crate) fn release(conn: &mut AnyConnection, path: &DocumentPath) -> QueryResult<()> {
    let row = unsettled_files::table
        .find((path.folder().to_owned(), path.name().to_owned()))
        .filter(unsettled_files::upload.is_not_null());
    diesel::delete(row).execute(conn).map(drop)
}

pub(crate) fn forget(conn: &mut AnyConnection, path: &DocumentPath) -> QueryResult<()> {
    let row = unsettled_files::table.find((path.folder().to_owned(), path.name().to_owned()));
    diesel::delete(row).execute(conn).map(drop)
}

/// Returns the paths recorded before `time`, oldest first, each with whether it has a document.
/// Leaves out documents of unfinished uploads.
pub(crate) fn recorded_before(
    conn: &mut AnyConnection,
    time: NaiveDateTime,
) -> Result<Vec<(DocumentPath, bool)>, TxError> {
    let same_path = documents::folder
        .eq(unsettled_files::folder)
        .and(documents::name.eq(unsettled_files::name));
    let rows: Vec<(String, String, Option<String>)> = unsettled_files::table
        .left_join(documents::table.on(same_path))
        .left_join(uploads::table.on(unsettled_files::upload.eq(uploads::id.nullable())))
        .filter(unsettled_files::noted_at.lt(time))
        .filter(uploads::id.nullable().is_null())
        .order(unsettled_files::noted_at)
        .select((unsettled_files::folder, unsettled_files::name, documents::id.nullable()))
        .load(conn)?;
    let paths = rows
        .into_iter()
        .map(|(folder, name, known)| Ok((stored_path(&folder, &name)?, known.is_some())));
    Ok(paths.collect::<Result<_>>()?)
}
