//! Reranking over HTTP. Providers use one protocol with small differences: they receive a query and
//! texts at `/rerank`, and return a list of positions and scores.
mod reply;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::reranker::Reranker;
use carrel_domain::{Error, Result};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::endpoint::Endpoint;
use crate::table::{Base, Key};

pub(crate) const SERVICE: &str = "the reranker";

/// The default timeout of a whole answer. A user waits for it.
pub(crate) const USUAL_TIMEOUT: Duration = Duration::from_secs(5);

/// The pause before a provider that was too slow is tried again.
const REST: Duration = Duration::from_secs(30);

/// Maximum length of a query and of each text, in characters; models read about as much.
const LONGEST_QUERY: usize = 2_000;
const LONGEST_TEXT: usize = 6_000;

/// Longest response per text, in bytes; some providers send the text back.
const LONGEST_ANSWER_PER_TEXT: usize = 32 << 10;

/// The request format of a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    /// Sends `documents`, `top_n` and the name of a model, like Cohere's API.
    Documents,
    /// Like `Documents`, with an option that keeps the texts out of the response.
    DocumentsNotReturned,
    /// Like `Documents`, without `top_n`.
    DocumentsOnly,
    /// Sends `texts` without a model, for Text Embeddings Inference.
    Texts,
}

/// A reranking provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RerankProvider {
    /// Name in the setting `RERANK_PROVIDER`.
    pub name: &'static str,
    protocol: Protocol,
    pub base: Base,
    pub key: Key,
    /// True if requests must name a model.
    pub needs_model: bool,
    /// Texts per request.
    batch: usize,
}

const OWN_BASE: &str = "RERANK_BASE_PATH";
const OWN_KEY: Key = Key::Optional("RERANK_API_KEY");
const USUAL_BATCH: usize = 100;

pub(crate) const RERANK_PROVIDERS: [RerankProvider; 6] = [
    RerankProvider {
        name: "cohere",
        protocol: Protocol::Documents,
        base: Base::Fixed("https://api.cohere.com/v2"),
        key: Key::Required("COHERE_API_KEY"),
        needs_model: true,
        batch: USUAL_BATCH,
    },
    RerankProvider {
        name: "jina",
        protocol: Protocol::DocumentsNotReturned,
        base: Base::Fixed("https://api.jina.ai/v1"),
        key: Key::Required("JINA_API_KEY"),
        needs_model: true,
        batch: USUAL_BATCH,
    },
    RerankProvider {
        name: "voyageai",
        protocol: Protocol::DocumentsOnly,
        base: Base::Fixed("https://api.voyageai.com/v1"),
        key: Key::Required("VOYAGEAI_API_KEY"),
        needs_model: true,
        batch: USUAL_BATCH,
    },
    RerankProvider {
        name: "tei",
        protocol: Protocol::Texts,
        base: Base::Root(OWN_BASE),
        key: OWN_KEY,
        needs_model: false,
        // The server's default maximum.
        batch: 32,
    },
    RerankProvider {
        name: "localai",
        protocol: Protocol::Documents,
        base: Base::Setting(OWN_BASE, "/v1"),
        key: OWN_KEY,
        needs_model: true,
        batch: USUAL_BATCH,
    },
    RerankProvider {
        name: "generic",
        protocol: Protocol::Documents,
        base: Base::Setting(OWN_BASE, ""),
        key: OWN_KEY,
        needs_model: false,
        batch: USUAL_BATCH,
    },
];

pub(crate) struct RemoteReranker {
    endpoint: Endpoint,
    row: RerankProvider,
    model: Option<String>,
    /// Timeout of a whole search, which may take several requests.
    limit: Duration,
    rests_until: Mutex<Option<Instant>>,
}

impl RemoteReranker {
    pub fn new(
        endpoint: Endpoint,
        row: RerankProvider,
        model: Option<String>,
        limit: Duration,
    ) -> Self {
        Self { endpoint, row, model, limit, rests_until: Mutex::default() }
    }

    async fn in_batches(&self, query: &str, texts: &[String]) -> Result<Vec<Option<f32>>> {
        let query = beginning(query, LONGEST_QUERY);
        let mut scores = Vec::with_capacity(texts.len());
        for batch in texts.chunks(self.row.batch) {
            let texts: Vec<_> = batch.iter().map(|text| beginning(text, LONGEST_TEXT)).collect();
            let body = self.endpoint.post("rerank", &self.body(query, &texts)).await?;
            let limit = LONGEST_ANSWER_PER_TEXT * (texts.len() + 1);
            let content = self.endpoint.content(body, limit).await?;
            let received = reply::read(&content, texts.len()).map_err(|wrong| match wrong {
                reply::Wrong::Reported(message) => self.endpoint.reported(&message),
                reply::Wrong::Reply(reason) => self.endpoint.unavailable(reason),
            })?;
            scores.extend(received);
        }
        reply::to_shares(&mut scores);
        Ok(scores)
    }

    fn body(&self, query: &str, texts: &[&str]) -> Value {
        if self.row.protocol == Protocol::Texts {
            return json!({ "query": query, "texts": texts, "truncate": true, "raw_scores": false });
        }
        let mut body = json!({ "query": query, "documents": texts });
        if let Some(model) = &self.model {
            body["model"] = json!(model);
        }
        if self.row.protocol != Protocol::DocumentsOnly {
            body["top_n"] = json!(texts.len());
        }
        if self.row.protocol == Protocol::DocumentsNotReturned {
            body["return_documents"] = json!(false);
        }
        body
    }

    /// Returns the rest of the pause after a timeout.
    fn rest(&self) -> Option<Duration> {
        let until = *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner);
        let left = until?.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }
}

#[async_trait]
impl Reranker for RemoteReranker {
    fn name(&self) -> String {
        self.model.clone().unwrap_or_else(|| self.row.name.to_owned())
    }

    async fn rerank(&self, query: &str, texts: &[String]) -> Result<Vec<Option<f32>>> {
        if let Some(left) = self.rest() {
            let seconds = left.as_secs() + 1;
            let reason =
                format!("it was too slow a moment ago; it is tried again in {seconds} seconds");
            return Err(self.endpoint.unavailable(reason));
        }
        let started = Instant::now();
        let scores = match timeout(self.limit, self.in_batches(query, texts)).await {
            Ok(scores) => scores,
            Err(_) => Err(self.endpoint.too_slow(self.limit)),
        };
        // The next search would probably wait as long. Fast failures need no pause.
        let is_slow = scores.is_err() && started.elapsed() >= self.limit / 2;
        let until = is_slow.then(|| Instant::now() + REST);
        *self.rests_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
        scores
    }
}

/// Returns the first `characters` characters of a text.
fn beginning(text: &str, characters: usize) -> &str {
    text.char_indices().nth(characters).map_or(text, |(end, _)| &text[..end])
}

/// Returns the error for an unknown reranker.
pub(crate) fn unknown(name: &str) -> Error {
    let known: Vec<_> = RERANK_PROVIDERS.iter().map(|row| row.name).collect();
    let (name, known) = (crate::refusal::shortened(name), known.join(", "));
    Error::invalid(
        "RERANK_PROVIDER",
        format!("there is no reranker `{name}`; there are native, {known}"),
    )
}

#[cfg(test)]
mod tests;
