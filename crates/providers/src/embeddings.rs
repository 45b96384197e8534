//! Embedding over HTTP, by OpenAI's embeddings protocol.
use std::sync::OnceLock;

use async_trait::async_trait;
use carrel_domain::model::{Embedder, EmbeddingModel, Purpose};
use carrel_domain::{Error, Result};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::endpoint::Endpoint;

pub(crate) const SERVICE: &str = "the embedding service";

/// Texts in one request when no setting says otherwise; small servers take no more.
const BATCH: usize = 32;
/// The longest answer read for one text, in bytes: 8192 dimensions of 32 digits.
const LONGEST_ANSWER_PER_TEXT: usize = 256 << 10;

/// How much of a model's name is shown in its identity, in bytes.
const LONGEST_NAME: usize = 100;

pub(crate) struct RemoteEmbedder {
    endpoint: Endpoint,
    /// What the settings call the provider.
    engine: &'static str,
    model: String,
    pub longest_text: usize,
    /// How many texts go into one request, >= 1.
    pub batch: usize,
    /// Asked for by models whose vectors can be shortened.
    pub dimensions: Option<usize>,
    pub passage_prefix: String,
    pub query_prefix: String,
    /// The length of the first vector that came; all others must agree.
    length: OnceLock<usize>,
}

#[derive(Deserialize)]
struct Reply {
    data: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    embedding: Vec<f32>,
    index: Option<usize>,
}

impl RemoteEmbedder {
    pub fn new(endpoint: Endpoint, engine: &'static str, model: String) -> Self {
        Self {
            endpoint,
            engine,
            model,
            longest_text: 1000,
            batch: BATCH,
            dimensions: None,
            passage_prefix: String::new(),
            query_prefix: String::new(),
            length: OnceLock::new(),
        }
    }

    /// What a person can read, and a digest of everything that vectors of passages depend on: two
    /// servers may have different models of one name.
    fn identity(&self, name: &str) -> String {
        let mut hash = Sha256::new();
        for part in [self.engine, &self.endpoint.address(), name, &self.passage_prefix] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest: String =
            hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = &name[..name.floor_char_boundary(LONGEST_NAME)];
        format!("{}/{shown} {digest}", self.engine)
    }

    async fn batch(&self, texts: &[String], prefix: &str) -> Result<Vec<Vec<f32>>> {
        let input: Vec<_> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        let mut body = json!({"model": self.model, "input": input});
        if let Some(dimensions) = self.dimensions {
            body["dimensions"] = json!(dimensions);
        }
        let response = self.endpoint.post("embeddings", &body).await?;
        let limit = LONGEST_ANSWER_PER_TEXT * texts.len();
        let reply: Reply = self.endpoint.json(response, limit).await?;
        if reply.data.len() != texts.len() {
            let (came, asked) = (reply.data.len(), texts.len());
            return Err(self.wrong(format!("{came} vectors came for {asked} texts")));
        }
        let mut vectors = vec![Vec::new(); texts.len()];
        for (place, item) in reply.data.into_iter().enumerate() {
            let Some(slot) = vectors.get_mut(item.index.unwrap_or(place)) else {
                return Err(self.wrong("a vector came for a text that was not sent"));
            };
            if !slot.is_empty() {
                return Err(self.wrong("two vectors came for the same text"));
            }
            *slot = self.unit(item.embedding)?;
        }
        Ok(vectors)
    }

    /// `vector` scaled to a length of one.
    fn unit(&self, mut vector: Vec<f32>) -> Result<Vec<f32>> {
        // In f64, so that no finite f32 overflows.
        let square: f64 = vector.iter().map(|value| f64::from(*value).powi(2)).sum();
        if !square.is_finite() || square <= 0.0 {
            return Err(self.wrong("a vector came that has no direction"));
        }
        let expected = *self.length.get_or_init(|| vector.len());
        if vector.len() != expected {
            let came = vector.len();
            return Err(
                self.wrong(format!("a vector of {came} numbers came after one of {expected}"))
            );
        }
        let scale = square.sqrt().recip();
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
        Ok(vector)
    }

    fn wrong(&self, reason: impl Into<String>) -> Error {
        self.endpoint.unavailable(reason)
    }
}

#[async_trait]
impl Embedder for RemoteEmbedder {
    fn model(&self) -> EmbeddingModel {
        let name = match self.dimensions {
            Some(dimensions) => format!("{}@{dimensions}", self.model),
            None => self.model.clone(),
        };
        let identity = self.identity(&name);
        EmbeddingModel { name, identity, longest_text: self.longest_text }
    }

    async fn embed(&self, texts: &[String], purpose: Purpose) -> Result<Vec<Vec<f32>>> {
        let prefix = match purpose {
            Purpose::Passage => self.passage_prefix.as_str(),
            Purpose::Query => &self.query_prefix,
            Purpose::Neither => "",
        };
        let mut vectors = Vec::with_capacity(texts.len());
        for batch in texts.chunks(self.batch.max(1)) {
            vectors.extend(self.batch(batch, prefix).await?);
        }
        Ok(vectors)
    }
}

#[cfg(test)]
mod tests;
