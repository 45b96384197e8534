//! Pinecone: a serverless index created by the operator, through the REST API of October 2025.
//!
//! A namespace contains a workspace's vectors of one length. Another namespace contains the
//! watermarks as metadata of records. An index has a fixed dimension; shorter vectors are padded
//! with zeros, which preserves the angles between them.
//!
//! Pinecone shows a change some time after it has acknowledged it. Each change has a number, and
//! each query response contains the number of the last visible change. Reads wait for the last
//! change of this process.
mod index;
mod pending;

use async_trait::async_trait;
use carrel_domain::vector::VectorRow;
use carrel_domain::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId, WorkspaceId};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use crate::patience::Patience;
use crate::rest::{Answer, Rest};
use crate::store::{
    Dimensions, Store, Tombstones, Watermark, is_refusal, unit, watermark_json, watermark_of,
};
use index::{Index, Indexes};
use pending::{Change, Pending};

/// Number of ids read at once.
const PAGE: &str = "100";
/// Maximum number of records read or stored at once.
const RECORDS: usize = 500;
/// Maximum number of vector values sent at once. As text, they stay below Pinecone's limit of 2 MB.
const VALUES: usize = 120_000;

pub(crate) struct Pinecone {
    indexes: Indexes,
    pending: Pending,
    /// Prefix of the names of all namespaces of this installation.
    prefix: String,
}

#[derive(Serialize)]
struct Upsert<'a> {
    namespace: &'a str,
    vectors: Vec<Record>,
}

#[derive(Serialize)]
struct Record {
    id: String,
    values: Vec<f32>,
    metadata: Value,
}

#[derive(Serialize)]
struct Query<'a> {
    namespace: &'a str,
    vector: Vec<f32>,
    #[serde(rename = "topK")]
    limit: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    filter: Option<Value>,
    #[serde(rename = "includeValues")]
    with_values: bool,
    #[serde(rename = "includeMetadata")]
    with_metadata: bool,
}

impl Pinecone {
    /// `rest` sends requests to the control plane, and `name` is the name of the index.
    /// `installation` identifies the database whose vectors it will contain.
    pub fn new(rest: Rest, name: &str, installation: &str) -> Self {
        let indexes = Indexes::new(rest.with_header("x-pinecone-api-version", "2025-10"), name);
        Self { indexes, pending: Pending::default(), prefix: format!("carrel-{installation}") }
    }

    fn namespace(&self, within: WorkspaceId, dimensions: usize) -> String {
        format!("{}-{}-{dimensions}", self.prefix, within.0)
    }

    fn marks_name(&self) -> String {
        format!("{}-marks", self.prefix)
    }

    fn rest(&self) -> &Rest {
        &self.indexes.rest
    }

