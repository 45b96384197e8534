//! In-process embedding: BERT-family encoders, their tokenizers, and fetching of their files.
//!
//! [`NativeEmbedder`] is the adapter, [`catalog`] lists the known models; everything else
//! implements these.
mod architecture;
mod attention;
pub mod catalog;
mod config;
mod directory;
mod elementwise;
mod encoder;
pub mod fetch;
mod kernel;
mod native;
mod panels;
pub mod quantize;
mod tensors;
#[cfg(feature = "testing")]
pub mod testing;
mod tokenizer;
mod weights;

pub use directory::Directory;
pub use native::{NativeEmbedder, Options};
