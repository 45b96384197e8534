//! Inserts the rows of an archive in batches.
use carrel_domain::archive::{ArchivedRow, ArchivedRows};
use carrel_domain::audit::LoggedEvent;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::BoxedSqlQuery;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Bool, Double, Nullable, Text, Timestamp};
use diesel::sqlite::Sqlite;
use serde_json::{Map, Value};

use super::columns::{self, Bound, Column, Kind, unreadable};
use super::tables::{ArchivedTable, EVENTS, TABLES};
use crate::audit;
use crate::database::connection::AnyConnection;
use crate::database::tx_error::TxError;

/// Rows per statement. No table has more than 30 columns, and SQLite binds at most about 32,000
/// values.
const ROWS_AT_ONCE: usize = 200;

/// The maximum bytes of rows per statement. A single larger row gets a statement of its own.
const BYTES_AT_ONCE: usize = 4 << 20;

/// Rows of one table that are inserted with one statement.
struct Batch {
    table: &'static ArchivedTable,
    columns: Vec<Column>,
    /// The columns present in the rows. Rows of an older archive may lack some.
    present: Vec<Column>,
    rows: Vec<Vec<Bound>>,
    bytes: usize,
}

pub(super) fn load(conn: &mut AnyConnection, rows: ArchivedRows) -> Result<(), TxError> {
    let mut batch: Option<Batch> = None;
    for row in rows {
        let ArchivedRow { table, line, json } = row?;
        let fields: Map<String, Value> = serde_json::from_str(&json)
            .map_err(|error| unreadable(table, line, &error.to_string()))?;
        if table == EVENTS {
            let event =
                event(&fields).ok_or_else(|| unreadable(table, line, "it is not an event"))?;
            audit::record_archived(conn, event)?;
            continue;
        }
        if batch.as_ref().is_none_or(|batch| batch.table.name != table) {
            if let Some(batch) = &mut batch {
                batch.write(conn)?;
            }
            batch = Some(Batch::new(conn, table, line)?);
        }
        if let Some(batch) = &mut batch {
            batch.add(conn, line, &fields, json.len())?;
        }
    }
    batch.map_or(Ok(()), |mut batch| batch.write(conn))
}

/// Returns the event with all its fields except the id and the digest, which this database's log
/// assigns.
fn event(fields: &Map<String, Value>) -> Option<LoggedEvent> {
    let text = |name: &str| fields.get(name)?.as_str().map(str::to_owned);
    let Bound::Time(Some(at)) = Kind::Time.parameter(fields.get("at")?)? else { return None };
    Some(LoggedEvent {
        id: 0,
        name: text("name")?,
        details: text("details")?,
        actor: text("actor")?,
        address: text("address"),
        at: at.and_utc(),
        digest: [0; 32],
    })
}

impl Batch {
    fn new(conn: &mut AnyConnection, name: &'static str, line: u64) -> Result<Self, TxError> {
        let table = TABLES.iter().find(|table| table.name == name);
        let table = table.ok_or_else(|| unreadable(name, line, "the table does not exist"))?;
        let columns = columns::of(conn, name)?;
        Ok(Self { table, columns, present: Vec::new(), rows: Vec::new(), bytes: 0 })
    }

    fn add(
        &mut self,
        conn: &mut AnyConnection,
        line: u64,
        fields: &Map<String, Value>,
        bytes: usize,
    ) -> Result<(), TxError> {
        let name = self.table.name;
        let is_known = |field: &&String| self.columns.iter().any(|column| column.name == **field);
        if let Some(unknown) = fields.keys().find(|field| !is_known(field)) {
            return Err(unreadable(name, line, &format!("there is no column {unknown}")).into());
        }
        let is_same = self.present.len() == fields.len()
            && self.present.iter().all(|column| fields.contains_key(&column.name));
        if !is_same {
            self.write(conn)?;
            let present = self.columns.iter().filter(|column| fields.contains_key(&column.name));
            self.present = present.cloned().collect();
        }
        let row = self.present.iter().map(|Column { name: column, kind }| {
            let value = fields.get(column).and_then(|value| kind.parameter(value));
            value.ok_or_else(|| unreadable(name, line, &format!("{column} has no such value")))
        });
        self.rows.push(row.collect::<carrel_domain::Result<_>>()?);
        self.bytes += bytes;
        if self.rows.len() >= ROWS_AT_ONCE || self.bytes >= BYTES_AT_ONCE {
            self.write(conn)?;
        }
        Ok(())
    }

