//! From text to passages with vectors: cut, looked up among what was embedded before, and embedded
//! where it was not.
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use carrel_domain::document::{Chunk, Splitting};
use carrel_domain::embedding::TextKey;
use carrel_domain::library::{IndexedDocument, NewPassage};
use carrel_domain::model::{Embedder, Purpose};
use carrel_domain::{DocumentPath, Error, Result, TextKind, WorkspaceId};
use chrono::Utc;

use super::Library;
use crate::preferences::Preferences;

/// How many texts the embedder is given at a time ...
const TEXTS: usize = 256;
/// ... and how many bytes, unless a single text has more.
const BYTES: usize = 1 << 20;

/// How documents are embedded at the moment.
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

    /// Tells a text that the embedder cannot take from an embedder that takes none.
    pub(crate) async fn works(&self) -> bool {
        self.embedder.embed(&["text".to_owned()], Purpose::Passage).await.is_ok()
    }
}

impl Library {
    /// What the passages of documents that are embedded now are made by. Places with any other
    /// recipe are stale.
    pub async fn recipe(&self) -> Result<String> {
        Ok(self.method().await?.recipe())
    }

    pub(crate) async fn method(&self) -> Result<Method> {
        let embedder = self.models.embedder()?;
        let preferences = Preferences::read(&*self.settings).await?;
        let model = embedder.model();
        let splitting = preferences.splitting(&model);
        Ok(Method { embedder, identity: model.identity, splitting })
    }

    /// Cuts and embeds a text once, for any number of workspaces.
    pub(crate) async fn embed_for(
        &self,
        workspaces: &[WorkspaceId],
        path: &DocumentPath,
        text: &str,
    ) -> Result<Vec<IndexedDocument>> {
        if workspaces.is_empty() {
            return Ok(Vec::new());
        }
        let method = self.method().await?;
        let chunks = self.cut(&method, path, text.to_owned()).await?;
        let vectors = self.vectors(&method, &chunks).await?;
        let passages = passages(chunks, vectors);
        let recipe = method.recipe();
        let place = |workspace: &WorkspaceId| IndexedDocument {
            workspace: *workspace,
            recipe: recipe.clone(),
            passages: passages.clone(),
        };
        Ok(workspaces.iter().map(place).collect())
    }

    /// The chunks of the text of the document at `path`. [`Error::Unprocessable`] when there are none.
    pub(crate) async fn cut(
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

    /// A vector for each text. What was embedded before is not embedded again, and what is embedded
    /// now is kept at once, so that not all is lost when the embedder fails half-way.
    pub(crate) async fn vectors(
        &self,
        method: &Method,
        texts: &[impl AsRef<str> + Sync],
    ) -> Result<Vec<Vec<f32>>> {
        let keys: Vec<_> = texts.iter().map(|text| method.key(text.as_ref())).collect();
        let mut known = self.known(&keys).await;
        let mut seen = HashSet::with_capacity(texts.len());
        let is_new =
            |place: &usize| !known.contains_key(&keys[*place]) && seen.insert(keys[*place]);
        let new: Vec<usize> = (0..texts.len()).filter(is_new).collect();
        let mut length = None;
        for places in batches(&new, texts) {
            let batch: Vec<_> =
                places.iter().map(|place| texts[*place].as_ref().to_owned()).collect();
            let vectors = method.embedder.embed(&batch, Purpose::Passage).await?;
            length = length.or(vectors.first().map(Vec::len));
            let made: Vec<_> = places.iter().map(|place| keys[*place]).zip(vectors).collect();
            known.extend(made.iter().cloned());
            self.keep_vectors(made).await;
        }
        // A provider may have put another model in the place of the one of that name.
        if length.is_some_and(|length| known.values().any(|vector| vector.len() != length)) {
            let texts: Vec<_> = texts.iter().map(|text| text.as_ref().to_owned()).collect();
            return method.embedder.embed(&texts, Purpose::Passage).await;
        }
        let vector = |key| known.get(key).cloned();
        let vectors: Option<Vec<_>> = keys.iter().map(vector).collect();
        vectors.ok_or_else(|| Error::internal("the embedder made fewer vectors than asked for"))
    }

    async fn known(&self, keys: &[TextKey]) -> HashMap<TextKey, Vec<f32>> {
        if self.cache_limit == 0 {
            return HashMap::new();
        }
        self.cache.find(keys, Utc::now()).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "failed to look for vectors made before");
            HashMap::new()
        })
    }

    async fn keep_vectors(&self, vectors: Vec<(TextKey, Vec<f32>)>) {
        if self.cache_limit == 0 {
            return;
        }
        if let Err(error) = self.cache.keep(vectors, self.cache_limit, Utc::now()).await {
            tracing::warn!(%error, "failed to keep vectors for the next time");
        }
    }
}

/// Chunks with their vectors.
pub(crate) fn passages(chunks: Vec<Chunk>, vectors: Vec<Vec<f32>>) -> Vec<NewPassage> {
    let passage = |(Chunk { text, span, provenance }, vector)| NewPassage {
        text,
        span: Some(span),
        provenance,
        vector,
    };
    chunks.into_iter().zip(vectors).map(passage).collect()
}

/// Places of texts in batches of bounded size.
fn batches<'a>(places: &'a [usize], texts: &[impl AsRef<str>]) -> Vec<&'a [usize]> {
    let (mut batches, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (end, place) in places.iter().enumerate() {
        let more = texts[*place].as_ref().len();
        if end > start && (end - start == TEXTS || bytes + more > BYTES) {
            batches.push(&places[start..end]);
            (start, bytes) = (end, 0);
        }
        bytes += more;
    }
    if start < places.len() {
        batches.push(&places[start..]);
    }
    batches
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(lengths: &[usize]) -> Vec<usize> {
        let texts: Vec<_> = lengths.iter().map(|length| "x".repeat(*length)).collect();
        let places: Vec<_> = (0..texts.len()).collect();
        let batches = batches(&places, &texts);
        assert_eq!(batches.concat(), places);
        batches.into_iter().map(<[usize]>::len).collect()
    }

    #[test]
    fn batches_are_bounded_by_texts_and_by_bytes() {
        assert!(sizes(&[]).is_empty());
        assert_eq!(sizes(&[1; 600]), [256, 256, 88]);
        assert_eq!(sizes(&[BYTES, 1, BYTES + 1, BYTES / 2, BYTES / 2, 1]), [1, 1, 1, 2, 1]);
    }
}
