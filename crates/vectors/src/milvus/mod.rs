//! Milvus and Zilliz Cloud, through version 2 of their REST API.
//!
//! A collection contains all vectors of one length and is named after the installation and the
//! length. Workspace and document are fields. Another collection contains the watermarks. All
//! collections use strong consistency, so a change is visible to every later request.
mod schema;

use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::vector::VectorRow;
use carrel_domain::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId, WorkspaceId};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::rest::Rest;
use crate::spans::{Span, Spans};
use crate::store::{
    Dimensions, Limits, Store, Tombstones, Watermark, watermark_json, watermark_of,
};

/// Maximum number of rows read at once. Milvus returns up to 16,384.
const PAGE: u64 = 10_000;
/// Maximum number of vectors sent at once, the limit of Zilliz Cloud.
const BATCH: usize = 100;
/// Allowed dimensions of vectors.
const DIMENSIONS: std::ops::RangeInclusive<usize> = 2..=32_768;
/// Pauses before retries when Milvus reports too many requests. It reports them in the body, not by
/// the HTTP status.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// Milvus error codes.
mod code {
    pub const RATE_LIMIT: i64 = 8;
    pub const NO_DATABASE: i64 = 800;
    pub const NO_COLLECTION: i64 = 100;
    pub const NOT_LOADED: i64 = 101;
    pub const UNAUTHENTICATED: i64 = 1800;
}

pub(crate) struct Milvus {
    rest: Rest,
    limits: Limits,
    /// Prefix of the names of all collections of this installation.
    prefix: String,
}

#[derive(Serialize)]
struct Upsert<'a> {
    #[serde(rename = "collectionName")]
    collection: &'a str,
    data: Vec<Row<'a>>,
}

#[derive(Serialize)]
struct Row<'a> {
    chunk: i64,
    workspace: i32,
    document: i64,
    vector: &'a [f32],
}

