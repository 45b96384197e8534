//! Converts text to passages with vectors: splits it, looks up cached vectors, and embeds the rest.
mod lengths;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use carrel_domain::document::{Chunk, Splitter, Splitting};
use carrel_domain::embedding::{EmbeddingCache, TextKey};
use carrel_domain::library::NewPassage;
use carrel_domain::model::{Embedder, Models, Purpose};
use carrel_domain::settings::Settings;
use carrel_domain::{DocumentPath, Error, Result, TextKind};
use chrono::Utc;

pub use lengths::VectorLengths;

use crate::preferences::Preferences;

/// The maximum number of texts in an embedding batch.
const MAX_BATCH_TEXTS: usize = 256;
/// The maximum size of a batch, in bytes, unless a single text is larger.
const MAX_BATCH_BYTES: usize = 1 << 20;
/// The number of attempts to embed texts while the length of vectors changes.
const MAX_ATTEMPTS: usize = 3;

/// Splits and embeds text according to the current settings. Cheap to clone.
#[derive(Clone)]
pub struct Indexer {
    /// Splits texts.
    pub splitter: Arc<dyn Splitter>,
    /// The splitter settings.
    pub settings: Arc<dyn Settings>,
    /// Selects the embedder.
    pub models: Arc<dyn Models>,
    /// Cached vectors.
    pub cache: Arc<dyn EmbeddingCache>,
    /// The maximum size of the cache, in bytes. 0 disables it.
    pub cache_limit: u64,
    /// The vector lengths observed so far.
    pub lengths: Arc<VectorLengths>,
}

/// The embedder and splitter settings in use.
pub(crate) struct Method {
    embedder: Arc<dyn Embedder>,
    identity: String,
    splitting: Splitting,
}

impl Method {
    pub(crate) fn recipe(&self) -> String {
        let Splitting { size, overlap } = self.splitting;
        format!("{} {size}+{overlap}", self.identity)
    }

    fn key(&self, text: &str) -> TextKey {
        TextKey::of(&self.identity, text)
    }

    /// Embeds a short text to test the embedder.
    async fn probe(&self) -> Result<Vec<Vec<f32>>> {
        self.embedder.embed(&["text".to_owned()], Purpose::Passage).await
    }

    /// Returns whether the embedder works at all, to tell a bad text from a failing embedder.
    pub(crate) async fn works(&self) -> bool {
        self.probe().await.is_ok()
    }
}

impl Indexer {
    /// Returns the current recipe. Workspace documents with another recipe are stale.
    pub async fn recipe(&self) -> Result<String> {
        Ok(self.method().await?.recipe())
    }

    /// Returns the identity of the embedder and the length of its vectors, unless stored vectors
    /// have already been compared with that length.
    pub async fn length_to_compare(&self) -> Result<Option<(String, usize)>> {
        let identity = self.method().await?.identity;
        let length = self.lengths.to_compare(&identity);
        Ok(length.map(|length| (identity, length)))
    }

    /// Stores vectors in the cache that the current embedder made elsewhere, so that their texts
    /// are not embedded again. [`Error::Unprocessable`] if the cache is disabled.
    pub async fn cache_vectors(&self, vectors: Vec<(String, Vec<f32>)>) -> Result<()> {
        if self.cache_limit == 0 {
            let reason = "vectors are not cached, because CARREL_EMBEDDING_CACHE is 0";
            return Err(Error::unprocessable(reason));
        }
        let method = self.method().await?;
        let entries = vectors
            .into_iter()
            .filter_map(|(text, vector)| Some((method.key(&text), normalize(vector)?)));
        self.cache.store_vectors(entries.collect(), self.cache_limit, Utc::now()).await
    }

    pub(crate) async fn method(&self) -> Result<Method> {
        let embedder = self.models.embedder()?;
        let preferences = Preferences::read(&*self.settings).await?;
        let model = embedder.model();
        let splitting = preferences.splitting(&model);
        Ok(Method { embedder, identity: model.identity, splitting })
    }

    /// Checks that the embedder works.
    pub(crate) async fn check(&self) -> Result<()> {
        self.method().await?.probe().await.map(drop)
    }

    /// Splits the text of the document at `path`. [`Error::Unprocessable`] if there are no chunks.
    pub(crate) async fn split(
        &self,
        method: &Method,
        path: &DocumentPath,
        text: String,
    ) -> Result<Vec<Chunk>> {
        let chunks = self.splitter.split(text, TextKind::of(path), method.splitting).await?;
        if chunks.is_empty() {
            return Err(Error::unprocessable("No text content found in the document."));
        }
        Ok(chunks)
    }

