//! Suggested messages, slash commands, variables and previous instructions of the native API. Each
//! file has its operations with their bodies and responses.
pub mod history;
pub mod memories;
pub mod slash_commands;
pub mod suggested_messages;
pub mod variables;
