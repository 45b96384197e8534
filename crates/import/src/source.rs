//! Reads the source's database: a SQLite file from a copy, a PostgreSQL database in a read-only
//! transaction. Rows are read as JSON, so that columns may be missing.
use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use carrel_domain::{Error, Result};
use carrel_postgres::Connector;
use diesel::connection::{Connection, SimpleConnection};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Binary, Text};
use serde_json::Value;
use tempfile::TempDir;

use crate::row::Row;

/// Most rows of a portion.
const ROWS: i64 = 500;
/// Approximate limit of a portion in characters, unless a single row is larger.
const CHARACTERS: i64 = 4 << 20;

enum AnyConnection {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

pub struct SourceDatabase {
    connection: AnyConnection,
    /// The columns of each table.
    tables: BTreeMap<String, Vec<String>>,
    /// The copy, deleted when this value is dropped.
    _copy: Option<TempDir>,
}

#[derive(QueryableByName)]
struct Name {
    #[diesel(sql_type = Text)]
    table_name: String,
    #[diesel(sql_type = Text)]
    column_name: String,
}

#[derive(QueryableByName)]
struct Json {
    #[diesel(sql_type = Binary)]
    row: Vec<u8>,
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct Size {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    size: i64,
}

fn failed(what: &str, error: impl std::fmt::Display) -> Error {
    Error::unprocessable(format!("failed to {what}: {error}"))
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

impl SourceDatabase {
    /// Copies a SQLite file to `scratch` and opens the copy. Changes neither the file nor its
    /// folder.
    pub fn sqlite(file: &Path, scratch: &Path) -> Result<Self> {
        let journal = |end: &str| {
            let mut name = file.as_os_str().to_owned();
            name.push(end);
            std::fs::metadata(PathBuf::from(name)).is_ok_and(|file| file.len() > 0)
        };
        if journal("-journal") || journal("-wal") {
            let reason = "the other server is writing to its database, or was killed while it did; \
                          stop it cleanly, then import";
            return Err(Error::unprocessable(reason));
        }
        let mut header = [0; 20];
        let opened = File::open(file).and_then(|mut file| file.read_exact(&mut header));
        opened.map_err(|error| failed(&format!("read {}", file.display()), error))?;
        if !header.starts_with(b"SQLite format 3\0") {
            return Err(Error::unprocessable(format!("{} is not a SQLite file", file.display())));
        }
        // Opening a file in WAL mode creates files next to it, unless it is opened as immutable.
        let mode = if header[18] == 2 { "immutable=1" } else { "mode=ro" };
        let path = file.to_str().ok_or_else(|| Error::invalid("storage", "must be UTF-8"))?;
        let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
        let copy = tempfile::Builder::new().prefix("import-").tempdir_in(scratch);
        let copy = copy.map_err(Error::of_file)?;
        let to = copy.path().join("source.db");
        let to = to.to_str().ok_or_else(|| Error::invalid("storage", "must be UTF-8"))?.to_owned();
        let reading = format!("read {}", file.display());
        let mut conn = SqliteConnection::establish(&format!("file:{path}?{mode}"))
            .map_err(|error| failed(&reading, error))?;
        sql_query("VACUUM INTO ?")
            .bind::<Text, _>(&to)
            .execute(&mut conn)
            .map_err(|error| failed(&reading, error))?;
        let mut conn = SqliteConnection::establish(&to).map_err(|e| failed(&reading, e))?;
        let columns: Vec<Name> = sql_query(
            "SELECT m.name AS table_name, c.name AS column_name FROM sqlite_master m \
             JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'",
        )
        .load(&mut conn)
        .map_err(|error| failed(&reading, error))?;
        Self::new(AnyConnection::Sqlite(conn), columns, Some(copy))
    }

    /// Opens a PostgreSQL database.
    pub fn postgres(url: &str) -> Result<Self> {
        let reading = "read the PostgreSQL database of the other server";
        let connector = Connector::new(url).map_err(|error| failed(reading, error))?;
        let mut conn = connector.connect().map_err(|error| failed(reading, error))?;
        conn.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .map_err(|error| failed(reading, error))?;
        let columns: Vec<Name> = sql_query(
            "SELECT table_name::text, column_name::text FROM information_schema.columns \
             WHERE table_schema = current_schema()",
        )
        .load(&mut conn)
        .map_err(|error| failed(reading, error))?;
        Self::new(AnyConnection::Postgres(conn), columns, None)
    }

    fn new(connection: AnyConnection, columns: Vec<Name>, copy: Option<TempDir>) -> Result<Self> {
        let mut tables: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Name { table_name, column_name } in columns {
            tables.entry(table_name).or_default().push(column_name);
        }
        if !["workspaces", "users", "workspace_chats"].iter().all(|name| tables.contains_key(*name))
        {
            let reason = "this is not a database of AnythingLLM: it has no tables `users`, \
                          `workspaces` and `workspace_chats`";
            return Err(Error::unprocessable(reason));
        }
        Ok(Self { connection, tables, _copy: copy })
    }

    /// Returns the names of all tables except the list of migrations.
    pub fn tables(&self) -> Vec<String> {
        self.tables.keys().filter(|name| !name.starts_with('_')).cloned().collect()
    }

    pub fn count(&mut self, table: &str) -> Result<u64> {
        if !self.tables.contains_key(table) {
            return Ok(0);
        }
        let count = self.number(&format!("SELECT COUNT(*) AS number FROM {}", quoted(table)))?;
        Ok(count.unsigned_abs())
    }

    /// Returns the largest id that a table has ever assigned.
    pub fn last_id(&mut self, table: &str) -> Result<i64> {
        if !self.has_column(table, "id") {
            return Ok(0);
        }
        let most =
            format!("SELECT CAST(COALESCE(MAX(id), 0) AS BIGINT) AS number FROM {}", quoted(table));
        let there = self.number(&most)?;
        let assigned = match &self.connection {
            AnyConnection::Sqlite(_) => format!(
                "SELECT COALESCE(MAX(seq), 0) AS number FROM sqlite_sequence WHERE name = '{table}'"
            ),
            AnyConnection::Postgres(_) => format!(
                "SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence('{}', 'id')), 0) \
                 AS number",
                quoted(table)
            ),
        };
        // A table without a sequence assigns ids above the largest existing one.
        Ok(self.number(&assigned).unwrap_or(0).max(there))
    }

    /// Returns all rows of a small table; none if the table does not exist.
    pub fn all(&mut self, table: &str) -> Result<Vec<Row>> {
        self.rows(table, "")
    }

    /// Returns the distinct combinations of some columns.
    pub fn distinct(&mut self, table: &str, columns: &[&str]) -> Result<Vec<Row>> {
        let there: Vec<_> = columns.iter().filter(|name| self.has_column(table, name)).collect();
        if there.is_empty() {
            return Ok(Vec::new());
        }
        let list = there.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ");
        let from = format!("(SELECT DISTINCT {list} FROM {})", quoted(table));
        let columns: Vec<String> = there.iter().map(|name| (**name).to_owned()).collect();
        self.read(&from, &columns, "")
    }

    /// Returns the next portion of a large table, with ids above `after`, and its largest id.
    pub fn portion(
        &mut self,
        table: &str,
        large: &[&str],
        after: i64,
    ) -> Result<Option<(Vec<Row>, i64)>> {
        if !self.has_column(table, "id") {
            return Ok(None);
        }
        let there = large.iter().filter(|name| self.has_column(table, name));
        let sizes = there.map(|name| format!("COALESCE(LENGTH({}), 0)", quoted(name)));
        let sum = std::iter::once("0".to_owned()).chain(sizes).collect::<Vec<_>>().join(" + ");
        let query = format!(
            "SELECT CAST(id AS BIGINT) AS id, CAST({sum} AS BIGINT) AS size FROM {} \
             WHERE id > {after} ORDER BY id LIMIT {ROWS}",
            quoted(table)
        );
        let sizes: Vec<Size> = match &mut self.connection {
            AnyConnection::Sqlite(conn) => sql_query(query).load(conn),
            AnyConnection::Postgres(conn) => sql_query(query).load(conn),
        }
        .map_err(|error| failed(&format!("read table {table}"), error))?;
        let mut room = CHARACTERS;
        let mut last = None;
        for Size { id, size } in sizes {
            if last.is_some() && size > room {
                break;
            }
            room -= size;
            last = Some(id);
        }
        let Some(last) = last else { return Ok(None) };
        let rows = self.rows(table, &format!("WHERE id > {after} AND id <= {last}"))?;
        Ok(Some((rows, last)))
    }

    fn has_column(&self, table: &str, column: &str) -> bool {
        self.tables.get(table).is_some_and(|columns| columns.iter().any(|name| name == column))
    }

    fn rows(&mut self, table: &str, condition: &str) -> Result<Vec<Row>> {
        let Some(columns) = self.tables.get(table).cloned() else { return Ok(Vec::new()) };
        let order = if self.has_column(table, "id") { " ORDER BY id" } else { "" };
        self.read(&quoted(table), &columns, &format!("{condition}{order}"))
    }

    fn read(&mut self, from: &str, columns: &[String], rest: &str) -> Result<Vec<Row>> {
        let reading = format!("read table {from}");
        let rows: Vec<Json> = match &mut self.connection {
            AnyConnection::Sqlite(conn) => {
                let values = columns.iter().map(|name| {
                    let (text, column) = (name.replace('\'', "''"), quoted(name));
                    // JSON cannot represent a blob, as which a damaged text may be stored.
                    format!(
                        "'{text}', CASE WHEN typeof({column}) = 'blob' \
                         THEN CAST({column} AS TEXT) ELSE {column} END"
                    )
                });
                let object = values.collect::<Vec<_>>().join(", ");
                sql_query(format!(
                    "SELECT CAST(json_object({object}) AS BLOB) AS row FROM {from} {rest}"
                ))
                .load(conn)
            }
            AnyConnection::Postgres(conn) => sql_query(format!(
                "SELECT convert_to(row_to_json(t)::text, 'UTF8') AS row FROM \
                 (SELECT * FROM {from} AS s {rest}) t"
            ))
            .load(conn),
        }
        .map_err(|error| failed(&reading, error))?;
        let parsed = rows.into_iter().map(|Json { row }| {
            let text = String::from_utf8_lossy(&row);
            match serde_json::from_str(&text) {
                Ok(Value::Object(map)) => Ok(Row(map)),
                Ok(_) => Err(failed(&reading, "a row is not an object")),
                Err(error) => Err(failed(&reading, error)),
            }
        });
        parsed.collect()
    }

    fn number(&mut self, query: &str) -> Result<i64> {
        let number: Number = match &mut self.connection {
            AnyConnection::Sqlite(conn) => sql_query(query).get_result(conn),
            AnyConnection::Postgres(conn) => sql_query(query).get_result(conn),
        }
        .map_err(|error| failed("read the other server's database", error))?;
        Ok(number.number)
    }
}
