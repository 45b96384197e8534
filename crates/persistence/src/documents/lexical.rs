//! The word index of passages: FTS5 on SQLite, a GIN index over `tsvector` on PostgreSQL.
//!
//! Both serve only as posting lists, from a word to the passages that contain it. This program
//! splits the text and ranks the passages, so that both databases return the same results. The
//! index stores a word with its workspace, as `17_word`. Words consist of letters and digits, so
//! none needs escaping.
mod refill;

use async_trait::async_trait;
use carrel_domain::lexical::{Lexical, Postings, PostingsQuery, index_terms};
use carrel_domain::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use crate::Database;
use crate::database::connection::AnyConnection;
use crate::database::convert::rows;
use crate::database::schema::namespaces;

pub(crate) use refill::{fill, refill};

/// The maximum bytes of words stored per passage. PostgreSQL allows a `tsvector` of at most 1 MiB.
const MAX_BYTES: usize = 800_000;

/// Returns the terms of a passage and of its document's title, separated by spaces.
pub(crate) fn words_of(workspace: i32, title: &str, passage: &str) -> String {
    let mut words = String::new();
    for term in index_terms(title, passage) {
        if words.len() > MAX_BYTES {
            break;
        }
        if !words.is_empty() {
            words.push(' ');
        }
        words.push_str(&format!("{workspace}_{term}"));
    }
    words
}

mod in_sqlite {
    diesel::table! {
        passage_words (rowid) {
            rowid -> BigInt,
            words -> Text,
        }
    }
}

/// Adds the words of new passages to the index.
pub(crate) fn insert(conn: &mut AnyConnection, ids: &[i64], words: Vec<String>) -> QueryResult<()> {
    use in_sqlite::passage_words;
    match conn {
        AnyConnection::Sqlite(conn) => {
            for (id, words) in ids.iter().zip(words) {
                diesel::insert_into(passage_words::table)
                    .values((passage_words::rowid.eq(id), passage_words::words.eq(words)))
                    .execute(conn)?;
            }
        }
        AnyConnection::Postgres(conn) => {
            let insert = "INSERT INTO passage_words (chunk_id, words)
                 SELECT id, array_to_tsvector(string_to_array(words, ' '))
                 FROM unnest($1, $2) AS new (id, words)";
            diesel::sql_query(insert)
                .bind::<Array<BigInt>, _>(ids)
                .bind::<Array<Text>, _>(words)
                .execute(conn)?;
        }
    }
    Ok(())
}

#[derive(QueryableByName)]
struct Chunk {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

const IN_SQLITE: &str = "SELECT rowid AS id FROM passage_words WHERE passage_words MATCH ? LIMIT ?";
const IN_POSTGRES: &str = "SELECT chunk_id AS id FROM passage_words
    WHERE words @@ $1::tsquery LIMIT $2";

/// Returns the query limited to some documents. `test` is `IN` or `NOT IN`.
fn of_some_in_sqlite(test: &str) -> String {
    format!(
        "SELECT w.rowid AS id FROM passage_words w CROSS JOIN chunks c ON c.id = w.rowid
         WHERE w.passage_words MATCH ?
             AND c.workspace_document_id {test} (SELECT value FROM json_each(?)) LIMIT ?"
    )
}

/// Returns the query limited to some documents. `test` is `= ANY` or `<> ALL`.
fn of_some_in_postgres(test: &str) -> String {
    format!(
        "SELECT w.chunk_id AS id FROM passage_words w JOIN chunks c ON c.id = w.chunk_id
         WHERE w.words @@ $1::tsquery AND c.workspace_document_id {test} ($2) LIMIT $3"
    )
}

/// Returns at most `limit` passages that contain every word of a group.
fn postings(
    conn: &mut AnyConnection,
    workspace: i32,
    group: &[String],
    among: &DocumentSelection<Vec<i64>>,
    limit: i64,
) -> QueryResult<Vec<Chunk>> {
    let quoted = |mark: char| {
        let words = group.iter().map(|word| format!("{mark}{workspace}_{word}{mark}"));
        words.collect::<Vec<_>>()
    };
    let (places, is_chosen) = match among {
        DocumentSelection::All => (None, true),
        DocumentSelection::Only(places) => (Some(places), true),
        DocumentSelection::Except(places) => (Some(places), false),
    };
    match (conn, places) {
        (AnyConnection::Sqlite(conn), None) => diesel::sql_query(IN_SQLITE)
            .bind::<Text, _>(quoted('"').join(" AND "))
            .bind::<BigInt, _>(limit)
            .load(conn),
        (AnyConnection::Sqlite(conn), Some(places)) => {
            let places = places.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
            diesel::sql_query(of_some_in_sqlite(if is_chosen { "IN" } else { "NOT IN" }))
                .bind::<Text, _>(quoted('"').join(" AND "))
                .bind::<Text, _>(format!("[{places}]"))
                .bind::<BigInt, _>(limit)
                .load(conn)
        }
        (AnyConnection::Postgres(conn), None) => diesel::sql_query(IN_POSTGRES)
            .bind::<Text, _>(quoted('\'').join(" & "))
            .bind::<BigInt, _>(limit)
            .load(conn),
        (AnyConnection::Postgres(conn), Some(places)) => {
            diesel::sql_query(of_some_in_postgres(if is_chosen { "= ANY" } else { "<> ALL" }))
                .bind::<Text, _>(quoted('\'').join(" & "))
                .bind::<Array<BigInt>, _>(places)
                .bind::<BigInt, _>(limit)
                .load(conn)
        }
    }
}

#[async_trait]
impl Lexical for Database {
    async fn postings(&self, query: PostingsQuery<'_>) -> Result<(u64, Vec<Postings>)> {
        let PostingsQuery { workspace: within, groups, most, among } = query;
        let groups = groups.to_vec();
        let ids = |places: &[WorkspaceDocumentId]| places.iter().map(|place| place.0).collect();
        let among: DocumentSelection<Vec<i64>> = among.map(ids);
        self.snapshot(move |conn| {
            if let AnyConnection::Postgres(conn) = conn {
                // A sequential scan is never much faster and often far slower.
                conn.batch_execute("SET LOCAL enable_seqscan = off")?;
            }
            let vectors = namespaces::table.find(within.0).select(namespaces::vectors);
            let passages: i64 = vectors.first(conn).optional()?.unwrap_or_default();
            let mut found = Vec::with_capacity(groups.len());
            for group in groups.iter() {
                if group.is_empty() || most == 0 {
                    found.push(Postings::default());
                    continue;
                }
                let limit = rows(most).saturating_add(1);
                let chunks = postings(conn, within.0, group, &among, limit)?;
                let cut = chunks.len() > most;
                let mut chunks: Vec<_> = chunks.into_iter().map(|row| ChunkId(row.id)).collect();
                chunks.truncate(most);
                chunks.sort_unstable();
                found.push(Postings { chunks, cut });
            }
            Ok((u64::try_from(passages).unwrap_or(0), found))
        })
        .await
    }
}
