//! Implements the repository ports of the domain on SQLite or PostgreSQL with one set of queries.
//!
//! [`Database`] implements every repository port. Statements are written once with diesel for a
//! connection of either kind; where diesel cannot express that, `on_each_backend!` compiles the
//! same code for each.
//!
//! ```
//! use carrel_domain::audit::By;
//! use carrel_domain::job::queue::{JobQueue, LeaseRequest};
//! use carrel_domain::workspace::{NewWorkspace, WorkspaceSettings, Workspaces};
//! use carrel_domain::{Error, Slug};
//! use carrel_persistence::Database;
//! use chrono::{TimeDelta, Utc};
//!
//! # tokio::runtime::Runtime::new()?.block_on(async {
//! let directory = tempfile::tempdir()?;
//! let url = format!("sqlite://{}", directory.path().join("service.db").display());
//! let database = Database::open(&url)?;
//!
//! let by = By::operator(Utc::now());
//! let garden = NewWorkspace {
//!     slug: Slug::of("Garden"),
//!     settings: WorkspaceSettings::named("Garden"),
//!     created_at: by.at,
//! };
//! let event = || by.event("workspace_created", "{}");
//! let made = Workspaces::create(&database, garden.clone(), event()).await?;
//! assert_eq!(database.by_slug("garden").await?, Some(made));
//! let again = Workspaces::create(&database, garden, event()).await;
//! assert!(matches!(again, Err(Error::AlreadyExists { .. })));
//!
//! // Nothing is queued for indexing, so there is no job to claim.
//! let lease = LeaseRequest { token: uuid::Uuid::new_v4(), until: by.at + TimeDelta::seconds(20) };
//! assert!(database.claim(lease, by.at).await?.is_none());
//! # anyhow::Ok(()) })?;
//! # Ok::<(), anyhow::Error>(())
//! ```
//!
//! # Locks
//!
//! On SQLite writers are serialized, so the order of locks does not matter. On PostgreSQL every
//! transaction locks in this order, which prevents deadlocks:
//!
//! 1. the advisory lock for changes to people and memberships and for deletions of exchanges;
//! 2. folders, by name;
//! 3. documents, by path;
//! 4. namespaces, by workspace;
//! 5. the workspace, the user and the thread of an exchange;
//! 6. all other rows: API keys by id, one job;
//! 7. blocks of exchanges, which triggers update: large before small, and each size by id;
//! 8. the head of the audit log (`audit`), always last.
#![warn(missing_docs)]
mod archive;
mod audit;
mod chats;
mod database;
mod documents;
mod idempotency;
mod import;
mod jobs;
mod people;
mod pictures;
mod prompts;
mod settings;
mod workspaces;

pub use database::Database;
