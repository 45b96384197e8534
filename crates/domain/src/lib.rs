//! Nouns, rules and ports of carrel. Knows nothing of HTTP, SQL, JSON, tokio or the environment.
//!
//! A noun and the port that keeps it live in one module: [`workspace`], [`document`],
//! [`library`] (documents inside workspaces), [`vector`], [`model`], [`chat`], [`thread`], [`api_key`],
//! [`user`], [`settings`], [`job`]. Every failure is an [`Error`].
#[macro_use]
mod text_enum;
mod among;
pub mod api_key;
pub mod audit;
pub mod backup;
pub mod catalogue;
pub mod chat;
pub mod chat_edit;
pub mod chat_log;
pub mod document;
pub mod embed;
pub mod embedding;
mod error;
pub mod export;
pub mod filter;
pub mod generated_file;
pub mod health;
pub mod ids;
pub mod invite;
pub mod job;
pub mod lexical;
pub mod library;
pub mod link;
pub mod login_attempt;
pub mod member;
pub mod model;
pub mod owner;
pub mod path;
pub mod picture;
pub mod pin;
pub mod repeat;
pub mod settings;
pub mod shelf;
pub mod slug;
pub mod thread;
pub mod usage;
pub mod user;
pub mod vector;
pub mod workspace;

pub use among::Among;
pub use error::{Error, Result};
pub use ids::{
    ApiKeyId, ChatId, ChunkId, DocumentId, EmbedId, InviteId, JobId, ThreadId, UserId,
    WorkspaceDocumentId, WorkspaceId,
};
pub use path::{DocumentPath, Folder};
pub use slug::Slug;
