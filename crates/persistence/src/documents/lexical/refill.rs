//! Rebuilds the word index after a version of the program has changed how text is split into words.
use carrel_domain::lexical::VERSION;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

use super::{insert, words_of};
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::AnyConnection;
use crate::database::schema::{chunks, documents, lexical_version, workspace_documents};
use crate::database::tx_error::TxError;
use crate::documents::passages::provenance;

/// Passages per batch.
const AT_ONCE: i64 = 500;

/// Rebuilds the index if necessary, in one transaction that takes about ten seconds for 100,000
/// passages. Several processes may call this at once: one does the work and the others wait.
pub(crate) fn refill(conn: &mut AnyConnection) -> Result<(), TxError> {
    if is_filled(conn)? {
        return Ok(());
    }
    conn.write(|conn| {
        AdvisoryLock::Words.acquire(conn)?;
        if is_filled(conn)? {
            return Ok(());
        }
        fill(conn)
    })
}

/// Rebuilds the index in the caller's transaction.
pub(crate) fn fill(conn: &mut AnyConnection) -> Result<(), TxError> {
    conn.batch_execute(match conn {
        AnyConnection::Postgres(_) => "DELETE FROM passage_words",
        AnyConnection::Sqlite(_) => {
            "INSERT INTO passage_words (passage_words) VALUES ('delete-all')"
        }
    })?;
    let (mut after, mut passages) = (0, 0);
    while let Some((last, some)) = page(conn, after)? {
        after = last;
        passages += some;
    }
    if passages > 0 {
        tracing::info!(passages, "rebuilt the word index");
    }
    diesel::update(lexical_version::table)
        .set(lexical_version::version.eq(VERSION))
        .execute(conn)?;
    Ok(())
}

fn is_filled(conn: &mut AnyConnection) -> QueryResult<bool> {
    let version = lexical_version::table.select(lexical_version::version);
    let version: Option<i32> = version.first(conn).optional()?;
    Ok(version == Some(VERSION))
}

/// Indexes the next passages. Returns their last id and their number, or `None` at the end.
fn page(conn: &mut AnyConnection, after: i64) -> QueryResult<Option<(i64, usize)>> {
    type Row = (i64, i32, String, String, Option<String>);
    let passages: Vec<Row> = chunks::table
        .inner_join(workspace_documents::table.inner_join(documents::table))
        .filter(chunks::id.gt(after))
        .order(chunks::id)
        .limit(AT_ONCE)
        .select((
            chunks::id,
            chunks::workspace_id,
            documents::title,
            chunks::text,
            chunks::headings,
        ))
        .load(conn)?;
    let Some(last) = passages.last().map(|(id, ..)| *id) else { return Ok(None) };
    let (ids, words): (Vec<_>, Vec<_>) = passages
        .into_iter()
        .map(|(id, workspace, title, text, headings)| {
            let provenance = provenance(headings.as_deref(), None);
            let title = provenance.title_and_headings(&title, &text);
            (id, words_of(workspace, &title, &text))
        })
        .unzip();
    insert(conn, &ids, words)?;
    Ok(Some((last, ids.len())))
}