#[derive(Serialize)]
struct Search<'a> {
    #[serde(rename = "collectionName")]
    collection: &'a str,
    data: [&'a [f32]; 1],
    #[serde(rename = "annsField")]
    field: &'a str,
    filter: String,
    limit: usize,
    #[serde(rename = "outputFields")]
    output: [&'a str; 1],
}

impl Milvus {
    /// `installation` identifies the database whose vectors the store contains. `candidates` is the
    /// maximum number of neighbors per search.
    pub fn new(rest: Rest, candidates: usize, installation: &str) -> Self {
        // Without this header, 64-bit numbers are sent as text.
        let rest = rest.with_header("accept-type-allow-int64", "true");
        let limits = Limits { candidates, ..Limits::default() };
        Self { rest, limits, prefix: format!("carrel_{installation}") }
    }

    fn collection(&self, dimensions: usize) -> String {
        format!("{}_{dimensions}", self.prefix)
    }

    fn marks_name(&self) -> String {
        format!("{}_marks", self.prefix)
    }

    /// Returns the `data` of a response, or `None` if the collection does not exist.
    async fn ask(&self, verb: [&str; 2], body: &(impl Serialize + Sync)) -> Result<Option<Value>> {
        let path = ["v2", "vectordb", verb[0], verb[1]];
        for pause in PAUSES.into_iter().map(Some).chain([None]) {
            let answer = self.rest.post(&path, body).await?;
            let mut answer = answer.ok_or_else(|| self.unknown_version())?;
            let code = answer["code"].as_i64().ok_or_else(|| self.rest.strange())?;
            match (code, pause) {
                (0 | 200, _) => return Ok(Some(answer["data"].take())),
                (code::NO_COLLECTION, _) => return Ok(None),
                (code::RATE_LIMIT, Some(pause)) => sleep(pause).await,
                _ => return Err(self.failure(code, &answer)),
            }
        }
        Err(self.rest.strange())
    }

    fn unknown_version(&self) -> carrel_domain::Error {
        let setting = self.rest.names.address;
        self.rest.unavailable(format!("it is not Milvus 2.4 or later; check {setting}"))
    }

    fn failure(&self, code: i64, answer: &Value) -> carrel_domain::Error {
        let words = self.rest.for_display(answer["message"].as_str().unwrap_or_default());
        match code {
            code::UNAUTHENTICATED => self.rest.key_refused(),
            code::RATE_LIMIT => self.rest.unavailable("its rate limit is reached"),
            code::NO_DATABASE | code::NOT_LOADED => {
                self.rest.unavailable(format!("it answered {code}: {words}"))
            }
            _ => self.rest.will_not(format!("it answered {code}: {words}")),
        }
    }

    async fn upsert(
        &self,
        collection: &str,
        size: usize,
        body: &(impl Serialize + Sync),
    ) -> Result<()> {
        if self.ask(["entities", "upsert"], body).await?.is_none() {
            self.make(collection, size).await?;
            let stored = self.ask(["entities", "upsert"], body).await?;
            stored.ok_or_else(|| self.rest.unavailable("its collections vanish"))?;
        }
        Ok(())
    }

    /// Creates a collection. Also succeeds if another process created it first.
    async fn make(&self, collection: &str, size: usize) -> Result<()> {
        let body = match collection == self.marks_name() {
            true => schema::of_watermarks(collection),
            false => schema::of_vectors(collection, size),
        };
        let created = self.ask(["collections", "create"], &body).await;
        let named = json!({ "collectionName": collection });
        if created.is_err() && self.ask(["collections", "describe"], &named).await?.is_none() {
            created?;
        }
        Ok(())
    }

    /// Counts the rows of a collection that match a filter. Returns `None` if the collection does
    /// not exist.
    async fn count_of(&self, collection: &str, filter: &str) -> Result<Option<u64>> {
        let body = json!({
            "collectionName": collection,
            "filter": filter,
            "outputFields": ["count(*)"],
        });
        let Some(rows) = self.ask(["entities", "query"], &body).await? else { return Ok(None) };
        let counted = number(&rows[0]["count(*)"]).and_then(|counted| u64::try_from(counted).ok());
        counted.map(Some).ok_or_else(|| self.rest.strange())
    }

    /// Returns the rows of a collection, read in ranges of `key`.
    async fn rows(
        &self,
        collection: &str,
        key: &str,
        filter: &str,
        field: &str,
    ) -> Result<Vec<Value>> {
        let (mut all, mut spans) = (Vec::new(), Spans::all());
        while let Some(span) = spans.next() {
            let filter = both(filter, &inside(key, span));
            let Some(counted) = self.count_of(collection, &filter).await? else { return Ok(all) };
            if counted == 0 || (counted > PAGE && spans.cut(span)) {
                continue;
            }
            let body = json!({
                "collectionName": collection,
                "filter": filter,
                "limit": PAGE,
                "outputFields": [key, field],
            });
            match self.ask(["entities", "query"], &body).await? {
                Some(Value::Array(rows)) => all.extend(rows),
                Some(_) => return Err(self.rest.strange()),
                None => return Ok(all),
            }
        }
        Ok(all)
    }

    async fn delete(&self, collection: &str, filter: String) -> Result<()> {
        let body = json!({ "collectionName": collection, "filter": filter });
        self.ask(["entities", "delete"], &body).await.map(drop)
    }
}

#[async_trait]
impl Store for Milvus {
    fn name(&self) -> &'static str {
        self.rest.names.service
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>> {
        let rows = self.rows(&self.marks_name(), "workspace", "", "said").await?;
        let read = |row: Value| {
            let within = i32::try_from(number(&row["workspace"])?).ok()?;
            Some((WorkspaceId(within), read_mark(&row)?))
        };
        Ok(rows.into_iter().filter_map(read).collect())
    }

    async fn watermark(&self, within: WorkspaceId) -> Result<Option<Watermark>> {
        let body = json!({
            "collectionName": self.marks_name(),
            "filter": format!("workspace == {}", within.0),
            "limit": 1,
            "outputFields": ["said"],
        });
        let found = self.ask(["entities", "query"], &body).await?;
        Ok(found.and_then(|rows| read_mark(&rows[0])))
    }

    async fn set_watermark(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()> {
        let watermark_text = watermark_json(watermark).to_string();
        let row =
            json!({ "workspace": within.0, "said": watermark_text, "vector": schema::NOWHERE });
        let name = self.marks_name();
        let body = json!({ "collectionName": name, "data": [row] });
        self.upsert(&name, schema::NOWHERE.len(), &body).await
    }

    async fn put(&self, within: WorkspaceId, dimensions: usize, rows: &[VectorRow]) -> Result<()> {
        if !DIMENSIONS.contains(&dimensions) {
            let (least, most) = (DIMENSIONS.start(), DIMENSIONS.end());
            return Err(self.rest.will_not(format!(
                "it accepts vectors of {least} to {most} dimensions, and these have {dimensions}; \
                 choose another EMBEDDING_MODEL_PREF or VECTOR_DB"
            )));
        }
        let name = self.collection(dimensions);
        for rows in rows.chunks(BATCH) {
            let data = rows.iter().map(|row| Row {
                chunk: row.chunk.0,
                workspace: within.0,
                document: row.document.0,
                vector: &row.vector,
            });
            let body = Upsert { collection: &name, data: data.collect() };
            self.upsert(&name, dimensions, &body).await?;
        }
        Ok(())
    }

    async fn remove(
        &self,
        within: WorkspaceId,
        of: &Dimensions,
        tombstones: Tombstones<'_>,
    ) -> Result<()> {
        let filter = match tombstones {
            Tombstones::Documents(documents) => {
                selected(within, DocumentSelection::Only(documents))
            }
            Tombstones::Chunks(chunks) => {
                let chunks = chunks.iter().map(|chunk| chunk.0);
                both(&here(within), &format!("chunk in [{}]", listed(chunks)))
            }
        };
        for dimensions in of {
            self.delete(&self.collection(*dimensions), filter.clone()).await?;
        }
        Ok(())
    }

    async fn clear(&self, within: WorkspaceId, of: &Dimensions) -> Result<()> {
        for dimensions in of {
            self.delete(&self.collection(*dimensions), here(within)).await?;
        }
        self.delete(&self.marks_name(), here(within)).await
    }

    async fn count(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64> {
        let mut all = 0;
        for dimensions in of {
            let counted = self.count_of(&self.collection(*dimensions), &here(within)).await?;
            all += counted.unwrap_or_default();
        }
        Ok(all)
    }

    async fn chunks(&self, within: WorkspaceId, of: &Dimensions) -> Result<Vec<ChunkId>> {
        let mut all = Vec::new();
        for dimensions in of {
            let name = self.collection(*dimensions);
            let rows = self.rows(&name, "chunk", &here(within), "document").await?;
            all.extend(rows.iter().filter_map(|row| number(&row["chunk"]).map(ChunkId)));
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
        let collection = &*self.collection(to.len());
        let filter = selected(within, among);
        let (data, field, output) = ([to], "vector", ["chunk"]);
        let search = Search { collection, data, field, filter, limit, output };
        let Some(found) = self.ask(["entities", "search"], &search).await? else {
            return Ok(Vec::new());
        };
        let rows = found.as_array().ok_or_else(|| self.rest.strange())?;
        Ok(rows.iter().filter_map(|row| number(&row["chunk"]).map(ChunkId)).collect())
    }
}

/// Parses a 64-bit number, which some versions send as text.
fn number(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn read_mark(row: &Value) -> Option<Watermark> {
    watermark_of(&serde_json::from_str(row["said"].as_str()?).ok()?)
}

fn here(within: WorkspaceId) -> String {
    format!("workspace == {}", within.0)
}

fn inside(key: &str, (after, upto): Span) -> String {
    format!("{key} > {after} and {key} <= {upto}")
}

fn both(one: &str, other: &str) -> String {
    match one {
        "" => other.to_owned(),
        one => format!("{one} and {other}"),
    }
}

fn selected(within: WorkspaceId, among: DocumentSelection<&[WorkspaceDocumentId]>) -> String {
    let (operator, documents) = match among {
        DocumentSelection::All => return here(within),
        DocumentSelection::Only(documents) => ("in", documents),
        DocumentSelection::Except(documents) => ("not in", documents),
    };
    let documents = listed(documents.iter().map(|document| document.0));
    both(&here(within), &format!("document {operator} [{documents}]"))
}

fn listed(numbers: impl Iterator<Item = i64>) -> String {
    numbers.map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
}
