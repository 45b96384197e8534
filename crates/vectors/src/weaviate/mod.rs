//! Weaviate, self-hosted or in its cloud, through its REST and GraphQL APIs (version 1.24 or
//! later).
//!
//! A collection contains all vectors of one length and is named after the installation and the
//! length. Workspace and document are properties. Another collection contains the watermarks as
//! text.
mod graphql;

use async_trait::async_trait;
use carrel_domain::vector::VectorRow;
use carrel_domain::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId, WorkspaceId};
use reqwest::Method;
use serde::Serialize;
use serde_json::{Value, json};

use crate::rest::Rest;
use crate::store::{
    Dimensions, Limits, Store, Tombstones, Watermark, watermark_json, watermark_of,
};
use graphql::{all_of, compare, filter_text, one_of};

/// Objects read at once. Weaviate returns up to 10,000.
const PAGE: usize = 5_000;
/// Watermarks read at once.
const MARKS: usize = 100;
/// Maximum number of objects stored at once.
const BATCH: usize = 100;
/// Maximum dimensions of a vector.
const MAX_DIMENSIONS: usize = 65_535;
/// Limits of a search. Each excluded document is a separate comparison.
const LIMITS: Limits = Limits { candidates: 5_000, documents: 200 };

pub(crate) struct Weaviate {
    rest: Rest,
    /// Prefix of the names of all collections of this installation.
    prefix: String,
}

#[derive(Serialize)]
struct Batch<'a> {
    objects: Vec<Object<'a>>,
}

#[derive(Serialize)]
struct Object<'a> {
    class: &'a str,
    id: String,
    properties: Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    vector: Option<&'a [f32]>,
}

impl Weaviate {
    /// `installation` identifies the database whose vectors the store contains.
    pub fn new(rest: Rest, installation: &str) -> Self {
        // Weaviate requires names to begin with a capital letter.
        Self { rest, prefix: format!("Carrel_{installation}") }
    }

    fn collection(&self, dimensions: usize) -> String {
        format!("{}_{dimensions}", self.prefix)
    }

    fn marks_name(&self) -> String {
        format!("{}_marks", self.prefix)
    }

    async fn is_there(&self, collection: &str) -> Result<bool> {
        Ok(self.rest.get(&["v1", "schema", collection]).await?.is_some())
    }

    /// Creates a collection unless it exists. Weaviate would otherwise create it on first use, with
    /// guessed property types.
    async fn make(&self, collection: &str) -> Result<()> {
        if self.is_there(collection).await? {
            return Ok(());
        }
        let property = |(name, kind): &(&str, &str)| json!({ "name": name, "dataType": [kind] });
        let is_of_marks = collection == self.marks_name();
        let (properties, index): (&[_], _) = match is_of_marks {
            true => (&[("said", "text")], json!({ "skip": true })),
            false => (
                &[("workspace", "int"), ("document", "int"), ("chunk", "int")],
                json!({ "distance": "cosine" }),
            ),
        };
        let body = json!({
            "class": collection,
            "vectorizer": "none",
            "vectorIndexConfig": index,
            "properties": properties.iter().map(property).collect::<Vec<_>>(),
        });
        let created = self.rest.post(&["v1", "schema"], &body).await;
        // Another process may have created it first.
        if created.is_err() && !self.is_there(collection).await? {
            created?;
        }
        Ok(())
    }

    async fn store(&self, batch: &Batch<'_>) -> Result<()> {
        let Some(stored) = self.rest.post(&["v1", "batch", "objects"], batch).await? else {
            return Err(self.unknown_server());
        };
        let objects = stored.as_array().ok_or_else(|| self.rest.strange())?;
        let failed = objects.iter().find(|object| object["result"]["status"] == "FAILED");
        match failed {
            None => Ok(()),
            Some(object) => {
                let message =
                    object.pointer("/result/errors/error/0/message").and_then(Value::as_str);
                let message = self.rest.for_display(message.unwrap_or_default());
                Err(self.rest.will_not(format!("it does not store an object: {message}")))
            }
        }
    }

    fn unknown_server(&self) -> carrel_domain::Error {
        let setting = self.rest.names.address;
        self.rest.unavailable(format!("it is not Weaviate; check {setting}"))
    }

