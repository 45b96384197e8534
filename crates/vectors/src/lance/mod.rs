//! LanceDB inside this process, through its library: the feature `lancedb`.
//!
//! Each workspace has a table for each length of its vectors, in a directory named after the
//! installation. Another table has the watermarks. A search compares the query with every selected
//! vector of the workspace, which is exact.
mod batches;
mod tables;
mod upkeep;

use std::path::Path;

use async_trait::async_trait;
use carrel_domain::vector::VectorRow;
use carrel_domain::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId, WorkspaceId};
use lancedb::DistanceType;
use lancedb::query::{QueryBase, Select};
use tokio::sync::Mutex;

use crate::store::{Dimensions, Store, Tombstones, Watermark, watermark_json, watermark_of};
use tables::Tables;

pub(crate) const NAME: &str = "LanceDB";

/// The table of watermarks.
const WATERMARKS: &str = "watermarks";

pub(crate) struct Lance {
    tables: Tables,
    /// Held while a watermark is written: all workspaces share their table.
    marking: Mutex<()>,
}

impl Lance {
    /// The tables of `installation`, which identifies the database whose vectors they contain, are
    /// in a directory of that name below `directory`.
    pub fn new(directory: &Path, installation: &str) -> Self {
        Self { tables: Tables::new(directory.join(installation)), marking: Mutex::default() }
    }
}

/// Prefix of the names of a workspace's tables.
fn prefix(within: WorkspaceId) -> String {
    format!("workspace_{}_", within.0)
}

fn table_name(within: WorkspaceId, dimensions: usize) -> String {
    format!("{}{dimensions}", prefix(within))
}

#[async_trait]
impl Store for Lance {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>> {
        let Some(table) = self.tables.open(WATERMARKS).await? else { return Ok(Vec::new()) };
        let rows = self.tables.read(&table, &table.query(), batches::marks).await?;
        Ok(rows.into_iter().filter_map(read_mark).collect())
    }

    async fn watermark(&self, within: WorkspaceId) -> Result<Option<Watermark>> {
        let Some(table) = self.tables.open(WATERMARKS).await? else { return Ok(None) };
        let query = table.query().only_if(format!("workspace = {}", within.0));
        let rows = self.tables.read(&table, &query, batches::marks).await?;
        Ok(rows.into_iter().find_map(read_mark).map(|(_, watermark)| watermark))
    }

    async fn set_watermark(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()> {
        let _turn = self.marking.lock().await;
        let table = self.tables.open_or_create(WATERMARKS, batches::marks_schema()).await?;
        let watermark_text = watermark_json(watermark).to_string();
        self.tables.upsert(&table, "workspace", batches::mark(within, &watermark_text)).await
    }

    async fn put(&self, within: WorkspaceId, dimensions: usize, rows: &[VectorRow]) -> Result<()> {
        let name = table_name(within, dimensions);
        let table = self.tables.open_or_create(&name, batches::vectors_schema(dimensions)).await?;
        self.tables.upsert(&table, "chunk", batches::vectors(rows, dimensions)).await
    }

    async fn remove(
        &self,
        within: WorkspaceId,
        of: &Dimensions,
        tombstones: Tombstones<'_>,
    ) -> Result<()> {
        let (column, ids) = tombstones.field();
        for dimensions in of {
            let table = self.tables.open(&table_name(within, *dimensions)).await?;
            if let Some(table) = table.filter(|_| !ids.is_empty()) {
                self.tables.delete(&table, &format!("{column} IN ({})", list(&ids))).await?;
            }
        }
        Ok(())
    }

    /// Also removes tables of lengths that `of` does not list, because their names begin alike.
    async fn clear(&self, within: WorkspaceId, _: &Dimensions) -> Result<()> {
        self.tables.drop_all(&prefix(within)).await?;
        let _turn = self.marking.lock().await;
        match self.tables.open(WATERMARKS).await? {
            Some(table) => self.tables.delete(&table, &format!("workspace = {}", within.0)).await,
            None => Ok(()),
        }
    }

    async fn count(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64> {
        let mut all = 0;
        for dimensions in of {
            if let Some(table) = self.tables.open(&table_name(within, *dimensions)).await? {
                all += self.tables.count(&table).await?;
            }
        }
        Ok(all)
    }

    async fn chunks(&self, within: WorkspaceId, of: &Dimensions) -> Result<Vec<ChunkId>> {
        let mut all = Vec::new();
        for dimensions in of {
            if let Some(table) = self.tables.open(&table_name(within, *dimensions)).await? {
                let query = table.query().select(Select::columns(&["chunk"]));
                all.extend(self.tables.read(&table, &query, batches::chunks).await?);
            }
        }
        Ok(all)
    }

    async fn nearest(
        &self,
        within: WorkspaceId,
        to: &[f32],
        limit: usize,
        among: DocumentSelection<&[WorkspaceDocumentId]>,
    ) -> Result<Vec<ChunkId>> {
        let table = self.tables.open(&table_name(within, to.len())).await?;
        let Some(table) = table else { return Ok(Vec::new()) };
        let query = table.vector_search(to);
        let query = query.map_err(|error| self.tables.failure(table.name(), &error))?;
        let query = query.column("vector").distance_type(DistanceType::Cosine).limit(limit);
        let query = query.select(Select::columns(&["chunk", "_distance"]));
        let ids = |documents: &[WorkspaceDocumentId]| -> Vec<_> {
            documents.iter().map(|document| document.0).collect()
        };
        let query = match among {
            DocumentSelection::All => query,
            DocumentSelection::Only(documents) => {
                query.only_if(format!("document IN ({})", list(&ids(documents))))
            }
            DocumentSelection::Except(documents) => {
                query.only_if(format!("document NOT IN ({})", list(&ids(documents))))
            }
        };
        self.tables.read(&table, &query, batches::chunks).await
    }
}

/// Writes ids as the list of a filter.
fn list(ids: &[i64]) -> String {
    let texts: Vec<_> = ids.iter().map(i64::to_string).collect();
    texts.join(", ")
}

fn read_mark((within, text): (WorkspaceId, String)) -> Option<(WorkspaceId, Watermark)> {
    Some((within, watermark_of(&serde_json::from_str(&text).ok()?)?))
}
