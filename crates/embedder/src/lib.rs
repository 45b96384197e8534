//! In-process embedding: BERT-family encoders, their tokenizers, and downloads of their files.
//!
//! [`NativeEmbedder`] is the adapter and [`catalog`] lists the known models. The other modules
//! implement them.
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
