//! Vector indexes behind [`carrel_domain::vector::VectorIndex`].
//!
//! [`EmbeddedIndex`] is the default. It needs only the database that stores the vectors, and
//! searches compact codes in memory. [`SyncedIndex`] also keeps the vectors in a vector database,
//! which [`choose::store`] creates from the settings. Each vector database has its own module.

mod astra;
pub mod choose;
mod chroma;
pub mod embedded;
#[cfg(feature = "lancedb")]
mod lance;
mod milvus;
mod patience;
mod pgvector;
mod pinecone;
mod qdrant;
mod rest;
mod spans;
pub mod store;
pub mod synced;
mod weaviate;

pub use embedded::EmbeddedIndex;
pub use synced::SyncedIndex;
