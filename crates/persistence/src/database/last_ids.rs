//! The largest id that each table has assigned. Ids are never reused, because references to deleted
//! rows remain.
use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

use crate::database::connection::AnyConnection;

#[derive(QueryableByName)]
struct LastId {
    #[diesel(sql_type = Text)]
    name: String,
    #[diesel(sql_type = BigInt)]
    last: i64,
}

/// The suffix that PostgreSQL appends to a table's name for its sequence.
const SEQUENCE: &str = "_id_seq";

/// Returns the last id by table, for tables that have assigned any.
pub(crate) fn read(conn: &mut AnyConnection) -> QueryResult<BTreeMap<String, i64>> {
    let rows: Vec<LastId> = match conn {
        AnyConnection::Sqlite(conn) => {
            sql_query("SELECT name, seq AS last FROM sqlite_sequence").load(conn)?
        }
        AnyConnection::Postgres(conn) => sql_query(
            "SELECT sequencename::text AS name, last_value AS last FROM pg_sequences \
             WHERE schemaname = current_schema() AND last_value IS NOT NULL",
        )
        .load(conn)?,
    };
    let names = rows.into_iter().map(|row| {
        let name = row.name.strip_suffix(SEQUENCE).map(str::to_owned);
        (name.unwrap_or(row.name), row.last)
    });
    Ok(names.collect())
}

/// Ensures that the next id of the table is above `last` and above all existing ids.
pub(crate) fn reserve(conn: &mut AnyConnection, table: &str, last: i64) -> QueryResult<()> {
    match conn {
        AnyConnection::Sqlite(conn) => {
            sql_query("UPDATE sqlite_sequence SET seq = MAX(seq, ?) WHERE name = ?")
                .bind::<BigInt, _>(last)
                .bind::<Text, _>(table)
                .execute(conn)?;
            sql_query(
                "INSERT INTO sqlite_sequence (name, seq) SELECT ?, ? WHERE NOT EXISTS \
                 (SELECT 1 FROM sqlite_sequence WHERE name = ?)",
            )
            .bind::<Text, _>(table)
            .bind::<BigInt, _>(last)
            .bind::<Text, _>(table)
            .execute(conn)?;
        }
        AnyConnection::Postgres(conn) => {
            sql_query(format!(
                "SELECT setval(pg_get_serial_sequence('{table}', 'id'), GREATEST($1, 1, \
                 (SELECT COALESCE(MAX(id), 1) FROM {table})))"
            ))
            .bind::<BigInt, _>(last)
            .execute(conn)?;
        }
    }
    Ok(())
}
