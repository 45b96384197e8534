//! Embedding inside this process: encoders of the BERT family, their tokenizers, and fetching their files.
//!
//! [`NativeEmbedder`] is the adapter, [`catalog`] the models known by name; everything else here is what they are made of.
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
