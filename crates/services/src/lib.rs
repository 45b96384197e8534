//! Services: operations that use more than one port, and decisions that the API and the pages must
//! make alike. This crate contains no HTTP, no SQL and no provider.
//!
//! To build your own service, start with [`DocumentServices`]. Given a database (crate
//! `persistence`) and [`Adapters`], it adds documents ([`ingestion`]), finds passages ([`search`])
//! and answers questions ([`chat`]). `examples/library_service.rs` is such a service in less than a
//! hundred lines. Every change has an actor and a time ([`carrel_domain::audit::By`]), and every
//! failure is a [`carrel_domain::Error`].
#![warn(missing_docs)]
pub mod accounts;
pub mod admission;
pub mod api_keys;
pub mod archive;
pub mod audit;
pub mod background;
pub mod backup;
pub mod bulk_delete;
pub mod chat;
pub mod chat_edits;
pub mod connection_test;
pub mod deletions;
mod document_services;
mod exchange;
pub mod exports;
pub mod extension_keys;
pub mod failed_sign_ins;
mod generated_files;
pub mod images;
pub mod imports;
pub mod indexer;
pub mod ingestion;
pub mod invitations;
pub mod jobs;
pub mod library;
pub mod login_throttle;
pub mod members;
pub mod memories;
pub mod meter;
pub mod model_lists;
pub mod multi_user_mode;
pub mod openai;
pub mod originals;
pub mod ownership;
mod pending_recordings;
pub mod pictures;
pub mod pins;
mod ports;
pub mod preferences;
pub mod prompt;
pub mod prompt_history;
pub mod prompt_variables;
pub mod provenance;
pub mod rate_limiter;
pub mod reasoning;
pub mod record;
pub mod recovery;
pub mod redact;
pub mod search;
pub mod settings;
pub mod shares;
pub mod sign_in;
pub mod sign_on;
pub mod slash_commands;
pub mod speech;
pub mod suggested_messages;
pub mod target_folder;
pub mod threads;
pub mod token;
pub mod widgets;
pub mod workspaces;

#[cfg(test)]
mod fakes;

pub use document_services::{Adapters, DocumentServices, Repository};
pub use ports::Ports;
