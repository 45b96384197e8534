//! Astra DB, through its JSON Data API.
//!
//! A collection contains all vectors of one length and is named after the installation and the
//! length. Workspace, document and chunk are indexed fields. Another collection contains the
//! watermarks, which are read only by id. Searches and counts see a change with a delay, so the
//! watermark advances only after they do.
mod commands;
mod recent;

use async_trait::async_trait;
use carrel_domain::vector::VectorRow;
use carrel_domain::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId, WorkspaceId};
use serde::Serialize;
use serde_json::{Value, json};

use crate::patience::Patience;
use crate::rest::Rest;
use crate::spans::{Span, Spans};
use crate::store::{
    Dimensions, Limits, Store, Tombstones, Watermark, unit, watermark_json, watermark_of,
};
use commands::Commands;
use recent::{Change, Recent};

/// Maximum number of documents per insert, and of values in a filter.
const BATCH: usize = 100;
/// Maximum dimensions of a vector.
const MAX_DIMENSIONS: usize = 4_096;
/// Limits of a search.
const LIMITS: Limits = Limits { candidates: 1_000, documents: BATCH };

pub(crate) struct Astra {
    commands: Commands,
    recent: Recent,
    /// Prefix of the names of all collections of this installation.
    prefix: String,
}

#[derive(Serialize)]
struct Document {
    #[serde(rename = "_id")]
    id: String,
    chunk: i64,
    workspace: i32,
    document: i64,
    #[serde(rename = "$vector")]
    vector: Vec<f32>,
}

impl Astra {
    /// `installation` identifies the database whose vectors the store contains.
    pub fn new(rest: Rest, installation: &str) -> Self {
        let prefix = format!("carrel_{installation}");
        Self { commands: Commands::new(rest), recent: Recent::default(), prefix }
    }

    fn collection(&self, dimensions: usize) -> String {
        format!("{}_{dimensions}", self.prefix)
    }

    fn marks_name(&self) -> String {
        format!("{}_marks", self.prefix)
    }

    fn rest(&self) -> &Rest {
        &self.commands.rest
    }

    /// Inserts documents and replaces existing ones with the same ids.
    async fn insert(&self, dimensions: usize, documents: &[Document]) -> Result<()> {
        let name = self.collection(dimensions);
        let options = json!({
            "vector": { "dimension": dimensions, "metric": "cosine" },
            "indexing": { "allow": ["workspace", "document", "chunk"] },
        });
        let body = json!({
            "insertMany": { "documents": documents, "options": { "ordered": false } },
        });
        if self.commands.send_command(&name, &options, &body).await?.is_whole {
            return Ok(());
        }
        // Some ids exist. Replacing documents requires deleting the old ones first.
        let ids: Vec<_> = documents.iter().map(|document| &document.id).collect();
        self.delete(&name, &json!({ "_id": { "$in": ids } })).await?;
        match self.commands.send_command(&name, &options, &body).await?.is_whole {
            true => Ok(()),
            false => Err(self.rest().will_not("it still has documents that were removed")),
        }
    }

    /// Deletes the documents that match a filter. Astra deletes one batch per request.
    async fn delete(&self, collection: &str, filter: &Value) -> Result<()> {
        let body = json!({ "deleteMany": { "filter": filter } });
        while let Some(answer) = self.commands.ask(collection, &body).await? {
            if answer.body["status"]["moreData"] != true {
                break;
            }
        }
        Ok(())
    }

    /// Counts the documents that match a filter. Returns `None` if there are more than Astra
    /// counts.
    async fn count_of(&self, collection: &str, filter: &Value) -> Result<Option<u64>> {
        let body = json!({ "countDocuments": { "filter": filter } });
        let Some(answer) = self.commands.ask(collection, &body).await? else { return Ok(Some(0)) };
        let status = &answer.body["status"];
        if status["moreData"] == true {
            return Ok(None);
        }
        status["count"].as_u64().map(Some).ok_or_else(|| self.rest().strange())
    }

