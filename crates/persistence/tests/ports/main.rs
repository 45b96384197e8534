//! What the repositories promise, on both real databases.
#![expect(
    clippy::unwrap_used,
    reason = "these are tests; clippy sees it only of `#[test]` functions"
)]

#[macro_use]
mod support;

mod api_keys;
mod chats;
mod concurrency;
mod library;
mod migrations;
mod opening;
mod people_and_settings;
mod placements;
mod vectors;
mod workspaces;
