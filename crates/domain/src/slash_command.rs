//! Slash commands: short names for texts that people write into messages again and again.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::{Error, Result, SlashCommandId, UserId};

/// The name of a command without its slash: 1 to 50 of `a-z`, `0-9`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CommandName(String);

impl CommandName {
    const LONGEST: usize = 50;

    /// Reads a name with or without its slash. [`Error::Invalid`] for what is no name.
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

    /// A name as a database holds it.
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// The name without its slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a byte may be part of a name.
pub fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_'
}

/// What a person may change about a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandText {
    /// The name, without its slash.
    pub name: CommandName,
    /// What the command stands for.
    pub prompt: String,
    /// What it is for, for people; may be empty.
    pub description: String,
}

/// A short name for a text that people write into messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlashCommand {
    /// Names it in routes.
    pub id: SlashCommandId,
    /// Its name, the text it stands for, and its description.
    pub text: CommandText,
    /// The owner; everybody if absent.
    pub user: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Stores slash commands. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait SlashCommands: Send + Sync {
    /// Every command, by name, everybody's before those of users.
    async fn list(&self) -> Result<Vec<SlashCommand>>;
    /// Everybody's commands, and those of a user if one is named, by name.
    async fn available(&self, user: Option<UserId>) -> Result<Vec<SlashCommand>>;
    /// The command of an id; `None` when there is none.
    async fn by_id(&self, id: SlashCommandId) -> Result<Option<SlashCommand>>;
    /// [`Error::AlreadyExists`] when the user, or everybody, has a command of that name;
    /// [`Error::NotFound`] when there is no such user.
    async fn create(
        &self,
        text: CommandText,
        user: Option<UserId>,
        event: Event,
    ) -> Result<SlashCommand>;
    /// See [`SlashCommands::create`]; [`Error::NotFound`] also when there is no such command.
    async fn update(&self, id: SlashCommandId, text: CommandText, event: Event) -> Result<()>;
    /// Says whether there was such a command.
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
