//! Errors of reading a file, in a form that can be sent from one process to another.
use carrel_domain::Error;
use serde::{Deserialize, Serialize};

use super::Limits;

/// Maximum number of reasons in a refusal.
const MAX_REASONS: usize = 5;

/// Why a file cannot be read. Most texts complete "`<name of the file>` …", because a reader need
/// not know the name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ExtractError {
    /// The file has no text. Details are a separate sentence.
    Empty(Option<String>),
    /// Its content does not match its type, or is damaged.
    Damaged(String),
    /// The file is refused for another reason.
    Refused(String),
    FileTooLarge,
    TextTooLarge,
    /// A whole sentence, without the name.
    Message(String),
    /// No reader is available now, and why.
    Unavailable(String),
    /// A failure of this program.
    Internal(String),
}

impl ExtractError {
    pub fn empty() -> Self {
        Self::Empty(None)
    }

    /// Returns an error for a damaged file. `what` names the type with its article: `a PDF file`.
    pub fn damaged(what: &str) -> Self {
        Self::Damaged(what.to_owned())
    }

    pub fn unreadable(why: impl Into<String>) -> Self {
        Self::Refused(why.into())
    }

    pub fn with_message(sentence: impl Into<String>) -> Self {
        Self::Message(sentence.into())
    }

    /// Returns an error for a file without text. Each of `warnings` describes other content.
    pub fn nothing_but(warnings: impl Iterator<Item = String>) -> Self {
        let warnings = carrel_domain::Warnings::new(warnings.take(MAX_REASONS));
        let reasons = warnings.iter().collect::<Vec<_>>().join(" ");
        Self::Empty((!reasons.is_empty()).then_some(reasons))
    }

    pub fn protected() -> Self {
        Self::unreadable("is protected by a password. Remove the password and send it again.")
    }

    pub fn too_many_entries(most: usize) -> Self {
        Self::unreadable(format!("is an archive of more than {most} entries, which is too many."))
    }

    pub fn inflates_too_far(limit: u64) -> Self {
        Self::unreadable(format!(
            "unpacks to more than the {limit} bytes allowed (CARREL_PARSE_INFLATED)."
        ))
    }

    /// Returns the error for the client, which calls the file `name`.
    pub fn into_error(self, name: &str, limits: Limits) -> Error {
        match self {
            Self::Empty(None) => Error::unprocessable(format!("No text content found in {name}.")),
            Self::Empty(Some(more)) => {
                Error::unprocessable(format!("No text content found in {name}. {more}"))
            }
            Self::Damaged(what) => {
                Error::unprocessable(format!("{name} is damaged, or it is not {what}."))
            }
            Self::Refused(why) => Error::unprocessable(format!("{name} {why}")),
            Self::Message(sentence) => Error::unprocessable(sentence),
            Self::FileTooLarge => Error::TooLarge { what: "the file", limit: limits.file },
            Self::TextTooLarge => {
                Error::TooLarge { what: "the text of the file", limit: limits.text }
            }
            Self::Unavailable(why) => Error::unavailable("the reader of documents", why),
            Self::Internal(cause) => Error::internal(cause),
        }
    }
}

/// A failure to read one of this server's own files is an internal error.
impl From<std::io::Error> for ExtractError {
    fn from(error: std::io::Error) -> Self {
        Self::Internal(format!("failed to read the file: {error}"))
    }
}