    /// Sends a request to the index. Returns `None` if the namespace does not exist.
    async fn ask(
        &self,
        method: Method,
        path: &[&str],
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<Option<Answer>> {
        let index = self.indexes.found().await?;
        let answer = index.rest.exchange(method, path, body).await;
        if answer.as_ref().is_err_and(|error| !is_refusal(error)) {
            // The index may have been recreated at another address.
            self.indexes.forget();
        }
        answer
    }

    /// Changes a namespace and records the change to wait for.
    async fn change(
        &self,
        namespace: &str,
        verb: &str,
        change: Change,
        body: &(impl Serialize + Sync),
    ) -> Result<()> {
        let answer = self.ask(Method::POST, &["vectors", verb], Some(body)).await?;
        if let Some(number) = answer.as_ref().and_then(pending::written) {
            self.pending.record(namespace, number, change);
        }
        Ok(())
    }

    async fn query(&self, query: &Query<'_>) -> Result<Option<Answer>> {
        self.ask(Method::POST, &["query"], Some(query)).await
    }

    /// Waits until reads see the changes of this process in a namespace.
    async fn wait_for_last_change(&self, namespace: &str) -> Result<()> {
        let mut patience = Patience::default();
        while let Some((number, change)) = self.pending.last(namespace) {
            let vector = unit(self.indexes.found().await?.dimension);
            let (limit, filter) = (1, None);
            let (with_values, with_metadata) = (false, false);
            let query = Query { namespace, vector, limit, filter, with_values, with_metadata };
            let seen_number = self.query(&query).await?.as_ref().and_then(pending::last_seen);
            if seen_number.map_or(change == Change::Removal, |number_seen| number_seen >= number) {
                self.pending.is_seen(namespace, number);
            } else if !patience.wait().await {
                let reason = "it does not show a change of a minute ago";
                return Err(self.rest().will_not(reason));
            }
        }
        Ok(())
    }

    /// Returns the ids in a namespace.
    async fn ids(&self, namespace: &str) -> Result<Vec<String>> {
        self.wait_for_last_change(namespace).await?;
        let (mut ids, mut token) = (Vec::new(), None::<String>);
        loop {
            let page = token.iter().map(|token| ("paginationToken", token.as_str()));
            let named = [("namespace", namespace), ("limit", PAGE)];
            let last = with_query("list", named.into_iter().chain(page));
            let Some(page) = self.ask(Method::GET, &["vectors", &last], None::<&()>).await? else {
                return Ok(ids);
            };
            let records = page.body["vectors"].as_array().map(Vec::as_slice).unwrap_or_default();
            ids.extend(records.iter().filter_map(|record| Some(record["id"].as_str()?.to_owned())));
            token = page.body["pagination"]["next"].as_str().map(str::to_owned);
            if token.is_none() {
                return Ok(ids);
            }
        }
    }

    /// Returns watermarks by the ids of their records.
    async fn marks(&self, ids: &[String]) -> Result<Vec<(WorkspaceId, Watermark)>> {
        let (mut marks, namespace) = (Vec::new(), self.marks_name());
        for some in ids.chunks(PAGE.parse().unwrap_or(1)) {
            let named = some.iter().map(|id| ("ids", id.as_str()));
            let last = with_query("fetch", [("namespace", &*namespace)].into_iter().chain(named));
            let Some(found) = self.ask(Method::GET, &["vectors", &last], None::<&()>).await? else {
                break;
            };
            let read = |(id, record): (&String, &Value)| {
                let watermark = serde_json::from_str(record["metadata"]["said"].as_str()?).ok()?;
                Some((WorkspaceId(id.parse().ok()?), watermark_of(&watermark)?))
            };
            let records = found.body["vectors"].as_object();
            marks.extend(records.into_iter().flatten().filter_map(read));
        }
        Ok(marks)
    }

    /// Pads a vector to the dimension of the index.
    fn fitted(&self, index: &Index, vector: &[f32]) -> Result<Vec<f32>> {
        let (takes, name) = (index.dimension, &self.indexes.name);
        if vector.len() > takes {
            let has = vector.len();
            return Err(self.rest().will_not(format!(
                "its index {name} accepts vectors of at most {takes} dimensions, and those of this \
                 workspace have {has}; name an index of {has} dimensions in PINECONE_INDEX"
            )));
        }
        // Pinecone refuses zero vectors, so they are replaced by an arbitrary unit vector.
        let mut fitted = match vector.iter().all(|value| *value == 0.0) {
            true => unit(takes),
            false => vector.to_vec(),
        };
        fitted.resize(takes, 0.0);
        Ok(fitted)
    }
}

#[async_trait]
impl Store for Pinecone {
    fn name(&self) -> &'static str {
        self.rest().names.service
    }

    async fn wait_until_visible(&self, within: WorkspaceId, of: &Dimensions) -> Result<()> {
        for dimensions in of {
            self.wait_for_last_change(&self.namespace(within, *dimensions)).await?;
        }
        Ok(())
    }

    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>> {
        let ids = self.ids(&self.marks_name()).await?;
        self.marks(&ids).await
    }

    async fn watermark(&self, within: WorkspaceId) -> Result<Option<Watermark>> {
        self.wait_for_last_change(&self.marks_name()).await?;
        let found = self.marks(&[within.0.to_string()]).await?;
        Ok(found.into_iter().next().map(|(_, watermark)| watermark))
    }

