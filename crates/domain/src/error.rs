//! The errors of domain operations.
use std::borrow::Cow;
use std::error::Error as StdError;
use std::io::{self, ErrorKind};

/// The result of a domain operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;
type Cause = Box<dyn StdError + Send + Sync>;

/// An error of a domain operation. Variants exist only where callers act differently on them.
///
/// The text of every variant except [`Error::Internal`] can be shown to the person who made the
/// request.
///
/// ```
/// use carrel_domain::Error;
///
/// let error = Error::unavailable("the embedder", "connection refused; check its address");
/// assert_eq!(
///     error.to_string(),
///     "the embedder is unavailable: connection refused; check its address",
/// );
/// ```
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No such item exists. The text reads ``no document matches `a/b.json` ``.
    #[error("no {kind} matches `{key}`")]
    NotFound {
        /// A noun without an article: `workspace`.
        kind: &'static str,
        /// The key that was looked up.
        key: String,
    },
    /// The item already exists. Without a `key`, `kind` is the complete text.
    #[error("{}", conflict(kind, key))]
    AlreadyExists {
        /// A noun without an article, or a complete sentence.
        kind: &'static str,
        /// The key that is taken. May be empty.
        key: String,
    },
    /// The request is invalid.
    #[error("{field}: {reason}")]
    Invalid {
        /// The part of the request, by its name in the API.
        field: Cow<'static, str>,
        /// What is allowed. Completes a sentence that begins with the field.
        reason: Cow<'static, str>,
    },
    /// The input exceeds a size limit set by the operator.
    #[error("{what} is larger than the {limit} bytes allowed")]
    TooLarge {
        /// The input, with its article: `the file`.
        what: &'static str,
        /// The limit, in bytes.
        limit: u64,
    },
    /// The request is valid but its content cannot be processed.
    #[error("{reason}")]
    Unprocessable {
        /// A complete sentence.
        reason: Cow<'static, str>,
    },
    /// The caller has reached a limit.
    #[error("{what}")]
    Exhausted {
        /// The limit, in words for the caller.
        what: Cow<'static, str>,
    },
    /// A dependency of the server is not available.
    #[error("{service} is unavailable: {reason}")]
    Unavailable {
        /// The service, with its article: `the embedder`.
        service: &'static str,
        /// What failed and how to fix it.
        reason: Cow<'static, str>,
        /// The cause reported by the service.
        #[source]
        source: Option<Cause>,
    },
    /// A fault of the server or its environment. The cause is logged and not shown to clients.
    #[error("unexpected failure")]
    Internal(#[source] Cause),
}

impl Error {
    /// Creates an [`Error::NotFound`]. `kind` is a noun without an article, `key` the key looked
    /// up.
    pub fn not_found(kind: &'static str, key: impl ToString) -> Self {
        Self::NotFound { kind, key: key.to_string() }
    }

    /// Creates an [`Error::Invalid`]. `field` names the part of the request, and `reason` completes
    /// a sentence that begins with it.
    pub fn invalid(
        field: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }

    /// Creates an [`Error::Unprocessable`] from a complete sentence.
    pub fn unprocessable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Unprocessable { reason: reason.into() }
    }

    /// Creates an [`Error::Exhausted`]. `what` names the limit in words for the caller.
    pub fn exhausted(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Exhausted { what: what.into() }
    }

    /// Creates an [`Error::Unavailable`] without a cause.
    pub fn unavailable(service: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Unavailable { service, reason: reason.into(), source: None }
    }

    /// Creates an [`Error::Internal`] that keeps its cause for the log.
    pub fn internal(source: impl Into<Cause>) -> Self {
        Self::Internal(source.into())
    }

    /// Creates the error of a failed file operation: [`Error::Unavailable`] if the operator can fix
    /// it, such as a full disk or a missing permission, otherwise [`Error::Internal`].
    pub fn of_file(source: impl Into<Cause>) -> Self {
        let source = source.into();
        match remedy(&*source) {
            Some(reason) => Self::Unavailable {
                service: "the storage directory",
                reason: reason.into(),
                source: Some(source),
            },
            None => Self::Internal(source),
        }
    }
}

fn conflict(kind: &str, key: &str) -> String {
    match key {
        "" => kind.to_owned(),
        key => format!("{kind} `{key}` already exists"),
    }
}

/// Returns the remedy for a file system failure.
fn remedy(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        let file = error.downcast_ref::<io::Error>();
        if let Some(reason) = file.and_then(|file| reason(file.kind())) {
            return Some(reason);
        }
        // `io::Error::source` skips the wrapped error itself.
        let made_of = file.and_then(io::Error::get_ref);
        next = made_of.map(|inner| inner as &(dyn StdError + 'static)).or_else(|| error.source());
    }
    None
}

fn reason(kind: ErrorKind) -> Option<&'static str> {
    match kind {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            Some("its disk is full; make room and try again")
        }
        ErrorKind::ReadOnlyFilesystem => Some("its file system is read-only"),
        ErrorKind::PermissionDenied => Some("the server is not permitted to use it"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_unavailable_not_internal() {
        let full = || io::Error::from(ErrorKind::StorageFull);
        let wrapped = io::Error::other(io::Error::other(full()));
        for error in [Error::of_file(full()), Error::of_file(wrapped)] {
            let message =
                "the storage directory is unavailable: its disk is full; make room and try again";
            assert_eq!(error.to_string(), message);
        }
        let invalid = Error::of_file(io::Error::from(ErrorKind::InvalidData));
        assert!(matches!(invalid, Error::Internal(_)));
    }
}
