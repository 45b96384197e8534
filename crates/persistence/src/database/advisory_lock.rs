//! Advisory locks of transactions on PostgreSQL. SQLite admits one writer at a time and needs none.
use diesel::connection::SimpleConnection;
use diesel::{PgConnection, QueryResult};

use crate::database::connection::AnyConnection;

/// A subject that transactions lock, with its key of `pg_advisory_xact_lock`. No other program may
/// use the same keys in this PostgreSQL database.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum AdvisoryLock {
    /// Running migrations.
    Migrations = 4_158_205_373,
    /// Changes to people and deletions of their content. These are rare and lock rows in
    /// unpredictable orders, because deletions cascade from users and workspaces.
    People = 4_158_205_374,
    /// Rebuilding the word index.
    Words = 4_158_205_375,
}

impl AdvisoryLock {
    /// Waits until no other transaction holds this lock. Call it first in a transaction.
    pub(crate) fn acquire(self, conn: &mut AnyConnection) -> QueryResult<()> {
        match conn {
            AnyConnection::Postgres(conn) => self.acquire_on(conn),
            AnyConnection::Sqlite(_) => Ok(()),
        }
    }

    pub(crate) fn acquire_on(self, conn: &mut PgConnection) -> QueryResult<()> {
        conn.batch_execute(&format!("SELECT pg_advisory_xact_lock({})", self as u64))
    }
}
