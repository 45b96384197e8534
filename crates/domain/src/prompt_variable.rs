//! Variables defined by the operator: `{name}` in instructions is replaced by a text.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::{Error, Result};

/// The name of a variable: 1 to 255 characters of `a-z`, `A-Z`, `0-9` and `_`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VariableName(String);

impl VariableName {
    const LONGEST: usize = 255;

    /// Parses a name with or without braces. [`Error::Invalid`] if it has other characters or
    /// length.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let name = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(text);
        let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match (1..=Self::LONGEST).contains(&name.len()) && name.bytes().all(is_of_name) {
            true => Ok(Self(name.to_owned())),
            false => {
                Err(Error::invalid("key", "must be 1 to 255 letters from a to z, digits and `_`"))
            }
        }
    }

    /// Creates a name from a stored value without validation.
    pub fn from_stored(name: String) -> Self {
        Self(name)
    }

    /// Returns the name without braces.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A text that replaces `{name}` in instructions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PromptVariable {
    /// The name, without braces.
    pub name: VariableName,
    /// The replacement text, at most 16 KiB.
    pub value: String,
    /// A description, at most 1,000 characters. May be empty.
    pub description: String,
    /// The time of the last change.
    pub updated_at: DateTime<Utc>,
}

/// Stores variables. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait PromptVariables: Send + Sync {
    /// Returns every variable, by name.
    async fn list(&self) -> Result<Vec<PromptVariable>>;
    /// Creates or replaces a variable. [`Error::Exhausted`] if there would be more than `most`.
    async fn set(&self, variable: PromptVariable, most: usize, event: Event) -> Result<()>;
    /// Deletes a variable. Returns `false` if it does not exist.
    async fn delete(&self, name: &VariableName, event: Event) -> Result<bool>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_letters_digits_and_underscores() {
        assert_eq!(VariableName::parse(" {closing_Time1} ").unwrap().as_str(), "closing_Time1");
        for text in ["", "{}", "a b", "a.b", "é", "{a", "a}", &"x".repeat(256)] {
            assert!(VariableName::parse(text).is_err(), "{text}");
        }
    }
}
