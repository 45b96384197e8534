//! Errors that abort a transaction, and their conversion to domain errors.
use carrel_domain::Error;
use diesel::result::{DatabaseErrorKind as Kind, Error as QueryError};

/// The database failed or the domain refused the change. The transaction is rolled back either way.
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

/// Returns the error for a database that cannot be used at the moment.
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

/// Returns the reason of a failure that is caused by the database's environment, not by the request
/// or the code.
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

/// Converts violated constraints to the refusals that they mean.
pub(crate) trait OrRefused<T> {
    /// A violated unique constraint means that another `kind` has this `key`.
    fn or_taken(self, kind: &'static str, key: impl ToString) -> Result<T, TxError>;
    /// A violated foreign key means that no `kind` has this `key`.
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
    fn temporary_failures_are_told_from_defects() {
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
