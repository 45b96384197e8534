//! The domain's repositories, kept in SQLite or PostgreSQL with one set of queries.
//!
//! [`Database`] implements every repository port. Statements are written once with diesel, over a
//! connection that is either of the two; where that is not expressible, `on_each_backend!`
//! compiles one text for both.
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
//! // Nothing waits to be indexed, so there is no job to claim.
//! let lease = LeaseRequest { token: uuid::Uuid::new_v4(), until: by.at + TimeDelta::seconds(20) };
//! assert!(database.claim(lease, by.at).await?.is_none());
//! # anyhow::Ok(()) })?;
//! # Ok::<(), anyhow::Error>(())
//! ```
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
