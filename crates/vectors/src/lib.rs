//! Vector indexes behind [`carrel_domain::vector::VectorIndex`].
//!
//! [`EmbeddedIndex`] is the default: it needs nothing but the database that already holds the
//! vectors, and answers from compact codes kept in memory. [`SyncedIndex`] keeps them in a vector
//! database besides, which [`choose::store`] takes from the settings; each has a module of its own.

mod astra;
pub mod choose;
mod chroma;
pub mod embedded;
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
