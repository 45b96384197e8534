//! Searches titles and names by normalized columns. The databases' own lower-case functions differ
//! for some scripts.
use carrel_domain::document_list::comparable;
use diesel::prelude::*;

use crate::database::connection::AnyConnection;
use crate::database::convert::{IDS_AT_ONCE, rows, text};
use crate::database::schema::{documents, threads};
use crate::database::tx_error::TxError;

/// Returns a title or a name in its normalized form.
pub(crate) fn normalized_title(title: &str) -> String {
    text(comparable(title))
}

/// Returns the LIKE pattern that matches titles containing `title`, or `None` if it is empty. The
/// escape character is a backslash.
pub(crate) fn pattern(title: &str) -> Option<String> {
    let title = normalized_title(title);
    let mut pattern = String::with_capacity(title.len() + 2);
    for letter in title.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    (!pattern.is_empty()).then(|| format!("%{pattern}%"))
}

/// Fills normalized columns that earlier versions left empty. It may be interrupted and may run in
/// several processes at once.
pub(crate) fn fill(conn: &mut AnyConnection) -> Result<(), TxError> {
    let titles = |conn: &mut AnyConnection| {
        documents::table
            .filter(documents::sought.is_null())
            .limit(rows(IDS_AT_ONCE))
            .select((documents::id, documents::title))
            .load(conn)
    };
    fill_each(conn, titles, |conn, id: String, title| {
        diesel::update(documents::table.find(id)).set(documents::sought.eq(title)).execute(conn)
    })?;
    let names = |conn: &mut AnyConnection| {
        threads::table
            .filter(threads::sought.is_null())
            .limit(rows(IDS_AT_ONCE))
            .select((threads::id, threads::name))
            .load(conn)
    };
    fill_each(conn, names, |conn, id: i32, name| {
        diesel::update(threads::table.find(id)).set(threads::sought.eq(name)).execute(conn)
    })
}

fn fill_each<I>(
    conn: &mut AnyConnection,
    find: impl Fn(&mut AnyConnection) -> QueryResult<Vec<(I, String)>>,
    set: impl Fn(&mut AnyConnection, I, Option<String>) -> QueryResult<usize>,
) -> Result<(), TxError> {
    loop {
        let some = find(conn)?;
        if some.is_empty() {
            return Ok(());
        }
        conn.write(|conn| {
            for (id, title) in some {
                set(conn, id, Some(normalized_title(&title)))?;
            }
            Ok(())
        })?;
    }
}
