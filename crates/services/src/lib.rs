//! What carrel does that takes more than one port, or a decision that two entrances must make
//! alike. Knows no HTTP, no SQL and no provider.
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
pub mod exports;
pub mod failed_sign_ins;
pub mod images;
pub mod imports;
pub mod indexer;
pub mod ingestion;
pub mod invitations;
pub mod jobs;
pub mod library;
pub mod login_throttle;
pub mod members;
pub mod meter;
pub mod model_lists;
pub mod multi_user_mode;
pub mod openai;
pub mod originals;
pub mod ownership;
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
pub mod redact;
pub mod search;
pub mod settings;
pub mod shares;
pub mod sign_in;
pub mod sign_on;
pub mod slash_commands;
pub mod suggested_messages;
pub mod target_folder;
pub mod threads;
pub mod token;
pub mod widgets;
pub mod workspaces;

#[cfg(test)]
mod fakes;

pub use ports::Ports;
