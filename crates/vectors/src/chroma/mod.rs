//! Chroma, self-hosted or in its cloud, through version 2 of its REST API.
//!
//! A collection contains a workspace's vectors of one length and is named after the installation,
//! the workspace and the length. Another collection contains the watermarks as metadata of points.
mod collections;

use async_trait::async_trait;
use carrel_domain::vector::VectorRow;
use carrel_domain::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId, WorkspaceId};
use serde::Serialize;
use serde_json::{Value, json};

use crate::rest::Rest;
use crate::store::{
    Dimensions, Limits, Store, Tombstones, Watermark, watermark_json, watermark_of,
};
use collections::Collections;

pub(crate) struct Chroma {
    collections: Collections,
    quotas: Quotas,
    /// Prefix of the names of all collections of this installation.
    prefix: String,
}

/// Limits of a single request.
#[derive(Clone, Copy)]
pub(crate) struct Quotas {
    /// Maximum number of points stored, removed or read at once.
    pub points: usize,
    pub dimensions: usize,
    pub limits: Limits,
}

impl Quotas {
    /// Returns limits for a self-hosted server. It has none of its own; these keep requests short.
    pub fn of_server() -> Self {
        Self { points: 5_000, dimensions: usize::MAX, limits: Limits::default() }
    }

    /// Returns the quotas of the cloud service.
    pub fn of_cloud() -> Self {
        let limits = Limits { candidates: 300, documents: 300 };
        Self { points: 300, dimensions: 4_096, limits }
    }
}

/// Points to store, in columns.
#[derive(Serialize)]
struct Points<'a> {
    ids: Vec<String>,
    embeddings: Vec<&'a [f32]>,
    metadatas: Vec<Place>,
}

#[derive(Serialize)]
struct Place {
    document: i64,
}

