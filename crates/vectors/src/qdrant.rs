//! Qdrant, through its REST API (version 1.10 or later).
//!
//! A collection contains all vectors of one length and is named after the installation and the
//! length. Workspace and document are indexed payload fields, as Qdrant recommends for
//! multitenancy. Another collection contains the watermarks as payload of points.
use async_trait::async_trait;
use carrel_domain::vector::VectorRow;
use carrel_domain::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId, WorkspaceId};
use serde::Serialize;
use serde_json::{Value, json};

use crate::rest::Rest;
use crate::store::{Dimensions, Store, Tombstones, Watermark, watermark_json, watermark_of};

/// The number of points read per page.
const PAGE: usize = 5_000;

pub(crate) struct Qdrant {
    rest: Rest,
    /// Prefix of the names of all collections of this installation.
    prefix: String,
}

#[derive(Serialize)]
struct Points<'a> {
    points: Vec<Point<'a>>,
}

#[derive(Serialize)]
struct Point<'a> {
    id: i64,
    vector: &'a [f32],
    payload: Value,
}

#[derive(Serialize)]
struct Query<'a> {
    query: &'a [f32],
    filter: Value,
    limit: usize,
    with_payload: bool,
}

impl Qdrant {
    /// `installation` identifies the database whose vectors the store contains.
    pub fn new(rest: Rest, installation: &str) -> Self {
        Self { rest, prefix: format!("carrel_{installation}") }
    }

    fn collection(&self, dimensions: usize) -> String {
        format!("{}_{dimensions}", self.prefix)
    }

    fn marks_name(&self) -> String {
        format!("{}_marks", self.prefix)
    }

    /// Returns the `result` of a response, or `None` if the collection does not exist.
    async fn ask(
        &self,
        collection: &str,
        verb: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<Option<Value>> {
        let path = ["collections", collection, "points", verb];
        let answer = self.rest.post(&path, body).await?;
        Ok(answer.map(|mut answer| answer["result"].take()))
    }

    async fn put_points(
        &self,
        collection: &str,
        size: usize,
        points: Vec<Point<'_>>,
    ) -> Result<()> {
        let path = ["collections", collection, "points?wait=true"];
        let body = Points { points };
        if self.rest.put(&path, &body).await?.is_none() {
            self.make(collection, size).await?;
            let put = self.rest.put(&path, &body).await?;
            put.ok_or_else(|| self.rest.unavailable("its collections vanish"))?;
        }
        Ok(())
    }

    async fn make(&self, collection: &str, size: usize) -> Result<()> {
        let body = json!({ "vectors": { "size": size, "distance": "Cosine" } });
        let created = self.rest.put(&["collections", collection], &body).await;
        // Another process may have created it first.
        if created.is_err() && self.rest.get(&["collections", collection]).await?.is_none() {
            created?;
        }
        for field in ["workspace", "document"] {
            let body = json!({ "field_name": field, "field_schema": "integer" });
            self.rest.put(&["collections", collection, "index?wait=true"], &body).await?;
        }
        Ok(())
    }

    /// Returns all matching points, read in pages. Empty if the collection does not exist.
    async fn scroll(&self, collection: &str, filter: &Value, payload: bool) -> Result<Vec<Value>> {
        let (mut all, mut offset) = (Vec::new(), Value::Null);
        loop {
            let body = json!({
                "filter": filter,
                "limit": PAGE,
                "offset": offset,
                "with_payload": payload,
                "with_vector": false,
            });
            let Some(mut page) = self.ask(collection, "scroll", &body).await? else {
                return Ok(all);
            };
            let Value::Array(points) = page["points"].take() else {
                return Err(self.rest.strange());
            };
            all.extend(points);
            offset = page["next_page_offset"].take();
            if offset.is_null() {
                return Ok(all);
            }
        }
    }
}

#[async_trait]
impl Store for Qdrant {
    fn name(&self) -> &'static str {
        self.rest.names.service
    }

    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>> {
        // Fails if the server does not answer, even when there are no watermarks.
        let there = self.rest.get(&["collections"]).await?;
        there.filter(|there| there["result"].is_object()).ok_or_else(|| self.rest.strange())?;
        let points = self.scroll(&self.marks_name(), &json!({}), true).await?;
        let watermarks = points.iter().filter_map(|point| {
            let id = i32::try_from(point["id"].as_i64()?).ok()?;
            Some((WorkspaceId(id), watermark_of(&point["payload"])?))
        });
        Ok(watermarks.collect())
    }

