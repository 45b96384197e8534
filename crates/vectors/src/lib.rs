//! Vector indexes, one module each, behind [`carrel_domain::vector::VectorIndex`].
//!
//! [`EmbeddedIndex`] is the default: it needs nothing but the database that already holds the
//! vectors, and answers from compact codes kept in memory.

pub mod embedded;

pub use embedded::EmbeddedIndex;