    /// Returns the documents that match a filter, read in pages.
    async fn find(&self, collection: &str, filter: &Value, fields: &Value) -> Result<Vec<Value>> {
        let (mut all, mut state) = (Vec::new(), Value::Null);
        loop {
            let options = match &state {
                Value::Null => json!({}),
                state => json!({ "pageState": state }),
            };
            let find = json!({ "filter": filter, "projection": fields, "options": options });
            let body = json!({ "find": find });
            let Some(mut answer) = self.commands.ask(collection, &body).await? else {
                return Ok(all);
            };
            match answer.body["data"]["documents"].take() {
                Value::Array(documents) => all.extend(documents),
                _ => return Err(self.rest().strange()),
            }
            state = answer.body["data"]["nextPageState"].take();
            if state.is_null() {
                return Ok(all);
            }
        }
    }

    /// Waits until searches see the last change of this process to a workspace's vectors.
    async fn wait_for_last_change(&self, within: WorkspaceId, dimensions: usize) -> Result<()> {
        let place = (within, dimensions);
        let (name, mut patience) = (self.collection(dimensions), Patience::default());
        while let Some(change) = self.recent.last(place) {
            let (filter, expected) = match &change {
                Change::Stored(ids) => (json!({ "_id": { "$in": ids } }), ids.len() as u64),
                Change::Removed(filter) => (filter.clone(), 0),
            };
            if self.count_of(&name, &filter).await? == Some(expected) {
                self.recent.is_seen(place, &change);
            } else if !patience.wait().await {
                // Another process may have changed the documents since. The next call starts over.
                self.recent.is_seen(place, &change);
                let reason = "it does not show a change of a minute ago";
                return Err(self.rest().will_not(reason));
            }
        }
        Ok(())
    }

    async fn delete_matching(
        &self,
        within: WorkspaceId,
        dimensions: usize,
        filter: Value,
    ) -> Result<()> {
        self.delete(&self.collection(dimensions), &filter).await?;
        self.recent.record((within, dimensions), Change::Removed(filter));
        Ok(())
    }
}

#[async_trait]
impl Store for Astra {
    fn name(&self) -> &'static str {
        self.rest().names.service
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn wait_until_visible(&self, within: WorkspaceId, of: &Dimensions) -> Result<()> {
        for dimensions in of {
            self.wait_for_last_change(within, *dimensions).await?;
        }
        Ok(())
    }

    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>> {
        let fields = json!({ "said": 1 });
        let documents = self.find(&self.marks_name(), &json!({}), &fields).await?;
        let read = |document: &Value| {
            Some((WorkspaceId(document["_id"].as_str()?.parse().ok()?), read_mark(document)?))
        };
        Ok(documents.iter().filter_map(read).collect())
    }

    async fn watermark(&self, within: WorkspaceId) -> Result<Option<Watermark>> {
        let filter = json!({ "_id": within.0.to_string() });
        let body = json!({ "findOne": { "filter": filter } });
        let found = self.commands.ask(&self.marks_name(), &body).await?;
        Ok(found.and_then(|found| read_mark(&found.body["data"]["document"])))
    }

