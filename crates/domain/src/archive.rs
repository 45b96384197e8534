//! A whole installation as rows that people can read, to move it from one database to another.
use std::collections::BTreeMap;

use async_trait::async_trait;

use crate::Result;
use crate::audit::{ChainPoint, Event};

/// Takes the rows of an archive, table by table.
pub trait ArchiveSink: Send {
    /// Rows of this table follow if the answer is `true`; `false` leaves it out.
    fn begin(&mut self, table: &'static str) -> Result<bool>;
    /// A row as a JSON object on one line.
    fn row(&mut self, json: &str) -> Result<()>;
}

/// The description of an archive's database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedDatabase {
    /// The newest migration. Those of older databases are smaller.
    pub schema: String,
    /// The largest id that each table ever assigned.
    pub last_ids: BTreeMap<String, i64>,
    /// The end of the audit log.
    pub audit_head: ChainPoint,
}

/// A row on its way into a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchivedRow {
    /// The table that the row belongs to.
    pub table: &'static str,
    /// The position in the archive, for error messages.
    pub line: u64,
    /// A JSON object.
    pub json: String,
}

/// All rows of an archive, read while they are written. Blocks.
pub type ArchivedRows = Box<dyn Iterator<Item = Result<ArchivedRow>> + Send>;

/// A database that archives are made of and read into.
#[async_trait]
pub trait ArchiveStore: Send + Sync {
    /// The tables of an archive, in an order in which no row refers to one that comes later.
    fn tables(&self) -> Vec<&'static str>;
    /// The newest migration of this database.
    async fn schema(&self) -> Result<String>;
    /// Existing data that would be mixed with an archive, with counts. Empty on a new server.
    async fn occupied(&self) -> Result<Vec<(&'static str, u64)>>;
    /// Hands out every row, all as they are at one moment.
    async fn dump(&self, sink: Box<dyn ArchiveSink>) -> Result<ArchivedDatabase>;
    /// Writes all rows in one transaction: a process that is killed leaves the database as it was.
    /// [`crate::Error::Unprocessable`] when a row cannot be read, [`crate::Error::AlreadyExists`] when
    /// the database is in use.
    async fn load(
        &self,
        rows: ArchivedRows,
        last_ids: BTreeMap<String, i64>,
        event: Event,
    ) -> Result<()>;
}
