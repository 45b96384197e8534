//! The native API, `/v1`: a module for each subject, which has the handlers and, in `wire`, their JSON.
//! What several subjects share lies here.
pub mod admin;
pub mod auth;
pub mod chat_edits;
pub mod conversations;
pub mod directory;
pub mod documents;
pub mod embeds;
pub mod filter;
pub mod history;
pub mod imports;
pub mod jobs;
pub mod openai;
pub mod pins;
pub mod placements;
pub mod prompts;
mod provenance;
pub mod search;
pub mod session;
pub mod source;
pub mod system;
pub mod threads;
pub mod workspaces;
