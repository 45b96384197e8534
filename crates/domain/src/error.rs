//! Why an operation could not be carried out, in the words of the domain.
use std::borrow::Cow;
use std::error::Error as StdError;

pub type Result<T, E = Error> = std::result::Result<T, E>;
type Cause = Box<dyn StdError + Send + Sync>;

/// Variants exist only where a caller would act differently on them.
///
/// The text of every variant but [`Error::Internal`] is fit for the person who made the request.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("no {kind} matches `{key}`")]
    NotFound { kind: &'static str, key: String },
    #[error("{kind} `{key}` already exists")]
    AlreadyExists { kind: &'static str, key: String },
    /// The request itself is wrong: `field` says where, `reason` what is allowed there.
    #[error("{field}: {reason}")]
    Invalid { field: Cow<'static, str>, reason: Cow<'static, str> },
    /// `what` is larger than the `limit`, in bytes, that the operator has set.
    #[error("{what} is larger than the {limit} bytes allowed")]
    TooLarge { what: &'static str, limit: u64 },
    /// The content was understood as a request, but nothing can be made of it.
    #[error("{reason}")]
    Unprocessable { reason: Cow<'static, str> },
    /// Whoever asks has had as much as they are allowed for now; `what` says of what.
    #[error("{what}")]
    Exhausted { what: Cow<'static, str> },
    /// Something this server depends on does not answer now; `reason` says what to do about it.
    #[error("{service} is unavailable: {reason}")]
    Unavailable {
        service: &'static str,
        reason: Cow<'static, str>,
        #[source]
        source: Option<Cause>,
    },
    #[error("unexpected failure")]
    Internal(#[source] Cause),
}

impl Error {
    pub fn not_found(kind: &'static str, key: impl ToString) -> Self {
        Self::NotFound { kind, key: key.to_string() }
    }

    pub fn invalid(
        field: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }

    pub fn unprocessable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Unprocessable { reason: reason.into() }
    }

    pub fn exhausted(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Exhausted { what: what.into() }
    }

    pub fn unavailable(service: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Unavailable { service, reason: reason.into(), source: None }
    }

    pub fn internal(source: impl Into<Cause>) -> Self {
        Self::Internal(source.into())
    }
}
