//! Chroma, by the second version of its REST interface.
//!
//! A workspace has a collection for each length of its vectors, named after the database, the
//! workspace and the length. One more collection holds the watermarks, as metadata of points.
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use carrel_domain::vector::VectorRow;
use carrel_domain::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId, WorkspaceId};
use serde::Serialize;
use serde_json::{Value, json};

use crate::rest::Rest;
use crate::store::{Dimensions, Store, Tombstones, Watermark, said_of, watermark_of};

/// Points whose ids or watermarks are read at a time.
const PAGE: usize = 5_000;
/// How many ids of collections are remembered.
const MOST_IDS: usize = 10_000;

pub(crate) struct Chroma {
    rest: Rest,
    tenant: String,
    database: String,
    /// Comes before the names of all our collections.
    prefix: String,
    /// Ids of collections by name, as they were when they were last asked for.
    ids: Mutex<HashMap<String, String>>,
}

/// What is stored, column by column.
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
    /// `installation` is the name of the database whose vectors it is to hold.
    pub fn new(rest: Rest, tenant: &str, database: &str, installation: &str) -> Self {
        let prefix = format!("carrel-{installation}");
        let (tenant, database) = (tenant.to_owned(), database.to_owned());
        Self { rest, tenant, database, prefix, ids: Mutex::default() }
    }

    fn marks_name(&self) -> String {
        // As installations have it.
        format!("{}-marks", self.prefix)
    }

    fn collection(&self, within: WorkspaceId, dimensions: usize) -> String {
        format!("{}-{}-{dimensions}", self.prefix, within.0)
    }

    fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        let base =
            ["api", "v2", "tenants", &self.tenant, "databases", &self.database, "collections"];
        base.into_iter().chain(rest.iter().copied()).collect()
    }

    /// The id of a collection; with `make` there is one afterwards.
    async fn id(&self, name: &str, make: bool) -> Result<Option<String>> {
        if let Some(id) = self.ids.lock().unwrap_or_else(PoisonError::into_inner).get(name) {
            return Ok(Some(id.clone()));
        }
        let found = match make {
            true => {
                let space = json!({ "hnsw": { "space": "cosine" } });
                let body = json!({ "name": name, "get_or_create": true, "configuration": space });
                let made = self.rest.post(&self.path(&[]), &body).await?;
                Some(made.ok_or_else(|| self.no_database())?)
            }
            false => self.rest.get(&self.path(&[name])).await?,
        };
        let Some(found) = found else { return Ok(None) };
        let id = found["id"].as_str().ok_or_else(|| self.rest.strange())?.to_owned();
        let mut ids = self.ids.lock().unwrap_or_else(PoisonError::into_inner);
        if ids.len() >= MOST_IDS {
            ids.clear();
        }
        ids.insert(name.to_owned(), id.clone());
        Ok(Some(id))
    }

    fn no_database(&self) -> carrel_domain::Error {
        let (tenant, database) = (&self.tenant, &self.database);
        let setting = self.rest.names.address;
        self.rest.unavailable(format!(
            "it has no database {database} of tenant {tenant}, or is no Chroma of version 1 or \
             later; check {setting}"
        ))
    }

    /// Asks a collection something; `None` when there is no such collection.
    async fn ask(
        &self,
        name: &str,
        verb: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<Option<Value>> {
        self.try_twice(name, false, verb, Some(body)).await
    }

    /// Tells a collection something, which is made if need be.
    async fn tell(&self, name: &str, verb: &str, body: &(impl Serialize + Sync)) -> Result<()> {
        let told = self.try_twice(name, true, verb, Some(body)).await?;
        told.map(drop).ok_or_else(|| self.rest.unavailable("its collections vanish"))
    }

    /// Twice, because the id that is remembered may be that of a collection which was made anew.
    async fn try_twice(
        &self,
        name: &str,
        make: bool,
        verb: &str,
        body: Option<&(impl Serialize + Sync)>,
    ) -> Result<Option<Value>> {
        for _ in 0..2 {
            let Some(id) = self.id(name, make).await? else { return Ok(None) };
            let path = self.path(&[&id, verb]);
            let answer = match body {
                Some(body) => self.rest.post(&path, body).await?,
                None => self.rest.get(&path).await?,
            };
            if answer.is_some() {
                return Ok(answer);
            }
            self.ids.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
        }
        Ok(None)
    }

    /// Ids of a collection's points, each read as a number; those that are none are passed over.
    fn numbers(&self, ids: &Value) -> Result<Vec<ChunkId>> {
        let ids = ids.as_array().ok_or_else(|| self.rest.strange())?;
        let numbers = ids.iter().filter_map(|id| id.as_str()?.parse().ok());
        Ok(numbers.map(ChunkId).collect())
    }
}

