//! In-process embedding: BERT-family encoders, their tokenizers, and fetching of their files.
//!
//! [`NativeEmbedder`] is the adapter, [`catalog`] lists the known models; everything else
//! implements these.
mod architecture;
pub mod catalog;
mod config;
mod directory;
mod encoder;
pub mod fetch;
mod native;
pub mod quantize;
mod rotation;
mod tensors;
#[cfg(feature = "testing")]
pub mod testing;
mod tokenizer;
mod weights;

pub use directory::ModelDirectory;
pub use native::{NativeEmbedder, Options};