    /// Sends a query about a collection and returns the value at `path`, or `None` if the
    /// collection does not exist.
    async fn ask(
        &self,
        collection: &str,
        question: String,
        path: [&str; 2],
    ) -> Result<Option<Value>> {
        let body = json!({ "query": question });
        let answer = self.rest.post(&["v1", "graphql"], &body).await?;
        let mut answer = answer.ok_or_else(|| self.unknown_server())?;
        if let Some(message) = answer.pointer("/errors/0/message").and_then(Value::as_str) {
            if !self.is_there(collection).await? {
                return Ok(None);
            }
            let shown_message = self.rest.for_display(message);
            return Err(self.rest.will_not(format!("it answered: {shown_message}")));
        }
        Ok(Some(answer["data"][path[0]][path[1]].take()))
    }

    /// Returns the chunks of the objects that match the arguments.
    async fn get(&self, collection: &str, arguments: &str) -> Result<Vec<i64>> {
        let question = format!("{{ Get {{ {collection}({arguments}) {{ chunk }} }} }}");
        let Some(found) = self.ask(collection, question, ["Get", collection]).await? else {
            return Ok(Vec::new());
        };
        let objects = found.as_array().ok_or_else(|| self.rest.strange())?;
        Ok(objects.iter().filter_map(|object| object["chunk"].as_i64()).collect())
    }

