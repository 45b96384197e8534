//! Vector indexes behind [`carrel_domain::vector::VectorIndex`].
//!
//! [`EmbeddedIndex`] is the default: it needs nothing but the database that already holds the
//! vectors, and answers from compact codes kept in memory. [`SyncedIndex`] keeps them in a vector
//! database besides (`pgvector`, `chroma`, `qdrant`, one module each), which [`choose::store`]
//! takes from the settings.

pub mod choose;
mod chroma;
pub mod embedded;
mod pgvector;
mod qdrant;
mod rest;
pub mod store;
pub mod synced;

pub use embedded::EmbeddedIndex;
pub use synced::SyncedIndex;