    fn write(&mut self, conn: &mut AnyConnection) -> Result<(), TxError> {
        let rows = std::mem::take(&mut self.rows);
        self.bytes = 0;
        if rows.is_empty() || self.present.is_empty() {
            return Ok(());
        }
        let statement = self.statement(conn, rows.len());
        let values = rows.into_iter().flatten();
        match conn {
            AnyConnection::Sqlite(conn) => {
                let insert = sql_query(statement).into_boxed::<Sqlite>();
                values.fold(insert, bind_in_sqlite).execute(conn)?;
            }
            AnyConnection::Postgres(conn) => {
                let insert = sql_query(statement).into_boxed::<Pg>();
                values.fold(insert, bind_in_postgres).execute(conn)?;
            }
        }
        Ok(())
    }

    fn statement(&self, conn: &AnyConnection, rows: usize) -> String {
        let is_sqlite = matches!(conn, AnyConnection::Sqlite(_));
        let mut number = 0;
        let mut place = || {
            number += 1;
            if is_sqlite { "?".to_owned() } else { format!("${number}") }
        };
        let mut row = || {
            let places: Vec<_> = self.present.iter().map(|_| place()).collect();
            format!("({})", places.join(", "))
        };
        let rows: Vec<_> = (0..rows).map(|_| row()).collect();
        let names: Vec<_> =
            self.present.iter().map(|column| format!("\"{}\"", column.name)).collect();
        let replaces = self.table.replaced_by.map(|key| {
            let updated = self.present.iter().filter(|column| column.name != key);
            let set = updated.map(|column| format!("\"{0}\" = excluded.\"{0}\"", column.name));
            format!(" ON CONFLICT ({key}) DO UPDATE SET {}", set.collect::<Vec<_>>().join(", "))
        });
        format!(
            "INSERT INTO \"{}\" ({}) VALUES {}{}",
            self.table.name,
            names.join(", "),
            rows.join(", "),
            replaces.unwrap_or_default()
        )
    }
}

type Insert<DB> = BoxedSqlQuery<'static, DB, diesel::query_builder::SqlQuery>;

fn bind_in_sqlite(insert: Insert<Sqlite>, value: Bound) -> Insert<Sqlite> {
    match value {
        Bound::Integer(value) => insert.bind::<Nullable<BigInt>, _>(value),
        Bound::Real(value) => insert.bind::<Nullable<Double>, _>(value),
        Bound::Boolean(value) => insert.bind::<Nullable<Bool>, _>(value),
        Bound::Text(value) => insert.bind::<Nullable<Text>, _>(value),
        Bound::Time(value) => insert.bind::<Nullable<Timestamp>, _>(value),
        Bound::Bytes(value) => insert.bind::<Nullable<Binary>, _>(value),
    }
}

fn bind_in_postgres(insert: Insert<Pg>, value: Bound) -> Insert<Pg> {
    match value {
        Bound::Integer(value) => insert.bind::<Nullable<BigInt>, _>(value),
        Bound::Real(value) => insert.bind::<Nullable<Double>, _>(value),
        Bound::Boolean(value) => insert.bind::<Nullable<Bool>, _>(value),
        Bound::Text(value) => insert.bind::<Nullable<Text>, _>(value),
        Bound::Time(value) => insert.bind::<Nullable<Timestamp>, _>(value),
        Bound::Bytes(value) => insert.bind::<Nullable<Binary>, _>(value),
    }
}
