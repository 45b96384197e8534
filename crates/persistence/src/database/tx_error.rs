//! Errors that abort a transaction, and their translation for callers.
use carrel_domain::Error;
use diesel::result::{DatabaseErrorKind as Kind, Error as QueryError};

/// The database failed, or we refused. Either way nothing of the transaction stays.
#[derive(Debug)]
pub(crate) enum TxError {
    Failed(QueryError),
    Refused(Error),
}

impl From<QueryError> for TxError {
    fn from(error: QueryError) -> Self {
        Self::Failed(error)
    }
}

impl From<Error> for TxError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

impl From<TxError> for Error {
    fn from(error: TxError) -> Self {
        match error {
            TxError::Refused(error) => error,
            TxError::Failed(error) => match remedy(&error) {
                Some(reason) => unavailable(reason, error),
                None => Self::internal(error),
            },
        }
    }
}

/// The database does not answer now.
pub(crate) fn unavailable(
    reason: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> Error {
    Error::Unavailable {
        service: "the database",
        reason: reason.into(),
        source: Some(source.into()),
    }
}

/// What to do about a failure that is neither the request's fault nor ours.
fn remedy(error: &QueryError) -> Option<&'static str> {
    let QueryError::DatabaseError(kind, information) = error else {
        return None;
    };
    let message = information.message();
    if matches!(kind, Kind::ReadOnlyTransaction)
        || message == "attempt to write a readonly database"
        || message == "unable to open database file"
    {
        Some("it is read-only at the moment")
    } else if matches!(kind, Kind::ClosedConnection | Kind::UnableToSendCommand) {
        Some("the connection to it was lost; try again")
    } else if message == "database is locked" {
        Some("another process is writing to it; try again")
    } else if message == "database or disk is full" || message.contains("No space left on device") {
        Some("its disk is full; make room and try again")
    } else {
        None
    }
}

/// Reads broken constraints as the refusals they stand for.
pub(crate) trait OrRefused<T> {
    /// A broken unique constraint means: another `kind` already goes by `key`.
    fn or_taken(self, kind: &'static str, key: impl ToString) -> Result<T, TxError>;
    /// A broken foreign key means: there is no `kind` with `key`.
    fn or_not_found(self, kind: &'static str, key: impl ToString) -> Result<T, TxError>;
}

impl<T, E: Into<TxError>> OrRefused<T> for Result<T, E> {
    fn or_taken(self, kind: &'static str, key: impl ToString) -> Result<T, TxError> {
        self.map_err(|error| match error.into() {
            TxError::Failed(QueryError::DatabaseError(Kind::UniqueViolation, _)) => {
                Error::AlreadyExists { kind, key: key.to_string() }.into()
            }
            other => other,
        })
    }

    fn or_not_found(self, kind: &'static str, key: impl ToString) -> Result<T, TxError> {
        self.map_err(|error| match error.into() {
            TxError::Failed(QueryError::DatabaseError(Kind::ForeignKeyViolation, _)) => {
                Error::not_found(kind, key).into()
            }
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(kind: Kind, message: &str) -> Error {
        let failed = QueryError::DatabaseError(kind, Box::new(message.to_owned()));
        TxError::from(failed).into()
    }

    #[test]
    fn what_may_pass_is_told_from_what_is_broken() {
        for (kind, message) in [
            (Kind::ClosedConnection, "server closed the connection unexpectedly"),
            (Kind::Unknown, "database is locked"),
            (Kind::Unknown, "database or disk is full"),
            (Kind::Unknown, "attempt to write a readonly database"),
            (Kind::ReadOnlyTransaction, "cannot execute INSERT in a read-only transaction"),
            (Kind::Unknown, "could not extend file \"x\": No space left on device"),
        ] {
            assert!(matches!(answer(kind, message), Error::Unavailable { .. }), "{message}");
        }
        assert!(matches!(answer(Kind::Unknown, "no such table: x"), Error::Internal(_)));
    }

    #[test]
    fn a_person_is_not_shown_what_the_database_said() {
        let error = answer(Kind::Unknown, "could not extend file \"x\": No space left on device");
        assert_eq!(
            error.to_string(),
            "the database is unavailable: its disk is full; make room and try again"
        );
    }
}