#[async_trait]
impl Store for Chroma {
    fn name(&self) -> &'static str {
        self.rest.names.service
    }

    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>> {
        let mut watermarks = Vec::new();
        for offset in (0..).step_by(PAGE) {
            let body = json!({ "limit": PAGE, "offset": offset, "include": ["metadatas"] });
            let Some(page) = self.ask(&self.marks_name(), "get", &body).await? else {
                // There is nothing; whoever asks wants to know whether it answers at all.
                let any = self.rest.get(&self.path(&["?limit=1"])).await?;
                return any.map(|_| watermarks).ok_or_else(|| self.no_database());
            };
            let ids = self.numbers(&page["ids"])?;
            let read = ids.len();
            let said = page["metadatas"].as_array().ok_or_else(|| self.rest.strange())?;
            watermarks.extend(ids.into_iter().zip(said).filter_map(|(id, said)| {
                Some((WorkspaceId(i32::try_from(id.0).ok()?), watermark_of(said)?))
            }));
            if read < PAGE {
                break;
            }
        }
        Ok(watermarks)
    }

    async fn watermark(&self, within: WorkspaceId) -> Result<Option<Watermark>> {
        let body = json!({ "ids": [within.0.to_string()], "include": ["metadatas"] });
        let found = self.ask(&self.marks_name(), "get", &body).await?;
        Ok(found.and_then(|found| watermark_of(&found["metadatas"][0])))
    }

    async fn set_watermark(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()> {
        let body = json!({
            "ids": [within.0.to_string()],
            "embeddings": [[1.0]],
            "metadatas": [said_of(watermark)],
        });
        self.tell(&self.marks_name(), "upsert", &body).await
    }

    async fn put(&self, within: WorkspaceId, dimensions: usize, rows: &[VectorRow]) -> Result<()> {
        let points = Points {
            ids: rows.iter().map(|row| row.chunk.0.to_string()).collect(),
            embeddings: rows.iter().map(|row| &*row.vector).collect(),
            metadatas: rows.iter().map(|row| Place { document: row.document.0 }).collect(),
        };
        self.tell(&self.collection(within, dimensions), "upsert", &points).await
    }

    async fn remove(
        &self,
        within: WorkspaceId,
        of: &Dimensions,
        tombstones: Tombstones<'_>,
    ) -> Result<()> {
        let body = match tombstones {
            Tombstones::Documents(documents) => json!({ "where": chosen("$in", documents) }),
            Tombstones::Chunks(chunks) => {
                json!({ "ids": chunks.iter().map(|chunk| chunk.0.to_string()).collect::<Vec<_>>() })
            }
        };
        for dimensions in of {
            self.ask(&self.collection(within, *dimensions), "delete", &body).await?;
        }
        Ok(())
    }

    async fn clear(&self, within: WorkspaceId, of: &Dimensions) -> Result<()> {
        for dimensions in of {
            let name = self.collection(within, *dimensions);
            self.rest.delete(&self.path(&[&name])).await?;
            self.ids.lock().unwrap_or_else(PoisonError::into_inner).remove(&name);
        }
        let body = json!({ "ids": [within.0.to_string()] });
        self.ask(&self.marks_name(), "delete", &body).await.map(drop)
    }

    async fn count(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64> {
        let mut all = 0;
        for dimensions in of {
            let name = self.collection(within, *dimensions);
            if let Some(count) = self.try_twice(&name, false, "count", None::<&()>).await? {
                all += count.as_u64().ok_or_else(|| self.rest.strange())?;
            }
        }
        Ok(all)
    }

    async fn chunks(&self, within: WorkspaceId, of: &Dimensions) -> Result<Vec<ChunkId>> {
        let mut all = Vec::new();
        for dimensions in of {
            let name = self.collection(within, *dimensions);
            for offset in (0..).step_by(PAGE) {
                let body = json!({ "limit": PAGE, "offset": offset, "include": [] });
                let Some(page) = self.ask(&name, "get", &body).await? else { break };
                let ids = self.numbers(&page["ids"])?;
                let is_last = ids.len() < PAGE;
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
        match self.ask(&name, "query", &query).await? {
            Some(found) => self.numbers(&found["ids"][0]),
            None => Ok(Vec::new()),
        }
    }
}

fn chosen(how: &str, documents: &[WorkspaceDocumentId]) -> Value {
    let ids: Vec<_> = documents.iter().map(|document| document.0).collect();
    json!({ "document": { how: ids } })
}
