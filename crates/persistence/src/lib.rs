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
//! 1. the turn for changes to people and memberships and for removals of exchanges (`turns`);
//! 2. folders, by name;
//! 3. documents, by path;
//! 4. namespaces, by workspace;
//! 5. the workspace, the user and the thread that an exchange belongs to;
//! 6. whatever else, API keys by id, one job;
//! 7. blocks of exchanges, which triggers count: the large before the small, and each by id;
//! 8. the head of the audit log (`audit`), which comes last.
mod abort;
mod api_keys;
mod audit;
mod authority;
mod catalogue;
mod chat_blocks;
mod chat_edits;
mod chat_log;
mod chats;
mod connection;
mod convert;
mod database;
mod documents;
mod embed_chats;
mod embeddings;
mod embeds;
mod export_order;
mod fixed;
mod folders;
mod inventory;
mod invites;
mod job_items;
mod job_queue;
mod jobs;
mod lexical;
mod listed;
mod location;
mod login_attempts;
mod members;
mod migrations;
mod moment;
mod multi_user;
mod namespaces;
mod owner;
mod passages;
mod pins;
mod placements;
mod places;
mod plans;
mod quota;
mod removal;
mod repeats;
mod replacing;
mod schema;
mod sessions;
mod settings;
mod shelves;
mod sign_in_tokens;
mod sought;
mod threads;
mod turns;
mod unsettled;
mod usage;
mod users;
mod vector_rows;
mod workspaces;

pub use database::Database;
