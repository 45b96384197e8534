//! Embedding over HTTP with OpenAI's embeddings protocol.
mod reply;

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use carrel_domain::model::{Embedder, EmbeddingModel, Purpose};
use carrel_domain::{Error, Result};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::endpoint::{Endpoint, Refused};

pub(crate) const SERVICE: &str = "the embedding service";

/// Default number of texts per request; small servers accept no more.
const BATCH: usize = 32;
/// Longest response per text, in bytes: 8192 dimensions of 32 digits.
const LONGEST_ANSWER_PER_TEXT: usize = 256 << 10;

/// Longest part of a model's name in its identity, in bytes.
const LONGEST_NAME: usize = 100;

pub(crate) struct RemoteEmbedder {
    endpoint: Endpoint,
    /// Name of the provider in the settings.
    engine: &'static str,
    model: String,
    pub longest_text: usize,
    /// Texts per request, at least 1.
    pub batch: usize,
    /// The batch size that the provider was found to accept.
    learned_batch: AtomicUsize,
    /// Dimensions to request, for models whose vectors can be shortened.
    pub dimensions: Option<usize>,
    pub passage_prefix: String,
    pub query_prefix: String,
}

/// Why texts were not embedded.
enum Failure {
    /// The provider refused the request, perhaps because of a text or the number of texts.
    Refused(Refused),
    Other(Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl RemoteEmbedder {
    pub fn new(endpoint: Endpoint, engine: &'static str, model: String) -> Self {
        Self {
            endpoint,
            engine,
            model,
            longest_text: 1000,
            batch: BATCH,
            learned_batch: AtomicUsize::new(usize::MAX),
            dimensions: None,
            passage_prefix: String::new(),
            query_prefix: String::new(),
        }
    }

    /// Returns a readable name and a digest of everything that the vectors depend on, because two
    /// servers may have different models with the same name.
    fn identity(&self, name: &str) -> String {
        let mut hash = Sha256::new();
        for part in [self.engine, &self.endpoint.address(), name, &self.passage_prefix] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part.as_bytes());
        }
        let digest: String =
            hash.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect();
        let shortened = &name[..name.floor_char_boundary(LONGEST_NAME)];
        format!("{}/{shortened} {digest}", self.engine)
    }

    /// Embeds texts in batches that the provider accepts. If it refuses a batch, both halves are
    /// tried, so that an unsuitable text fails alone.
    async fn in_batches(&self, texts: &[String], prefix: &str) -> Result<Vec<Vec<f32>>> {
        let mut vectors = Vec::with_capacity(texts.len());
        // A stack: the next texts are last.
        let mut waiting: Vec<&[String]> = vec![texts];
        let mut refused_above = None;
        while let Some(next) = waiting.pop() {
            let most = self.batch.min(self.learned_batch.load(Ordering::Relaxed)).max(1);
            if next.is_empty() {
                continue;
            }
            if next.len() > most {
                let (batch, rest) = next.split_at(most);
                waiting.extend([rest, batch]);
                continue;
            }
            match self.request(next, prefix).await {
                Ok(more) => {
                    // The provider accepted a smaller batch after refusing a larger one.
                    if refused_above.is_some_and(|refused| next.len() < refused) && next.len() > 1 {
                        self.set_batch_limit(next.len());
                    }
                    refused_above = None;
                    vectors.extend(more);
                }
                Err(Failure::Refused(refused)) if next.len() > 1 && is_of_texts(&refused) => {
                    if is_of_number(&refused) {
                        refused_above = Some(next.len());
                    }
                    let (first, second) = next.split_at(next.len().div_ceil(2));
                    waiting.extend([second, first]);
                }
                Err(Failure::Refused(refused)) => {
                    return Err(self.refusal(&refused, next, vectors.len(), texts.len()).await);
                }
                Err(Failure::Other(error)) => return Err(error),
            }
        }
        Ok(vectors)
    }

    fn set_batch_limit(&self, batch: usize) {
        if self.learned_batch.fetch_min(batch, Ordering::Relaxed) > batch {
            tracing::info!(
                engine = self.engine,
                batch,
                "the embedding service accepts only smaller batches"
            );
        }
    }