    async fn set_watermark(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()> {
        let namespace = &*self.marks_name();
        let metadata = json!({ "said": watermark_json(watermark).to_string() });
        let values = unit(self.indexes.found().await?.dimension);
        let vectors = vec![Record { id: within.0.to_string(), values, metadata }];
        let body = Upsert { namespace, vectors };
        self.change(namespace, "upsert", Change::Addition, &body).await
    }

    async fn put(&self, within: WorkspaceId, dimensions: usize, rows: &[VectorRow]) -> Result<()> {
        let index = self.indexes.found().await?;
        let namespace = &*self.namespace(within, dimensions);
        for rows in rows.chunks((VALUES / index.dimension).clamp(1, RECORDS)) {
            let record = |row: &VectorRow| {
                let metadata = json!({ "document": row.document.0 });
                let values = self.fitted(&index, &row.vector)?;
                Ok(Record { id: row.chunk.0.to_string(), values, metadata })
            };
            let vectors = rows.iter().map(record).collect::<Result<_>>()?;
            let body = Upsert { namespace, vectors };
            self.change(namespace, "upsert", Change::Addition, &body).await?;
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
            let namespace = &*self.namespace(within, *dimensions);
            let body = match tombstones {
                Tombstones::Documents(documents) => {
                    json!({ "namespace": namespace, "filter": chosen("$in", documents) })
                }
                Tombstones::Chunks(chunks) => {
                    let ids: Vec<_> = chunks.iter().map(|chunk| chunk.0.to_string()).collect();
                    json!({ "namespace": namespace, "ids": ids })
                }
            };
            self.change(namespace, "delete", Change::Removal, &body).await?;
        }
        Ok(())
    }

    async fn clear(&self, within: WorkspaceId, of: &Dimensions) -> Result<()> {
        for dimensions in of {
            let namespace = &*self.namespace(within, *dimensions);
            let body = json!({ "namespace": namespace, "deleteAll": true });
            self.change(namespace, "delete", Change::Removal, &body).await?;
        }
        self.wait_until_visible(within, of).await?;
        let namespace = &*self.marks_name();
        let body = json!({ "namespace": namespace, "ids": [within.0.to_string()] });
        self.change(namespace, "delete", Change::Removal, &body).await
    }

    /// Returns Pinecone's count. It may lag behind; the chunks are then compared one by one.
    async fn count(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64> {
        let mut all = 0;
        for dimensions in of {
            let namespace = self.namespace(within, *dimensions);
            self.wait_for_last_change(&namespace).await?;
            let path = ["namespaces", &namespace];
            if let Some(answer) = self.ask(Method::GET, &path, None::<&()>).await? {
                let counted = &answer.body["record_count"];
                let counted = counted.as_u64().or_else(|| counted.as_str()?.parse().ok());
                all += counted.ok_or_else(|| self.rest().strange())?;
            }
        }
        Ok(all)
    }

    async fn chunks(&self, within: WorkspaceId, of: &Dimensions) -> Result<Vec<ChunkId>> {
        let mut all = Vec::new();
        for dimensions in of {
            let ids = self.ids(&self.namespace(within, *dimensions)).await?;
            all.extend(ids.iter().filter_map(|id| id.parse().ok().map(ChunkId)));
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
        let namespace = &*self.namespace(within, to.len());
        let vector = self.fitted(&*self.indexes.found().await?, to)?;
        let filter = match among {
            DocumentSelection::All => None,
            DocumentSelection::Only(documents) => Some(chosen("$in", documents)),
            DocumentSelection::Except(documents) => Some(chosen("$nin", documents)),
        };
        let (with_values, with_metadata) = (false, false);
        let query = Query { namespace, vector, limit, filter, with_values, with_metadata };
        let Some(found) = self.query(&query).await? else { return Ok(Vec::new()) };
        let matches = found.body["matches"].as_array().ok_or_else(|| self.rest().strange())?;
        Ok(matches.iter().filter_map(|hit| hit["id"].as_str()?.parse().ok().map(ChunkId)).collect())
    }
}

/// Returns the last segment of a path with a query.
fn with_query<'a>(part: &str, pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    format!("{part}?{query}")
}

fn chosen(how: &str, documents: &[WorkspaceDocumentId]) -> Value {
    let ids: Vec<_> = documents.iter().map(|document| document.0).collect();
    json!({ "document": { how: ids } })
}
