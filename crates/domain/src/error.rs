//! Why an operation could not be carried out, in the words of the domain.
use std::borrow::Cow;
use std::error::Error as StdError;
use std::io::{self, ErrorKind};

/// The result of fallible operations of the domain.
pub type Result<T, E = Error> = std::result::Result<T, E>;
type Cause = Box<dyn StdError + Send + Sync>;

/// Variants exist only where a caller would act differently on them.
///
/// The text of every variant but [`Error::Internal`] is fit for the person who made the request.
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
    /// There is no such thing. The text reads ``no document matches `a/b.json` ``.
    #[error("no {kind} matches `{key}`")]
    NotFound {
        /// A noun without an article: `workspace`.
        kind: &'static str,
        /// The key that was looked up.
        key: String,
    },
    /// Without a `key`, `kind` is the whole sentence.
    #[error("{}", conflict(kind, key))]
    AlreadyExists {
        /// A noun without an article, or the whole sentence.
        kind: &'static str,
        /// The taken key; may be empty.
        key: String,
    },
    /// The request itself is wrong: `field` says where, `reason` what is allowed there.
    #[error("{field}: {reason}")]
    Invalid {
        /// The part of the request, as clients call it.
        field: Cow<'static, str>,
        /// Completes a sentence that begins with the field.
        reason: Cow<'static, str>,
    },
    /// `what` is larger than the `limit`, in bytes, that the operator has set.
    #[error("{what} is larger than the {limit} bytes allowed")]
    TooLarge {
        /// With its article: `the file`.
        what: &'static str,
        /// In bytes.
        limit: u64,
    },
    /// The content was understood as a request, but nothing can be made of it.
    #[error("{reason}")]
    Unprocessable {
        /// A whole sentence.
        reason: Cow<'static, str>,
    },
    /// The caller has reached a limit; `what` names it.
    #[error("{what}")]
    Exhausted {
        /// The limit, in words for the caller.
        what: Cow<'static, str>,
    },
    /// Something this server depends on does not answer now; `reason` says what to do about it.
    #[error("{service} is unavailable: {reason}")]
    Unavailable {
        /// The service, with its article: `the embedder`.
        service: &'static str,
        /// The failure and its remedy, in words.
        reason: Cow<'static, str>,
        /// The cause, as reported by the service.
        #[source]
        source: Option<Cause>,
    },
    /// A fault of the server or its surroundings. Clients are told nothing of the cause, which is
    /// logged.
    #[error("unexpected failure")]
    Internal(#[source] Cause),
}

impl Error {
    /// An [`Error::NotFound`]: `kind` is a noun without an article, `key` what was looked for.
    pub fn not_found(kind: &'static str, key: impl ToString) -> Self {
        Self::NotFound { kind, key: key.to_string() }
    }

    /// An [`Error::Invalid`]: `field` names the part of the request, and `reason` completes a
    /// sentence that begins with it.
    pub fn invalid(
        field: impl Into<Cow<'static, str>>,
        reason: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self::Invalid { field: field.into(), reason: reason.into() }
    }

    /// An [`Error::Unprocessable`] with a whole sentence.
    pub fn unprocessable(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Unprocessable { reason: reason.into() }
    }

    /// An [`Error::Exhausted`]: `what` is a plural noun, such as `requests`.
    pub fn exhausted(what: impl Into<Cow<'static, str>>) -> Self {
        Self::Exhausted { what: what.into() }
    }

    /// An [`Error::Unavailable`]: `service` did not answer for `reason`.
    pub fn unavailable(service: &'static str, reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Unavailable { service, reason: reason.into(), source: None }
    }

    /// An [`Error::Internal`] that keeps its cause for the log.
    pub fn internal(source: impl Into<Cause>) -> Self {
        Self::Internal(source.into())
    }

    /// A file could not be read or written. [`Error::Unavailable`] when the operator can help: when
    /// the disk is full, say, or may not be written to.
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

/// The remedy for a failure of the file system.
fn remedy(error: &(dyn StdError + 'static)) -> Option<&'static str> {
    let mut next = Some(error);
    while let Some(error) = next {
        let file = error.downcast_ref::<io::Error>();
        if let Some(reason) = file.and_then(|file| reason(file.kind())) {
            return Some(reason);
        }
        // What an `io::Error` was made of is not among its sources.
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
    fn a_full_disk_is_not_our_failure() {
        let full = || io::Error::from(ErrorKind::StorageFull);
        let wrapped = io::Error::other(io::Error::other(full()));
        for error in [Error::of_file(full()), Error::of_file(wrapped)] {
            let said =
                "the storage directory is unavailable: its disk is full; make room and try again";
            assert_eq!(error.to_string(), said);
        }
        let broken = Error::of_file(io::Error::from(ErrorKind::InvalidData));
        assert!(matches!(broken, Error::Internal(_)));
    }
}