    /// Returns the error for a refusal. It names the text and its position if the provider accepts
    /// others.
    async fn refusal(&self, refused: &Refused, texts: &[String], place: usize, of: usize) -> Error {
        let error = self.endpoint.refused(refused);
        let ([text], Error::Unavailable { reason, .. }) = (texts, &error) else { return error };
        let probe = ["text".to_owned()];
        if !is_of_texts(refused) || self.request(&probe, "").await.is_err() {
            return error;
        }
        let (number, begin) = (place + 1, beginning(text));
        Error::unprocessable(format!(
            "the embedding service refuses passage {number} of {of}, which begins \"{begin}\": \
             {reason}"
        ))
    }

    async fn request(&self, texts: &[String], prefix: &str) -> Result<Vec<Vec<f32>>, Failure> {
        let input: Vec<_> = texts.iter().map(|text| format!("{prefix}{text}")).collect();
        let mut body = json!({"model": self.model, "input": input});
        if let Some(dimensions) = self.dimensions {
            body["dimensions"] = json!(dimensions);
        }
        let body = match self.endpoint.try_post("embeddings", &body).await? {
            Ok(body) => body,
            Err(refused) => return Err(Failure::Refused(refused)),
        };
        let limit = LONGEST_ANSWER_PER_TEXT * texts.len() + LONGEST_ANSWER_PER_TEXT;
        let content = self.endpoint.content(body, limit).await?;
        let received = reply::read(&content, texts.len()).map_err(|wrong| match wrong {
            reply::Wrong::Reported(message) => self.endpoint.reported(&message),
            reply::Wrong::Reply(reason) => self.invalid_reply(reason),
        })?;
        let mut vectors = Vec::with_capacity(received.len());
        let length = received.first().map_or(0, Vec::len);
        for (place, vector) in received.into_iter().enumerate() {
            let vector = self.unit(vector, place + 1, texts.len())?;
            // The length changes between responses if the name now refers to another model.
            if vector.len() != length {
                let came = vector.len();
                let reason = format!(
                    "it returned a vector of {came} numbers after one of \
                     {length}"
                );
                return Err(self.invalid_reply(reason).into());
            }
            vectors.push(vector);
        }
        Ok(vectors)
    }

    /// Scales the vector at `place` to unit length.
    fn unit(&self, mut vector: Vec<f32>, place: usize, of: usize) -> Result<Vec<f32>> {
        // Computed in f64, so that finite f32 values do not overflow.
        let square: f64 = vector.iter().map(|value| f64::from(*value).powi(2)).sum();
        let length = vector.len();
        if !square.is_finite() {
            return Err(self.invalid_reply(format!(
                "vector {place} of {of} contains numbers without a \
                 value"
            )));
        }
        if square <= 0.0 {
            let what = if length == 0 { "is empty" } else { "contains only zeros" };
            return Err(self.invalid_reply(format!("vector {place} of {of} {what}")));
        }
        if let Some(dimensions) = self.dimensions.filter(|expected| *expected != length) {
            return Err(self.invalid_reply(format!(
                "it returned vectors of {length} numbers, but EMBEDDING_OUTPUT_DIMENSIONS is {dimensions}"
            )));
        }
        let scale = square.sqrt().recip();
        vector.iter_mut().for_each(|value| *value = (f64::from(*value) * scale) as f32);
        Ok(vector)
    }

    fn invalid_reply(&self, reason: impl Into<String>) -> Error {
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
        self.in_batches(texts, prefix).await
    }
}

/// True if the provider may accept other texts, or fewer.
fn is_of_texts(refused: &Refused) -> bool {
    matches!(refused.status.as_u16(), 400 | 413 | 422)
}

/// True if the number of texts is the reason.
fn is_of_number(refused: &Refused) -> bool {
    let message = refused.message.to_ascii_lowercase();
    let words = ["batch", "too many", "maximum number", "number of inputs", "array", "at most"];
    refused.status.as_u16() == 413 || words.iter().any(|word| message.contains(word))
}

/// Returns the beginning of a text, on one line.
fn beginning(text: &str) -> String {
    const LONGEST: usize = 60;
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match words.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &words[..end]),
        None => words,
    }
}

#[cfg(test)]
mod tests;