    async fn set_watermark(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()> {
        let id = within.0.to_string();
        let watermark_text = watermark_json(watermark).to_string();
        let options = json!({ "indexing": { "deny": ["*"] } });
        let body = json!({ "findOneAndReplace": {
            "filter": { "_id": id },
            "replacement": { "_id": id, "said": watermark_text },
            "options": { "upsert": true },
        } });
        self.commands.send_command(&self.marks_name(), &options, &body).await.map(drop)
    }

    async fn put(&self, within: WorkspaceId, dimensions: usize, rows: &[VectorRow]) -> Result<()> {
        if dimensions > MAX_DIMENSIONS {
            return Err(self.rest().will_not(format!(
                "it accepts vectors of at most {MAX_DIMENSIONS} dimensions, and these have \
                 {dimensions}; choose another EMBEDDING_MODEL_PREF or VECTOR_DB"
            )));
        }
        for rows in rows.chunks(BATCH) {
            let documents: Vec<_> = rows.iter().map(|row| document_of(within, row)).collect();
            self.insert(dimensions, &documents).await?;
            let ids = documents.into_iter().map(|document| document.id).collect();
            self.recent.record((within, dimensions), Change::Stored(ids));
        }
        Ok(())
    }

    async fn remove(
        &self,
        within: WorkspaceId,
        of: &Dimensions,
        tombstones: Tombstones<'_>,
    ) -> Result<()> {
        let (field, ids) = tombstones.field();
        for dimensions in of {
            for some in ids.chunks(BATCH) {
                let filter = json!({ "workspace": within.0, field: { "$in": some } });
                self.delete_matching(within, *dimensions, filter).await?;
            }
        }
        Ok(())
    }

    async fn clear(&self, within: WorkspaceId, of: &Dimensions) -> Result<()> {
        for dimensions in of {
            self.delete_matching(within, *dimensions, json!({ "workspace": within.0 })).await?;
        }
        self.wait_until_visible(within, of).await?;
        let filter = json!({ "_id": within.0.to_string() });
        self.delete(&self.marks_name(), &filter).await
    }

    async fn count(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64> {
        self.wait_until_visible(within, of).await?;
        let mut all = 0;
        for dimensions in of {
            let (name, mut spans) = (self.collection(*dimensions), Spans::all());
            while let Some(span) = spans.next() {
                match self.count_of(&name, &inside(within, span)).await? {
                    Some(counted) => all += counted,
                    None if spans.cut(span) => {}
                    None => return Err(self.rest().strange()),
                }
            }
        }
        Ok(all)
    }

    async fn chunks(&self, within: WorkspaceId, of: &Dimensions) -> Result<Vec<ChunkId>> {
        self.wait_until_visible(within, of).await?;
        let mut all = Vec::new();
        for dimensions in of {
            let filter = json!({ "workspace": within.0 });
            let fields = json!({ "chunk": 1 });
            let found = self.find(&self.collection(*dimensions), &filter, &fields).await?;
            all.extend(found.iter().filter_map(|each| each["chunk"].as_i64().map(ChunkId)));
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
        let ids = |documents: &[WorkspaceDocumentId]| -> Vec<_> {
            documents.iter().map(|document| document.0).collect()
        };
        let filter = match among {
            DocumentSelection::All => json!({ "workspace": within.0 }),
            DocumentSelection::Only(documents) => {
                json!({ "workspace": within.0, "document": { "$in": ids(documents) } })
            }
            DocumentSelection::Except(documents) => {
                json!({ "workspace": within.0, "document": { "$nin": ids(documents) } })
            }
        };
        let body = json!({ "find": {
            "filter": filter,
            "sort": { "$vector": to },
            "projection": { "chunk": 1 },
            "options": { "limit": limit },
        } });
        let Some(found) = self.commands.ask(&self.collection(to.len()), &body).await? else {
            return Ok(Vec::new());
        };
        let documents = found.body["data"]["documents"].as_array();
        let documents = documents.ok_or_else(|| self.rest().strange())?;
        Ok(documents.iter().filter_map(|each| each["chunk"].as_i64().map(ChunkId)).collect())
    }
}

fn document_of(within: WorkspaceId, row: &VectorRow) -> Document {
    // Astra refuses zero vectors, so they are replaced by an arbitrary unit vector.
    let vector = match row.vector.iter().all(|value| *value == 0.0) {
        true => unit(row.vector.len()),
        false => row.vector.clone(),
    };
    let (chunk, document) = (row.chunk.0, row.document.0);
    Document { id: chunk.to_string(), chunk, workspace: within.0, document, vector }
}

fn inside(within: WorkspaceId, (after, upto): Span) -> Value {
    match (after, upto) {
        (0, i64::MAX) => json!({ "workspace": within.0 }),
        (after, i64::MAX) => json!({ "workspace": within.0, "chunk": { "$gt": after } }),
        (after, upto) => json!({ "workspace": within.0, "chunk": { "$gt": after, "$lte": upto } }),
    }
}

fn read_mark(document: &Value) -> Option<Watermark> {
    watermark_of(&serde_json::from_str(document["said"].as_str()?).ok()?)
}