    /// Deletes the objects that match a filter. Weaviate deletes one batch per request.
    async fn delete(&self, collection: &str, filter: &Value) -> Result<()> {
        if !self.is_there(collection).await? {
            return Ok(());
        }
        let body = json!({
            "match": { "class": collection, "where": filter },
            "output": "minimal",
        });
        loop {
            let path = ["v1", "batch", "objects"];
            let Some(done) = self.rest.ask(Method::DELETE, &path, Some(&body)).await? else {
                return Ok(());
            };
            let number = |name: &str| done["results"][name].as_u64();
            let (Some(matches), Some(limit)) = (number("matches"), number("limit")) else {
                return Err(self.rest.strange());
            };
            if number("failed").is_some_and(|failed| failed > 0) {
                return Err(self.rest.will_not("it does not remove an object"));
            }
            if matches < limit {
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl Store for Weaviate {
    fn name(&self) -> &'static str {
        self.rest.names.service
    }

    fn limits(&self) -> Limits {
        LIMITS
    }

    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>> {
        let collection = self.marks_name();
        if !self.is_there(&collection).await? {
            // Fails if the server does not answer, even when there are no watermarks.
            let meta = self.rest.get(&["v1", "meta"]).await?;
            return meta.map(|_| Vec::new()).ok_or_else(|| self.unknown_server());
        }
        let (mut watermarks, mut after) = (Vec::new(), String::new());
        loop {
            // Only unfiltered lists support paging by id.
            let last = format!("objects?class={collection}&limit={MARKS}&after={after}");
            let Some(page) = self.rest.get(&["v1", &last]).await? else { return Ok(watermarks) };
            let objects = page["objects"].as_array().ok_or_else(|| self.rest.strange())?;
            watermarks.extend(objects.iter().filter_map(read_mark));
            match objects.last().and_then(|object| object["id"].as_str()) {
                Some(id) if objects.len() == MARKS => id.clone_into(&mut after),
                _ => return Ok(watermarks),
            }
        }
    }

    async fn watermark(&self, within: WorkspaceId) -> Result<Option<Watermark>> {
        let (collection, id) = (self.marks_name(), id_of(within.0.into()));
        let found = self.rest.get(&["v1", "objects", &collection, &id]).await?;
        Ok(found.as_ref().and_then(read_mark).map(|(_, watermark)| watermark))
    }

    async fn set_watermark(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()> {
        let class = &*self.marks_name();
        self.make(class).await?;
        let properties = json!({ "said": watermark_json(watermark).to_string() });
        let id = id_of(within.0.into());
        self.store(&Batch { objects: vec![Object { class, id, properties, vector: None }] }).await
    }

    async fn put(&self, within: WorkspaceId, dimensions: usize, rows: &[VectorRow]) -> Result<()> {
        if dimensions > MAX_DIMENSIONS {
            return Err(self.rest.will_not(format!(
                "it accepts vectors of at most {MAX_DIMENSIONS} dimensions, and these have \
                 {dimensions}"
            )));
        }
        let class = &*self.collection(dimensions);
        self.make(class).await?;
        for rows in rows.chunks(BATCH) {
            let objects = rows.iter().map(|row| Object {
                class,
                id: id_of(row.chunk.0),
                properties: json!({
                    "workspace": within.0,
                    "document": row.document.0,
                    "chunk": row.chunk.0,
                }),
                vector: Some(&row.vector),
            });
            self.store(&Batch { objects: objects.collect() }).await?;
        }
        Ok(())
    }

    async fn remove(
        &self,
        within: WorkspaceId,
        of: &Dimensions,
        tombstones: Tombstones<'_>,
    ) -> Result<()> {
        let (property, ids) = tombstones.field();
        let filter = all_of(vec![here(within), one_of(property, &ids)]);
        for dimensions in of {
            self.delete(&self.collection(*dimensions), &filter).await?;
        }
        Ok(())
    }

    async fn clear(&self, within: WorkspaceId, of: &Dimensions) -> Result<()> {
        for dimensions in of {
            self.delete(&self.collection(*dimensions), &here(within)).await?;
        }
        let (collection, id) = (self.marks_name(), id_of(within.0.into()));
        self.rest.delete(&["v1", "objects", &collection, &id]).await.map(drop)
    }

    async fn count(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64> {
        let mut all = 0;
        for dimensions in of {
            let collection = &*self.collection(*dimensions);
            let filter = filter_text(&here(within));
            let question = format!(
                "{{ Aggregate {{ {collection}(where: {filter}) {{ meta {{ count }} }} }} }}"
            );
            if let Some(aggregate) =
                self.ask(collection, question, ["Aggregate", collection]).await?
            {
                let counted = aggregate[0]["meta"]["count"].as_u64();
                all += counted.ok_or_else(|| self.rest.strange())?;
            }
        }
        Ok(all)
    }

    async fn chunks(&self, within: WorkspaceId, of: &Dimensions) -> Result<Vec<ChunkId>> {
        let mut all = Vec::new();
        for dimensions in of {
            let collection = self.collection(*dimensions);
            let mut after = 0;
            loop {
                let after_last = compare("chunk", "GreaterThan", after);
                let filter = filter_text(&all_of(vec![here(within), after_last]));
                let arguments = format!(
                    "where: {filter}, limit: {PAGE}, sort: [{{path: [\"chunk\"], order: asc}}]"
                );
                let page = self.get(&collection, &arguments).await?;
                all.extend(page.iter().copied().map(ChunkId));
                match page.last() {
                    Some(last) if page.len() == PAGE => after = *last,
                    _ => break,
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
        let ids = |documents: &[WorkspaceDocumentId]| -> Vec<_> {
            documents.iter().map(|document| document.0).collect()
        };
        let mut filter = vec![here(within)];
        match among {
            DocumentSelection::All => {}
            DocumentSelection::Only(documents) => filter.push(one_of("document", &ids(documents))),
            DocumentSelection::Except(documents) => {
                let other = |id: &i64| compare("document", "NotEqual", *id);
                filter.extend(ids(documents).iter().map(other));
            }
        }
        let to = json!(to);
        let filter = filter_text(&all_of(filter));
        let arguments = format!("nearVector: {{vector: {to}}}, where: {filter}, limit: {limit}");
        let found =
            self.get(&self.collection(to.as_array().map_or(0, Vec::len)), &arguments).await?;
        Ok(found.into_iter().map(ChunkId).collect())
    }
}

fn here(within: WorkspaceId) -> Value {
    compare("workspace", "Equal", within.0.into())
}

/// Derives the id of an object from a number.
fn id_of(number: i64) -> String {
    let digits = format!("{number:032x}");
    let parts = [&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]];
    parts.join("-")
}

fn number_of(id: &str) -> Option<i64> {
    i64::from_str_radix(&id.replace('-', ""), 16).ok()
}

fn read_mark(object: &Value) -> Option<(WorkspaceId, Watermark)> {
    let within = i32::try_from(number_of(object["id"].as_str()?)?).ok()?;
    let watermark = serde_json::from_str(object["properties"]["said"].as_str()?).ok()?;
    Some((WorkspaceId(within), watermark_of(&watermark)?))
}
