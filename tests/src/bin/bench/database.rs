//! The database of a measured server: filled directly, and read by the program `sqlite3` as a reference.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::Text;
// The SQLite of the server: that of the system can be too old for its tables.
use libsqlite3_sys as _;

/// Runs statements on the database of a server.
pub fn execute(storage: &Path, sql: &str) -> Result<()> {
    let mut connection = open(&database(storage))?;
    connection.batch_execute("PRAGMA busy_timeout = 10000")?;
    connection.batch_execute(sql).context("failed to fill the database")
}

/// A copy of some tables with their indexes, but without search indexes and triggers, which old
/// versions of the program `sqlite3` cannot open.
pub struct Copy(PathBuf);

impl Copy {
    pub fn of(storage: &Path, tables: &[&str]) -> Result<Self> {
        let copy = storage.join("copy.db");
        let mut connection = open(&copy)?;
        let database = database(storage);
        let attach = format!("ATTACH '{}' AS source", database.display());
        connection.batch_execute(&format!("PRAGMA foreign_keys = OFF; {attach}"))?;
        for table in tables {
            for statement in definitions(&mut connection, table)? {
                connection.batch_execute(&statement)?;
            }
            let fill = format!("INSERT INTO main.{table} SELECT * FROM source.{table}");
            connection.batch_execute(&fill)?;
        }
        connection.batch_execute("DETACH source; ANALYZE")?;
        Ok(Self(copy))
    }

    /// Returns the CPU seconds of the program `sqlite3` for writing the result of a query to a file.
    pub fn select(&self, sql: &str) -> Result<f64> {
        let script = "TIMEFORMAT='%U %S'; time sqlite3 \"$1\" \"$2\" > \"$3\"";
        let out = self.0.with_file_name("selected");
        let mut run = Command::new("bash");
        let run = run.args(["-c", script, "bash"]).arg(&self.0).arg(sql).arg(&out).output()?;
        let printed = String::from_utf8(run.stderr)?;
        let times: Vec<f64> =
            printed.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        let [user, system] = times[..] else { bail!("bash did not print the time: {printed}") };
        std::fs::remove_file(out).context("sqlite3 wrote nothing; install sqlite3")?;
        Ok(user + system)
    }
}

#[derive(QueryableByName)]
struct Definition {
    #[diesel(sql_type = Text)]
    sql: String,
}

/// Returns the statements that create a table and its indexes.
fn definitions(connection: &mut SqliteConnection, table: &str) -> Result<Vec<String>> {
    let query = "SELECT sql FROM source.sqlite_master \
        WHERE tbl_name = ? AND type IN ('table', 'index') AND sql IS NOT NULL ORDER BY type DESC";
    let rows: Vec<Definition> = diesel::sql_query(query).bind::<Text, _>(table).load(connection)?;
    Ok(rows.into_iter().map(|definition| definition.sql).collect())
}

fn database(storage: &Path) -> PathBuf {
    storage.join("carrel.db")
}

fn open(path: &Path) -> Result<SqliteConnection> {
    let path = path.to_str().context("the path is not UTF-8")?;
    Ok(SqliteConnection::establish(path)?)
}
