//! Slash commands: short names for texts that people insert into messages.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::{Error, Result, SlashCommandId, UserId};

/// The name of a command without its slash: 1 to 50 characters of `a-z`, `0-9`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandName(String);

impl CommandName {
    const LONGEST: usize = 50;

    /// Parses a name with or without its slash. [`Error::Invalid`] if it has other characters or
    /// length.
    pub fn parse(text: &str) -> Result<Self> {
        let name = text.trim().trim_start_matches('/').to_lowercase();
        let is_fine = (1..=Self::LONGEST).contains(&name.len()) && name.bytes().all(is_of_name);
        match is_fine {
            true => Ok(Self(name)),
            false => Err(Error::invalid(
                "command",
                "must be 1 to 50 letters from a to z, digits, `-` and `_`, after a slash",
            )),
        }
    }

    /// Creates a name from a stored value without validation.
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// Returns the name without its slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Returns whether a byte is allowed in a name.
pub fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
}

/// The editable parts of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandText {
    /// The name, without its slash.
    pub name: CommandName,
    /// The text that the command inserts.
    pub prompt: String,
    /// A description. May be empty.
    pub description: String,
}

/// A stored slash command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlashCommand {
    /// The id used in routes.
    pub id: SlashCommandId,
    /// The name, the text and the description.
    pub text: CommandText,
    /// The user the command belongs to. Absent if it belongs to everybody.
    pub user: Option<UserId>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
    /// The time of the last change.
    pub updated_at: DateTime<Utc>,
}

/// Stores slash commands. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait SlashCommands: Send + Sync {
    /// Returns every command by name, those of everybody before those of users.
    async fn list(&self) -> Result<Vec<SlashCommand>>;
    /// Returns the commands of everybody and, if `user` is given, of that user, by name.
    async fn available(&self, user: Option<UserId>) -> Result<Vec<SlashCommand>>;
    /// Returns the command with an id, if it exists.
    async fn by_id(&self, id: SlashCommandId) -> Result<Option<SlashCommand>>;
    /// Stores a command. [`Error::AlreadyExists`] if the user, or everybody, has a command of that
    /// name, [`Error::NotFound`] if the user does not exist.
    async fn create(
        &self,
        text: CommandText,
        user: Option<UserId>,
        event: Event,
    ) -> Result<SlashCommand>;
    /// Changes a command. [`Error::NotFound`] if it does not exist, [`Error::AlreadyExists`] as for
    /// [`SlashCommands::create`].
    async fn update(&self, id: SlashCommandId, text: CommandText, event: Event) -> Result<()>;
    /// Deletes a command. Returns `false` if it does not exist.
    async fn delete(&self, id: SlashCommandId, event: Event) -> Result<bool>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_lower_case_letters_digits_and_dashes() {
        for (text, name) in [("/tea-time-", "tea-time-"), (" Sum_1 ", "sum_1"), ("//x", "x")] {
            assert_eq!(CommandName::parse(text).unwrap().as_str(), name);
        }
        for text in ["", "/", "a b", "é", "a/b", &"x".repeat(51)] {
            assert!(CommandName::parse(text).is_err(), "{text}");
        }
    }
}