    /// Returns a vector for each text, all of the same length. Uses cached vectors, and caches new
    /// ones at once so that they survive a later failure. If the provider has replaced the model by
    /// one with another vector length, earlier vectors are ignored.
    pub(crate) async fn vectors(
        &self,
        method: &Method,
        texts: &[impl AsRef<str> + Sync],
    ) -> Result<Vec<Vec<f32>>> {
        let keys: Vec<_> = texts.iter().map(|text| method.key(text.as_ref())).collect();
        let mut vectors_by_key = self.look_up(&keys).await;
        if !vectors_by_key.is_empty() && self.lengths.of(&method.identity).is_none() {
            // If the embedder is unavailable, all vectors may still be in the cache.
            if let Ok(vectors) = method.probe().await {
                self.observe(method, &vectors);
            }
        }
        for _ in 0..MAX_ATTEMPTS {
            let length = self.lengths.of(&method.identity);
            vectors_by_key.retain(|_, vector| length.is_none_or(|length| vector.len() == length));
            self.embed_missing(method, &keys, texts, &mut vectors_by_key).await?;
            let length = self.lengths.of(&method.identity);
            if vectors_by_key
                .values()
                .all(|vector| length.is_none_or(|length| vector.len() == length))
            {
                let vectors: Option<Vec<_>> =
                    keys.iter().map(|key| vectors_by_key.get(key).cloned()).collect();
                let reason = "the embedder returned fewer vectors than texts";
                return vectors.ok_or_else(|| Error::internal(reason));
            }
        }
        let reason = "the length of its vectors changes from one request to the next; \
                      check that a single model answers under this name";
        Err(Error::unavailable("the embedder", reason))
    }

    /// Embeds the texts without a known vector, in batches of bounded size.
    async fn embed_missing(
        &self,
        method: &Method,
        keys: &[TextKey],
        texts: &[impl AsRef<str> + Sync],
        vectors_by_key: &mut HashMap<TextKey, Vec<f32>>,
    ) -> Result<()> {
        let mut unique = HashSet::with_capacity(texts.len());
        let is_new = |index: &usize| {
            !vectors_by_key.contains_key(&keys[*index]) && unique.insert(keys[*index])
        };
        let missing: Vec<usize> = (0..texts.len()).filter(is_new).collect();
        for indexes in batches(&missing, texts) {
            let batch: Vec<_> =
                indexes.iter().map(|index| texts[*index].as_ref().to_owned()).collect();
            let vectors = method.embedder.embed(&batch, Purpose::Passage).await?;
            self.observe(method, &vectors);
            let entries: Vec<_> = indexes.iter().map(|index| keys[*index]).zip(vectors).collect();
            vectors_by_key.extend(entries.iter().cloned());
            self.store_vectors(entries).await;
        }
        Ok(())
    }

    fn observe(&self, method: &Method, vectors: &[Vec<f32>]) {
        if let Some(vector) = vectors.first() {
            self.lengths.observe(&method.identity, vector.len());
        }
    }

    async fn look_up(&self, keys: &[TextKey]) -> HashMap<TextKey, Vec<f32>> {
        if self.cache_limit == 0 {
            return HashMap::new();
        }
        self.cache.find(keys, Utc::now()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "failed to look up cached vectors");
            HashMap::new()
        })
    }

    async fn store_vectors(&self, vectors: Vec<(TextKey, Vec<f32>)>) {
        if self.cache_limit == 0 {
            return;
        }
        if let Err(error) = self.cache.store_vectors(vectors, self.cache_limit, Utc::now()).await {
            tracing::warn!(%error, "failed to cache vectors");
        }
    }
}

/// Scales a vector to length 1. Returns `None` if it has no direction.
fn normalize(mut vector: Vec<f32>) -> Option<Vec<f32>> {
    let length = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
    if !length.is_normal() {
        return None;
    }
    vector.iter_mut().for_each(|value| *value /= length);
    Some(vector)
}

/// Combines chunks with their vectors.
pub(crate) fn passages(chunks: Vec<Chunk>, vectors: Vec<Vec<f32>>) -> Vec<NewPassage> {
    let passage = |(Chunk { text, span, provenance }, vector)| NewPassage {
        text,
        span: Some(span),
        provenance,
        vector,
    };
    chunks.into_iter().zip(vectors).map(passage).collect()
}

/// Divides the indexes of texts into batches of bounded size.
fn batches<'a>(indexes: &'a [usize], texts: &[impl AsRef<str>]) -> Vec<&'a [usize]> {
    let (mut batches, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (end, index) in indexes.iter().enumerate() {
        let bytes_of_text = texts[*index].as_ref().len();
        if end > start
            && (end - start == MAX_BATCH_TEXTS || bytes + bytes_of_text > MAX_BATCH_BYTES)
        {
            batches.push(&indexes[start..end]);
            (start, bytes) = (end, 0);
        }
        bytes += bytes_of_text;
    }
    if start < indexes.len() {
        batches.push(&indexes[start..]);
    }
    batches
}

#[cfg(test)]
mod tests;
