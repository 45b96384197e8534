//! The domain's repositories, kept in SQLite or PostgreSQL with one set of queries.
//!
//! [`Database`] implements every repository port. Statements are written once with diesel, over a
//! connection that is either of the two; where that is not expressible, `on_each_backend!`
//! compiles one text for both.
//!
//! # Locks
//!
//! On SQLite writers take turns, so there is nothing to get wrong. On PostgreSQL every transaction
//! locks in this order, which is what keeps transactions from waiting for one another in a circle:
//!
//! 1. the turn for changes to people and memberships and for removals of exchanges (`database::advisory_lock`);
//! 2. folders, by name;
//! 3. documents, by path;
//! 4. namespaces, by workspace;
//! 5. the workspace, the user and the thread that an exchange belongs to;
//! 6. whatever else, API keys by id, one job;
//! 7. blocks of exchanges, which triggers count: the large before the small, and each by id;
//! 8. the head of the audit log (`audit`), which comes last.
mod archive;
mod audit;
mod chats;
mod database;
mod documents;
mod idempotency;
mod import;
mod jobs;
mod people;
mod prompts;
mod settings;
mod workspaces;

pub use database::Database;
