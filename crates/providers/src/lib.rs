//! Language models, embedders and makers of pictures: [`Extractive`] inside this process, every
//! other over HTTP. And pages of other hosts, which [`WebFetcher`] fetches.
//!
//! Which one answers is data: [`chat_model`], [`embedder`] and [`image_model`] read the operator's
//! settings through a function and find the provider in a table. Nothing here reads the environment by
//! itself. A provider that fails in any way, hostile ones included, gives
//! [`carrel_domain::Error::Unavailable`] with words that never contain the key.
mod catalog;
mod choose;
mod embeddings;
mod endpoint;
mod engines;
mod extractive;
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
mod retry;
pub mod sse;
mod table;
#[cfg(test)]
mod testing;
mod think;
mod tokens;

pub use choose::{chat_model, embedder, image_model, model_list};
pub use engines::engine_names;
pub use extractive::Extractive;
pub use http::{Http, http_client};
pub use links::{Exempt, LinkLimits, Lookup, SystemLookup, WebFetcher};
pub use table::provider_names;
pub use tokens::Cl100k;