#[derive(Serialize)]
struct Query<'a> {
    query_embeddings: [&'a [f32]; 1],
    n_results: usize,
    include: [&'a str; 0],
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    chosen: Option<Value>,
}

impl Chroma {
    /// `installation` identifies the database whose vectors the store contains.
    pub fn new(
        rest: Rest,
        quotas: Quotas,
        tenant: &str,
        database: &str,
        installation: &str,
    ) -> Self {
        let prefix = format!("carrel-{installation}");
        Self { collections: Collections::new(rest, tenant, database), quotas, prefix }
    }

    fn rest(&self) -> &Rest {
        &self.collections.rest
    }

    fn marks_name(&self) -> String {
        // Existing installations use this name.
        format!("{}-marks", self.prefix)
    }

    fn collection(&self, within: WorkspaceId, dimensions: usize) -> String {
        format!("{}-{}-{dimensions}", self.prefix, within.0)
    }

    async fn remove_chunks(&self, name: &str, chunks: &[ChunkId]) -> Result<()> {
        for some in chunks.chunks(self.quotas.points) {
            let ids: Vec<_> = some.iter().map(|chunk| chunk.0.to_string()).collect();
            self.collections.ask(name, "delete", &json!({ "ids": ids })).await?;
        }
        Ok(())
    }

    /// Deletes by point ids in pages, because the quota limits the number of points per request.
    async fn remove_documents(&self, name: &str, of: &[WorkspaceDocumentId]) -> Result<()> {
        let points = self.quotas.points;
        loop {
            let body = json!({ "where": chosen("$in", of), "limit": points, "include": [] });
            let Some(page) = self.collections.ask(name, "get", &body).await? else {
                return Ok(());
            };
            let ids = self.numbers(&page["ids"])?;
            self.remove_chunks(name, &ids).await?;
            if ids.len() < points {
                return Ok(());
            }
        }
    }

    /// Parses the numeric ids of points. Ignores other ids.
    fn numbers(&self, ids: &Value) -> Result<Vec<ChunkId>> {
        let ids = ids.as_array().ok_or_else(|| self.rest().strange())?;
        let numbers = ids.iter().filter_map(|id| id.as_str()?.parse().ok());
        Ok(numbers.map(ChunkId).collect())
    }
}

#[async_trait]
impl Store for Chroma {
    fn name(&self) -> &'static str {
        self.rest().names.service
    }

    fn limits(&self) -> Limits {
        self.quotas.limits
    }

    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>> {
        let mut watermarks = Vec::new();
        for offset in (0..).step_by(self.quotas.points) {
            let body =
                json!({ "limit": self.quotas.points, "offset": offset, "include": ["metadatas"] });
            let Some(page) = self.collections.ask(&self.marks_name(), "get", &body).await? else {
                // Without the collection there are no watermarks. The probe tells the caller
                // whether Chroma answers.
                return self.collections.probe().await.map(|()| watermarks);
            };
            let ids = self.numbers(&page["ids"])?;
            let read = ids.len();
            let metadatas = page["metadatas"].as_array().ok_or_else(|| self.rest().strange())?;
            watermarks.extend(ids.into_iter().zip(metadatas).filter_map(|(id, metadata)| {
                Some((WorkspaceId(i32::try_from(id.0).ok()?), watermark_of(metadata)?))
            }));
            if read < self.quotas.points {
                break;
            }
        }
        Ok(watermarks)
    }

    async fn watermark(&self, within: WorkspaceId) -> Result<Option<Watermark>> {
        let body = json!({ "ids": [within.0.to_string()], "include": ["metadatas"] });
        let found = self.collections.ask(&self.marks_name(), "get", &body).await?;
        Ok(found.and_then(|found| watermark_of(&found["metadatas"][0])))
    }

    async fn set_watermark(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()> {
        let body = json!({
            "ids": [within.0.to_string()],
            "embeddings": [[1.0]],
            "metadatas": [watermark_json(watermark)],
        });
        self.collections.post_to(&self.marks_name(), "upsert", &body).await
    }

    async fn put(&self, within: WorkspaceId, dimensions: usize, rows: &[VectorRow]) -> Result<()> {
        let most = self.quotas.dimensions;
        if dimensions > most {
            return Err(self.rest().will_not(format!(
                "it accepts vectors of at most {most} dimensions, and these have {dimensions}; \
                 choose another EMBEDDING_MODEL_PREF or VECTOR_DB"
            )));
        }
        let name = self.collection(within, dimensions);
        for rows in rows.chunks(self.quotas.points) {
            let points = Points {
                ids: rows.iter().map(|row| row.chunk.0.to_string()).collect(),
                embeddings: rows.iter().map(|row| &*row.vector).collect(),
                metadatas: rows.iter().map(|row| Place { document: row.document.0 }).collect(),
            };
            self.collections.post_to(&name, "upsert", &points).await?;
        }
        Ok(())
    }

    async fn remove(
        &self,
        within: WorkspaceId,
        of: &Dimensions,
        tombstones: Tombstones<'_>,
    ) -> Result<()> {
        for dimensions in of {
            let name = self.collection(within, *dimensions);
            match tombstones {
                Tombstones::Documents(documents) => {
                    for some in documents.chunks(self.quotas.limits.documents) {
                        self.remove_documents(&name, some).await?;
                    }
                }
                Tombstones::Chunks(chunks) => self.remove_chunks(&name, chunks).await?,
            }
        }
        Ok(())
    }

    async fn clear(&self, within: WorkspaceId, of: &Dimensions) -> Result<()> {
        for dimensions in of {
            let name = self.collection(within, *dimensions);
            self.collections.delete(&name).await?;
        }
        let body = json!({ "ids": [within.0.to_string()] });
        self.collections.ask(&self.marks_name(), "delete", &body).await.map(drop)
    }

    async fn count(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64> {
        let mut all = 0;
        for dimensions in of {
            let name = self.collection(within, *dimensions);
            if let Some(count) = self.collections.count(&name).await? {
                all += count.as_u64().ok_or_else(|| self.rest().strange())?;
            }
        }
        Ok(all)
    }

    async fn chunks(&self, within: WorkspaceId, of: &Dimensions) -> Result<Vec<ChunkId>> {
        let mut all = Vec::new();
        for dimensions in of {
            let name = self.collection(within, *dimensions);
            for offset in (0..).step_by(self.quotas.points) {
                let body = json!({ "limit": self.quotas.points, "offset": offset, "include": [] });
                let Some(page) = self.collections.ask(&name, "get", &body).await? else { break };
                let ids = self.numbers(&page["ids"])?;
                let is_last = ids.len() < self.quotas.points;
                all.extend(ids);
                if is_last {
                    break;
                }
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
        let chosen = match among {
            DocumentSelection::All => None,
            DocumentSelection::Only(documents) => Some(chosen("$in", documents)),
            DocumentSelection::Except(documents) => Some(chosen("$nin", documents)),
        };
        let query = Query { query_embeddings: [to], n_results: limit, include: [], chosen };
        let name = self.collection(within, to.len());
        match self.collections.ask(&name, "query", &query).await? {
            Some(found) => self.numbers(&found["ids"][0]),
            None => Ok(Vec::new()),
        }
    }
}

fn chosen(how: &str, documents: &[WorkspaceDocumentId]) -> Value {
    let ids: Vec<_> = documents.iter().map(|document| document.0).collect();
    json!({ "document": { how: ids } })
}
