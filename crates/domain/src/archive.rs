//! A complete server as readable rows, used to move it from one database to another.
use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::Result;
use crate::audit::{ChainPoint, Event};

/// Receives the rows of an archive, table by table.
pub trait ArchiveSink: Send {
    /// Begins a table. Returns whether its rows are wanted; `false` skips the table.
    fn begin(&mut self, table: &'static str) -> Result<bool>;
    /// Receives one row: a JSON object on one line.
    fn row(&mut self, json: &str) -> Result<()>;
}

/// Facts about the database from which an archive was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedDatabase {
    /// The newest migration. Migrations sort by age, so an older database has a smaller value.
    pub schema: String,
    /// The largest id ever assigned in each table.
    pub last_ids: BTreeMap<String, i64>,
    /// The head of the audit log.
    pub audit_head: ChainPoint,
}

/// A row to be loaded into a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedRow {
    /// The table that the row belongs to.
    pub table: &'static str,
    /// The line in the archive, for error messages.
    pub line: u64,
    /// A JSON object.
    pub json: String,
}

/// All rows of an archive, read while they are written. The iterator blocks.
pub type ArchivedRows = Box<dyn Iterator<Item = Result<ArchivedRow>> + Send>;

/// A database that can be dumped to an archive or loaded from one.
#[async_trait]
pub trait ArchiveStore: Send + Sync {
    /// Returns the tables of an archive, ordered so that rows refer only to earlier tables.
    fn tables(&self) -> Vec<&'static str>;
    /// Returns the newest migration of this database.
    async fn schema(&self) -> Result<String>;
    /// Returns the tables that already hold data, with row counts. Empty on a new server.
    async fn occupied(&self) -> Result<Vec<(&'static str, u64)>>;
    /// Passes every row to `sink`, from one consistent snapshot.
    async fn dump(&self, sink: Box<dyn ArchiveSink>) -> Result<ArchivedDatabase>;
    /// Writes all rows in one transaction, so a killed process leaves the database unchanged.
    /// [`crate::Error::Unprocessable`] if a row cannot be read, [`crate::Error::AlreadyExists`] if
    /// the database is in use.
    async fn load(
        &self,
        rows: ArchivedRows,
        last_ids: BTreeMap<String, i64>,
        event: Event,
    ) -> Result<()>;
}