    async fn watermark(&self, within: WorkspaceId) -> Result<Option<Watermark>> {
        let watermarks = self.marks_name();
        let path = ["collections", watermarks.as_str(), "points"];
        let body = json!({ "ids": [within.0], "with_payload": true });
        let found = self.rest.post(&path, &body).await?;
        Ok(found.and_then(|found| watermark_of(&found["result"][0]["payload"])))
    }

    async fn set_watermark(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()> {
        let point =
            Point { id: within.0.into(), vector: &[1.0], payload: watermark_json(watermark) };
        self.put_points(&self.marks_name(), 1, vec![point]).await
    }

    async fn put(&self, within: WorkspaceId, dimensions: usize, rows: &[VectorRow]) -> Result<()> {
        let points = rows.iter().map(|row| {
            let payload = json!({ "workspace": within.0, "document": row.document.0 });
            Point { id: row.chunk.0, vector: &row.vector, payload }
        });
        let points = points.collect();
        self.put_points(&self.collection(dimensions), dimensions, points).await
    }

    async fn remove(
        &self,
        within: WorkspaceId,
        of: &Dimensions,
        tombstones: Tombstones<'_>,
    ) -> Result<()> {
        let body = match tombstones {
            Tombstones::Documents(documents) => {
                json!({ "filter": filter(within, DocumentSelection::Only(documents)) })
            }
            Tombstones::Chunks(chunks) => {
                json!({ "points": chunks.iter().map(|chunk| chunk.0).collect::<Vec<_>>() })
            }
        };
        for dimensions in of {
            self.ask(&self.collection(*dimensions), "delete?wait=true", &body).await?;
        }
        Ok(())
    }

    async fn clear(&self, within: WorkspaceId, of: &Dimensions) -> Result<()> {
        let all = json!({ "filter": filter(within, DocumentSelection::All) });
        for dimensions in of {
            self.ask(&self.collection(*dimensions), "delete?wait=true", &all).await?;
        }
        let watermark = json!({ "points": [within.0] });
        self.ask(&self.marks_name(), "delete?wait=true", &watermark).await.map(drop)
    }

    async fn count(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64> {
        let body = json!({ "filter": filter(within, DocumentSelection::All), "exact": true });
        let mut all = 0;
        for dimensions in of {
            if let Some(count) = self.ask(&self.collection(*dimensions), "count", &body).await? {
                all += count["count"].as_u64().ok_or_else(|| self.rest.strange())?;
            }
        }
        Ok(all)
    }

    async fn chunks(&self, within: WorkspaceId, of: &Dimensions) -> Result<Vec<ChunkId>> {
        let mut all = Vec::new();
        for dimensions in of {
            let name = self.collection(*dimensions);
            let points = self.scroll(&name, &filter(within, DocumentSelection::All), false).await?;
            all.extend(points.iter().filter_map(|point| Some(ChunkId(point["id"].as_i64()?))));
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
        let filter = filter(within, among);
        let query = Query { query: to, filter, limit, with_payload: false };
        let Some(found) = self.ask(&self.collection(to.len()), "query", &query).await? else {
            return Ok(Vec::new());
        };
        let points = found["points"].as_array().ok_or_else(|| self.rest.strange())?;
        Ok(points.iter().filter_map(|point| Some(ChunkId(point["id"].as_i64()?))).collect())
    }
}

fn filter(within: WorkspaceId, among: DocumentSelection<&[WorkspaceDocumentId]>) -> Value {
    let here = json!({ "key": "workspace", "match": { "value": within.0 } });
    let any_of = |documents: &[WorkspaceDocumentId]| {
        let ids: Vec<_> = documents.iter().map(|document| document.0).collect();
        json!({ "key": "document", "match": { "any": ids } })
    };
    match among {
        DocumentSelection::All => json!({ "must": [here] }),
        DocumentSelection::Only(documents) => json!({ "must": [here, any_of(documents)] }),
        DocumentSelection::Except(documents) => {
            json!({ "must": [here], "must_not": [any_of(documents)] })
        }
    }
}
