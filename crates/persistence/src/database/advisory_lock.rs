//! Turns that transactions take on PostgreSQL. On SQLite every writer takes a turn anyway.
use diesel::connection::SimpleConnection;
use diesel::{PgConnection, QueryResult};

use crate::database::connection::AnyConnection;

/// For what a turn is taken. Each has a number of its own, which nobody else locks in the same
/// PostgreSQL database.
#[derive(Clone, Copy, Debug)]
#[repr(u64)]
pub(crate) enum AdvisoryLock {
    /// Bringing the schema up to date.
    Migrations = 4_158_205_373,
    /// Changes to people, and removals of what they wrote. These are rare, and touch rows in orders
    /// that cannot be foreseen: whatever refers to a user or a workspace goes with it.
    People = 4_158_205_374,
    /// Filling the index of words anew.
    Words = 4_158_205_375,
}

impl AdvisoryLock {
    /// Waits until no other transaction has this turn. Comes first in a transaction.
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
