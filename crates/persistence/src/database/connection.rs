//! One connection type for both databases, and how connections are opened.
use std::thread::sleep;
use std::time::{Duration, Instant};

use carrel_domain::audit::AuditKey;
use carrel_postgres::Connector;
use diesel::connection::{AnsiTransactionManager, SimpleConnection, TransactionManager};
use diesel::r2d2::{Error as ConnectError, ManageConnection, R2D2Connection};
use diesel::{Connection, MultiConnection, PgConnection, SqliteConnection};

use crate::database::audit_key::set_audit_key;
use crate::database::sqlite_plans;
use crate::database::tx_error::TxError;

/// A connection to whichever database this process was configured with.
#[derive(MultiConnection)]
pub(crate) enum AnyConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

pub(crate) type AnyBackend = <AnyConnection as Connection>::Backend;

/// The columns `R` is read from, for use in `RETURNING`: diesel's own `as_returning` does not
/// reach through a `MultiConnection`.
pub(crate) fn columns<R: diesel::Selectable<AnyBackend>>() -> R::SelectExpression {
    R::construct_selection()
}

/// Writes a statement once and compiles it for each database.
///
/// For what diesel cannot express through a `MultiConnection`: upserts and inserts of many rows.
macro_rules! on_each_backend {
    ($conn:ident => $body:expr) => {
        match $conn {
            $crate::database::connection::AnyConnection::Postgres($conn) => $body,
            $crate::database::connection::AnyConnection::Sqlite($conn) => $body,
        }
    };
}
pub(crate) use on_each_backend;

impl AnyConnection {
    /// Runs `work` in a transaction that may write.
    ///
    /// On SQLite it takes the write lock at once. One that began by reading would be refused it
    /// as soon as another process had written meanwhile, however long it was prepared to wait.
    pub(crate) fn write<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, TxError>,
    ) -> Result<T, TxError> {
        match self {
            Self::Postgres(conn) => AnsiTransactionManager::begin_transaction(conn)?,
            Self::Sqlite(conn) => {
                AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")?;
            }
        }
        match work(self) {
            Ok(value) => {
                <Self as Connection>::TransactionManager::commit_transaction(self)?;
                Ok(value)
            }
            Err(abort) => {
                // The pool discards a connection that is left inside a transaction.
                if let Err(error) =
                    <Self as Connection>::TransactionManager::rollback_transaction(self)
                {
                    tracing::warn!(%error, "failed to roll back a transaction");
                }
                Err(abort)
            }
        }
    }

    /// Runs several queries that see the database at one and the same moment.
    pub(crate) fn snapshot<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, TxError>,
    ) -> Result<T, TxError> {
        self.transaction(|conn| {
            if let Self::Postgres(conn) = conn {
                conn.batch_execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")?;
            }
            work(conn)
        })
    }
}

/// What connections of a pool are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Reading,
    Writing,
}

/// What connections are opened to.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The path of a file.
    Sqlite(String),
    Postgres(Connector),
}

/// Opens connections to one place.
#[derive(Clone, Debug)]
pub(crate) struct Manager {
    pub(crate) source: Source,
    pub(crate) purpose: Purpose,
    /// What the audit log is sealed with.
    pub(crate) audit_key: Option<AuditKey>,
}

impl ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = ConnectError;

    fn connect(&self) -> Result<AnyConnection, ConnectError> {
        let mut conn = match &self.source {
            Source::Postgres(connector) => AnyConnection::Postgres(connector.connect()?),
            Source::Sqlite(path) => {
                sqlite_plans::enable().map_err(ConnectError::QueryError)?;
                let mut conn = SqliteConnection::establish(path)?;
                prepare_sqlite(&mut conn, self.purpose).map_err(ConnectError::QueryError)?;
                AnyConnection::Sqlite(conn)
            }
        };
        if let Some(key) = &self.audit_key {
            set_audit_key(&mut conn, key.clone());
        }
        Ok(conn)
    }

    fn is_valid(&self, conn: &mut AnyConnection) -> Result<(), ConnectError> {
        conn.ping().map_err(ConnectError::QueryError)
    }

    fn has_broken(&self, conn: &mut AnyConnection) -> bool {
        conn.is_broken()
    }
}

/// How long a statement waits for another process that is writing to the SQLite file.
const BUSY: Duration = Duration::from_secs(10);

/// Memory: at most 4 MB of page cache for a reader and 8 MB for the writer, taken as needed and given
/// back when the pool closes the idle connection. The file is not mapped: reading 40 vectors takes
/// 0.06 ms longer for it, but every connection would show the whole file as its memory.
fn prepare_sqlite(conn: &mut SqliteConnection, purpose: Purpose) -> diesel::QueryResult<()> {
    // Page size comes first: it is fixed by the first write to a new file. Vectors are rows of
    // 1.5 kB and more, of which small pages hold few.
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = {}; PRAGMA page_size = 16384;",
        BUSY.as_millis()
    ))?;
    // Changing the journal mode of a new file does not wait for others who are doing the same.
    let start = Instant::now();
    while let Err(error) = conn.batch_execute("PRAGMA journal_mode = WAL") {
        if !error.to_string().contains("locked") || start.elapsed() > BUSY {
            return Err(error);
        }
        sleep(Duration::from_millis(10));
    }
    conn.batch_execute(
        "PRAGMA synchronous = NORMAL;
         PRAGMA foreign_keys = ON;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    conn.batch_execute(match purpose {
        Purpose::Reading => "PRAGMA cache_size = -2000; PRAGMA query_only = ON;",
        Purpose::Writing => "PRAGMA cache_size = -8000;",
    })
}
