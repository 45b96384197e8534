//! Reads and writes all archived rows of the database as JSON.
//!
//! `tables` names the tables. Their columns are read from the database, so that a new column needs
//! no change here.
mod columns;
mod load;
mod tables;

use std::collections::BTreeMap;

use async_trait::async_trait;
use carrel_domain::archive::{ArchiveSink, ArchiveStore, ArchivedDatabase, ArchivedRows};
use carrel_domain::audit::Event;
use carrel_domain::{Error, Result};
use diesel::connection::{DefaultLoadingMode, SimpleConnection};
use diesel::pg::PgRowByRowLoadingMode;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

use crate::Database;
use crate::audit;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::AnyConnection;
use crate::database::last_ids;
use crate::database::tx_error::TxError;
use crate::documents::lexical;
use tables::{ArchivedTable, EVENTS, TABLES};

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

/// Deletes the API keys that come from the environment, because every process inserts its own when
/// it starts.
const BEFORE: &str = "DELETE FROM api_keys WHERE origin <> 'created'";

/// Deletes setup links if the archive has an owner or users, who can sign in instead, and pending
/// files whose documents exist.
const AFTER: &str = "\
    DELETE FROM setup_links WHERE EXISTS (SELECT 1 FROM owner) OR EXISTS (SELECT 1 FROM users);
    DELETE FROM unsettled_files WHERE EXISTS (SELECT 1 FROM documents
        WHERE documents.folder = unsettled_files.folder AND documents.name = unsettled_files.name);";

fn schema(conn: &mut AnyConnection) -> QueryResult<String> {
    let newest = "SELECT MAX(version) AS line FROM __diesel_schema_migrations";
    sql_query(newest).get_result::<Line>(conn).map(|row| row.line)
}

fn write_rows(
    conn: &mut AnyConnection,
    table: &ArchivedTable,
    sink: &mut dyn ArchiveSink,
) -> Result<(), TxError> {
    let columns = columns::of(conn, table.name)?;
    let rows = sql_query(columns::query(conn, table, &columns));
    // Both load modes hold one row in memory at a time.
    match conn {
        AnyConnection::Sqlite(conn) => {
            for row in rows.load_iter::<Line, DefaultLoadingMode>(conn)? {
                sink.row(&row?.line)?;
            }
        }
        AnyConnection::Postgres(conn) => {
            for row in rows.load_iter::<Line, PgRowByRowLoadingMode>(conn)? {
                sink.row(&row?.line)?;
            }
        }
    }
    Ok(())
}

/// Returns the tables that have rows, with their number. Rows that a new server has as well do not
/// count.
fn occupied(conn: &mut AnyConnection) -> QueryResult<Vec<(&'static str, u64)>> {
    let mut there = Vec::new();
    for ArchivedTable { name, only, replaced_by, .. } in TABLES {
        if replaced_by.is_some() || *name == EVENTS {
            continue;
        }
        let only = only.map(|only| format!(" WHERE {only}")).unwrap_or_default();
        let count: Count =
            sql_query(format!("SELECT COUNT(*) AS n FROM \"{name}\"{only}")).get_result(conn)?;
        if count.n > 0 {
            there.push((*name, count.n.unsigned_abs()));
        }
    }
    Ok(there)
}

#[async_trait]
impl ArchiveStore for Database {
    fn tables(&self) -> Vec<&'static str> {
        TABLES.iter().map(|table| table.name).collect()
    }

    async fn schema(&self) -> Result<String> {
        self.read(|conn| Ok(schema(conn)?)).await
    }

    async fn occupied(&self) -> Result<Vec<(&'static str, u64)>> {
        self.snapshot(|conn| Ok(occupied(conn)?)).await
    }

    async fn dump(&self, mut sink: Box<dyn ArchiveSink>) -> Result<ArchivedDatabase> {
        self.snapshot(move |conn| {
            for table in TABLES {
                if sink.begin(table.name)? {
                    write_rows(conn, table, &mut *sink)?;
                }
            }
            let mut last_ids = last_ids::read(conn)?;
            last_ids.retain(|name, _| TABLES.iter().any(|table| table.name == name));
            Ok(ArchivedDatabase {
                schema: schema(conn)?,
                last_ids,
                audit_head: audit::head_point(conn)?,
            })
        })
        .await
    }

    async fn load(
        &self,
        rows: ArchivedRows,
        last_ids: BTreeMap<String, i64>,
        event: Event,
    ) -> Result<()> {
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            if !occupied(conn)?.is_empty() {
                let kind = "this server is in use; import into an empty storage directory";
                return Err(Error::AlreadyExists { kind, key: String::new() }.into());
            }
            conn.batch_execute(BEFORE)?;
            load::load(conn, rows)?;
            conn.batch_execute(AFTER)?;
            lexical::fill(conn)?;
            for (table, last) in last_ids {
                // The name becomes part of a statement, so only known tables are accepted.
                if TABLES.iter().any(|known| known.name == table) {
                    last_ids::reserve(conn, &table, last)?;
                }
            }
            audit::record(conn, event)
        })
        .await
    }
}
