//! Language models, embedders and image generators: [`Extractive`] runs inside this process, all
//! others are called over HTTP. [`WebFetcher`] fetches web pages.
//!
//! The choice of a provider is data: [`chat_model`], [`embedder`] and [`image_model`] read the
//! operator's settings through a function and look the provider up in a table. Nothing here reads
//! the environment. Any failure of a provider, even a hostile one, becomes
//! [`carrel_domain::Error::Unavailable`] with a message that never contains the key.
mod catalog;
mod choose;
mod embeddings;
mod endpoint;
mod engines;
mod extractive;
mod file_body;
mod frames;
mod http;
mod images;
mod json;
mod links;
mod native;
mod ollama;
mod openai;
mod pace;
mod reading;
mod refusal;
mod rerank;
mod retry;
mod speech;
pub mod sse;
mod table;
#[cfg(test)]
mod testing;
mod think;
mod tokens;

pub use choose::speech::{synthesizer, transcriber};
pub use choose::{chat_model, embedder, image_model, model_list, reranker};
pub use engines::engine_names;
pub use extractive::Extractive;
pub use http::{Http, http_client};
pub use links::{Exempt, LinkLimits, Lookup, SystemLookup, WebFetcher};
pub use table::provider_names;
pub use tokens::Cl100k;
