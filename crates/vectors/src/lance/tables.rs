//! The tables in a directory of LanceDB, and its errors in words.
use std::error::Error as _;
use std::path::PathBuf;
use std::sync::Arc;

use carrel_domain::{Error, Result};
use futures_util::TryStreamExt;
use lancedb::arrow::arrow_array::{RecordBatch, RecordBatchIterator};
use lancedb::arrow::arrow_schema::{ArrowError, SchemaRef};
use lancedb::database::CreateTableMode;
use lancedb::query::ExecutableQuery;
use lancedb::{Connection, ObjectStoreRegistry, Session, Table, connect};
use tokio::sync::OnceCell;

use super::upkeep::Upkeep;
use super::{NAME, WATERMARKS};
use crate::store::refusal;

/// What an operator can do about any failure.
const ADVICE: &str = "is the directory writable, and is there space? If so, stop the server and \
                      delete the directory, which is filled again";

/// Most bytes that the library caches of its tables' metadata; there are no indexes to cache.
const METADATA_CACHE: usize = 32 << 20;
const INDEX_CACHE: usize = 1 << 20;

pub(super) struct Tables {
    directory: PathBuf,
    connection: OnceCell<Connection>,
    upkeep: Upkeep,
}

impl Tables {
    pub fn new(directory: PathBuf) -> Self {
        Self { directory, connection: OnceCell::new(), upkeep: Upkeep::default() }
    }

    /// Returns the latest version of a table; `None` if it does not exist.
    pub async fn open(&self, name: &str) -> Result<Option<Table>> {
        match self.connection().await?.open_table(name).execute().await {
            Ok(table) => Ok(Some(table)),
            Err(lancedb::Error::TableNotFound { .. }) => Ok(None),
            Err(error) => Err(self.failure(name, &error)),
        }
    }

    pub async fn open_or_create(&self, name: &str, schema: SchemaRef) -> Result<Table> {
        if let Some(table) = self.open(name).await? {
            return Ok(table);
        }
        // Another process may have been faster.
        let mode = CreateTableMode::exist_ok(|request| request);
        let creation = self.connection().await?.create_empty_table(name, schema).mode(mode);
        creation.execute().await.map_err(|error| self.failure(name, &error))
    }

    /// Stores rows, replacing those with the same value in the column `key`.
    pub async fn upsert(
        &self,
        table: &Table,
        key: &str,
        rows: std::result::Result<RecordBatch, ArrowError>,
    ) -> Result<()> {
        let rows = rows.map_err(|error| refusal(NAME, format!("it cannot store this: {error}")))?;
        let schema = rows.schema();
        let mut merge = table.merge_insert(&[key]);
        merge.when_matched_update_all(None).when_not_matched_insert_all();
        let merged = merge.execute(Box::new(RecordBatchIterator::new([Ok(rows)], schema))).await;
        merged.map_err(|error| self.failure(table.name(), &error))?;
        self.upkeep.after_change(table).await;
        Ok(())
    }

    /// Deletes the rows that match a filter.
    pub async fn delete(&self, table: &Table, filter: &str) -> Result<()> {
        let deleted = table.delete(filter).await;
        deleted.map_err(|error| self.failure(table.name(), &error))?;
        self.upkeep.after_change(table).await;
        Ok(())
    }

    /// Drops all tables whose names begin with `prefix`, files included.
    pub async fn drop_all(&self, prefix: &str) -> Result<()> {
        let connection = self.connection().await?;
        let names = connection.table_names().execute().await;
        let names = names.map_err(|error| self.unavailable(&error))?;
        for name in names.iter().filter(|name| name.starts_with(prefix)) {
            match connection.drop_table(name, &[]).await {
                Ok(()) | Err(lancedb::Error::TableNotFound { .. }) => self.upkeep.forget(name),
                Err(error) => return Err(self.failure(name, &error)),
            }
        }
        Ok(())
    }

    pub async fn count(&self, table: &Table) -> Result<u64> {
        let counted = table.count_rows(None).await;
        Ok(counted.map_err(|error| self.failure(table.name(), &error))? as u64)
    }

    /// Runs a query of a table and reads its result with `reader`, which returns `None` for missing
    /// columns.
    pub async fn read<T>(
        &self,
        table: &Table,
        query: &impl ExecutableQuery,
        reader: fn(&RecordBatch) -> Option<Vec<T>>,
    ) -> Result<Vec<T>> {
        let failure = |error| self.failure(table.name(), &error);
        let mut batches = query.execute().await.map_err(failure)?;
        let mut all = Vec::new();
        while let Some(batch) = batches.try_next().await.map_err(failure)? {
            let read = reader(&batch);
            all.extend(read.ok_or_else(|| self.refusal(table.name(), "it has other columns"))?);
        }
        Ok(all)
    }

    async fn connection(&self) -> Result<&Connection> {
        let connection = self.connection.get_or_try_init(|| async {
            let path = self.directory.to_str().ok_or_else(|| {
                let path = self.directory.display();
                Error::unavailable(NAME, format!("the path {path} is not valid UTF-8"))
            })?;
            let stores = Arc::new(ObjectStoreRegistry::default());
            let session = Session::new(INDEX_CACHE, METADATA_CACHE, stores);
            let connection = connect(path).session(Arc::new(session)).execute().await;
            connection.map_err(|error| self.unavailable(&error))
        });
        connection.await
    }

    /// Says what went wrong with a table. A table of vectors concerns its workspace, the watermarks
    /// concern the store.
    pub fn failure(&self, table: &str, error: &lancedb::Error) -> Error {
        match table {
            WATERMARKS => self.unavailable(error),
            _ => self.refusal(table, &root_cause(error)),
        }
    }

    fn unavailable(&self, error: &lancedb::Error) -> Error {
        let (path, cause) = (self.directory.display(), root_cause(error));
        Error::unavailable(NAME, format!("{path}: {cause}; {ADVICE}"))
    }

    fn refusal(&self, table: &str, cause: &str) -> Error {
        let path = self.directory.display();
        refusal(NAME, format!("{path}: the table {table} cannot be used: {cause}; {ADVICE}"))
    }
}

/// Returns the innermost cause on one line, without the place in the library's code.
fn root_cause(error: &lancedb::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(|cause| cause.source()) {
        cause = Some(inner);
    }
    let text = cause.map_or_else(|| error.to_string(), ToString::to_string);
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.split(", /").next().unwrap_or_default().to_owned()
}
