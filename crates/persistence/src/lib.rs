//! The domain's repositories, kept in SQLite or PostgreSQL with one set of queries.
//!
//! [`Database`] implements every repository port. Statements are written once with diesel, over a
//! connection that is either of the two; where that is not expressible, `on_each_backend!`
//! compiles one text for both.
//!
//! # Locks
//!
//! On SQLite writers take turns, so there is nothing to get wrong. On PostgreSQL every transaction
//! that touches passages locks in this order: documents, by path; namespaces, by workspace;
//! whatever else. Keeping to it is what keeps them from waiting for one another in a circle.
mod abort;
mod api_keys;
mod chats;
mod connection;
mod convert;
mod database;
mod documents;
mod location;
mod migrations;
mod namespaces;
mod passages;
mod placements;
mod schema;
mod settings;
mod unsettled;
mod users;
mod vector_rows;
mod workspaces;

pub use database::Database;
