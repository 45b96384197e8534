//! Suggested messages, slash commands, variables, earlier instructions and memories.
pub(crate) mod history;
pub(crate) mod memories;
pub(crate) mod slash_commands;
pub(crate) mod suggested_messages;
pub(crate) mod variables;
