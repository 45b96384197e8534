//! What people ask with, on the native API: suggested messages, slash commands, variables and earlier
//! instructions. Each file has its operations with their bodies and answers.
pub mod history;
pub mod slash_commands;
pub mod suggested_messages;
pub mod variables;
