//! The nouns, rules and ports of carrel. This crate does not depend on HTTP, SQL, JSON, tokio or
//! the environment.
//!
//! Each module holds a noun and the port that stores it: [`workspace`], [`document`], [`library`]
//! (documents inside workspaces), [`vector`], [`model`], [`chat`], [`thread`], [`api_key`],
//! [`user`], [`settings`], [`job`]. Every failure is an [`Error`].
//!
//! # Ports
//!
//! A port is a trait that an adapter implements. A method is one atomic transaction unless its
//! documentation says otherwise. A method that changes something takes an [`audit::Event`], which
//! records the author, the time and the change, and is written in the same transaction:
//!
//! ```
//! use carrel_domain::audit::By;
//! use chrono::{DateTime, Utc};
//!
//! // Time comes from the caller, so that a test can set it.
//! let by = By::operator(DateTime::<Utc>::UNIX_EPOCH);
//! let event = by.event("workspace_created", r#"{"workspaceName":"Garden"}"#);
//! assert_eq!((event.name, event.by), ("workspace_created", by));
//! ```
//!
//! # Values
//!
//! Values are parsed at the edge and are valid from then on:
//!
//! ```
//! use carrel_domain::{DocumentPath, Error, Slug};
//!
//! let path = DocumentPath::parse("custom-documents/notes.json")?;
//! assert_eq!((path.folder(), path.name()), ("custom-documents", "notes.json"));
//! assert!(matches!(DocumentPath::parse("../notes.json"), Err(Error::Invalid { .. })));
//! assert_eq!(Slug::of("C++ & Rust").as_str(), "c-plus-plus-and-rust");
//! # Ok::<(), Error>(())
//! ```
#![warn(missing_docs)]
#[macro_use]
mod text_enum;
pub mod api_key;
pub mod archive;
pub mod audit;
pub mod backup;
pub mod chat;
pub mod chat_edit;
pub mod chat_log;
pub mod chat_search;
pub mod deletion;
pub mod document;
pub mod document_list;
pub mod embedding;
mod error;
pub mod export;
pub mod extension_key;
pub mod filter;
pub mod folder;
pub mod generated_file;
pub mod health;
pub mod idempotency;
pub mod ids;
pub mod image;
pub mod import;
pub mod invite;
pub mod job;
pub mod lexical;
pub mod library;
pub mod link;
pub mod login_attempt;
pub mod member;
pub mod memory;
pub mod model;
pub mod original;
pub mod owner;
mod page;
pub mod path;
pub mod picture;
pub mod pin;
pub mod prompt_history;
pub mod prompt_variable;
pub mod provenance;
pub mod recovery_code;
pub mod reranker;
mod selection;
pub mod settings;
pub mod share;
pub mod slash_command;
pub mod slug;
pub mod speech;
pub mod suggested_message;
pub mod text_kind;
pub mod thread;
pub mod thread_file;
pub mod upload;
pub mod usage;
pub mod user;
pub mod vector;
mod warnings;
pub mod widget;
pub mod workspace;

pub use error::{Error, Result};
pub use ids::{
    ApiKeyId, ChatId, ChunkId, DocumentId, EarlierPromptId, ExtensionKeyId, InviteId, JobId,
    MemoryId, SlashCommandId, ThreadFileId, ThreadId, UserId, WidgetId, WorkspaceDocumentId,
    WorkspaceId,
};
pub use page::Page;
pub use path::{DocumentPath, Folder};
pub use selection::DocumentSelection;
pub use slug::Slug;
pub use text_kind::TextKind;
pub use warnings::Warnings;
