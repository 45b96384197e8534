//! The contracts of the repositories, tested on both real databases.
#![expect(
    clippy::unwrap_used,
    reason = "these are tests; clippy sees it only of `#[test]` functions"
)]

#[macro_use]
mod support;

mod api_keys;
mod archive;
mod audit;
mod audit_seals;
mod bulk_delete;
mod chat_edits;
mod chat_images;
mod chat_log;
mod chats;
mod concurrency;
mod document_list;
mod embeddings;
mod everyone_at_once;
mod export;
mod folders;
mod idempotency;
mod indexing;
mod indexing_together;
mod inventory;
mod invites;
mod job_queue;
mod job_recordings;
mod jobs;
mod lexical;
mod library;
mod login_attempts;
mod members;
mod migrations;
mod opening;
mod originals;
mod owner;
mod parts;
mod people_and_settings;
mod pictures;
mod pins;
mod prompts;
mod quota;
mod recovery_links;
mod replace;
mod sessions;
mod sign_in_tokens;
mod speech_use;
mod threads;
mod uploads;
mod usage;
mod users;
mod vectors;
mod widgets;
mod workspaces;
