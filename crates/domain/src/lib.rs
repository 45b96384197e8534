//! Nouns, rules and ports of carrel. Knows nothing of HTTP, SQL, JSON, tokio or the environment.
//!
//! A noun and the port that keeps it live in one module: [`workspace`], [`document`],
//! [`library`] (documents inside workspaces), [`vector`], [`model`], [`chat`], [`thread`], [`api_key`],
//! [`user`], [`settings`], [`job`]. Every failure is an [`Error`].
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
pub mod model;
pub mod original;
pub mod owner;
mod page;
pub mod path;
pub mod pin;
pub mod prompt_history;
pub mod prompt_variable;
pub mod provenance;
mod selection;
pub mod settings;
pub mod share;
pub mod slash_command;
pub mod slug;
pub mod speech;
pub mod suggested_message;
mod text_kind;
pub mod thread;
pub mod upload;
pub mod usage;
pub mod user;
pub mod vector;
mod warnings;
pub mod widget;
pub mod workspace;

pub use error::{Error, Result};
pub use ids::{
    ApiKeyId, ChatId, ChunkId, DocumentId, EarlierPromptId, InviteId, JobId, SlashCommandId,
    ThreadId, UserId, WidgetId, WorkspaceDocumentId, WorkspaceId,
};
pub use page::Page;
pub use path::{DocumentPath, Folder};
pub use selection::DocumentSelection;
pub use slug::Slug;
pub use text_kind::TextKind;
pub use warnings::Warnings;
