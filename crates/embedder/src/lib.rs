//! Embedding inside this process: all-MiniLM-L6-v2, a BERT encoder of 6 layers, and fetching its files.
//!
//! [`MiniLm`] is the adapter; everything else here is what it is made of.
mod elementwise;
mod encoder;
pub mod fetch;
mod kernel;
mod minilm;
#[cfg(feature = "testing")]
pub mod testing;
mod tokenizer;
mod weights;

pub use minilm::{MiniLm, NAME, Options};
