//! What the repositories promise, on both real databases.
#![expect(
    clippy::unwrap_used,
    reason = "these are tests; clippy sees it only of `#[test]` functions"
)]

#[macro_use]
mod support;

mod api_keys;
mod audit;
mod catalogue;
mod chat_edits;
mod chat_log;
mod chats;
mod clearing;
mod concurrency;
mod embeddings;
mod embeds;
mod everyone_at_once;
mod export;
mod inventory;
mod invites;
mod job_queue;
mod jobs;
mod lexical;
mod library;
mod login_attempts;
mod members;
mod migrations;
mod opening;
mod owner;
mod people_and_settings;
mod pins;
mod placements;
mod placing;
mod quota;
mod repeats;
mod replacing;
mod sessions;
mod shelves;
mod sign_in_tokens;
mod threads;
mod usage;
mod users;
mod vectors;
mod workspaces;
