//! One connection type for both databases, and the options of new connections.
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

/// A connection to the configured database, SQLite or PostgreSQL.
#[derive(MultiConnection)]
pub(crate) enum AnyConnection {
    Postgres(PgConnection),
    Sqlite(SqliteConnection),
}

pub(crate) type AnyBackend = <AnyConnection as Connection>::Backend;

/// Returns the columns of `R` for a `RETURNING` clause. diesel's own `as_returning` does not work
/// through a `MultiConnection`.
pub(crate) fn columns<R: diesel::Selectable<AnyBackend>>() -> R::SelectExpression {
    R::construct_selection()
}

/// Compiles one statement for each database.
///
/// Meant for statements that diesel cannot express through a `MultiConnection`: upserts and inserts
/// of many rows.
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
    /// On SQLite the transaction takes the write lock immediately. A transaction that starts with a
    /// read fails to upgrade its lock if another process has written since, whatever its busy
    /// timeout.
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
                // The pool discards connections with an open transaction.
                if let Err(error) =
                    <Self as Connection>::TransactionManager::rollback_transaction(self)
                {
                    tracing::warn!(%error, "failed to roll back a transaction");
                }
                Err(abort)
            }
        }
    }

    /// Runs several queries on one consistent snapshot of the database.
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

/// The use of a pool's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    Reading,
    Writing,
}

/// The target of a connection.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// The path of a database file.
    Sqlite(String),
    Postgres(Connector),
}

/// Opens the connections of a pool.
#[derive(Clone, Debug)]
pub(crate) struct Manager {
    pub(crate) source: Source,
    pub(crate) purpose: Purpose,
    /// The key that seals the audit log.
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

/// How long a statement waits for another process that writes to the SQLite file.
const BUSY: Duration = Duration::from_secs(10);

/// Each reader uses at most 4 MB of page cache and the writer 8 MB, allocated as needed and freed
/// when the pool closes the idle connection. The file is not memory-mapped: mapping saves 0.06 ms
/// when reading 40 vectors, but every connection would report the whole file as its memory.
fn prepare_sqlite(conn: &mut SqliteConnection, purpose: Purpose) -> diesel::QueryResult<()> {
    // The page size comes first, because the first write to a new file fixes it. Vectors are rows
    // of 1.5 kB and more, so small pages hold few of them.
    conn.batch_execute(&format!(
        "PRAGMA busy_timeout = {}; PRAGMA page_size = 16384;",
        BUSY.as_millis()
    ))?;
    // The busy timeout does not cover changing the journal mode of a new file, so the change is
    // retried.
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
