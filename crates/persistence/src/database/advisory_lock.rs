//! The turn that changes to people, and removals of what they wrote, take on PostgreSQL.
use diesel::QueryResult;
use diesel::connection::SimpleConnection;

use crate::database::connection::AnyConnection;

/// Any number that nobody else locks in the same PostgreSQL database.
const LOCK: &str = "SELECT pg_advisory_xact_lock(4158205374)";

/// Waits until no other transaction that has taken a turn goes on. Comes first in a transaction.
///
/// These are rare, and touch rows in orders that cannot be foreseen: whatever refers to a user or a
/// workspace goes with it. On SQLite every writer takes a turn anyway.
pub(crate) fn acquire(conn: &mut AnyConnection) -> QueryResult<()> {
    match conn {
        AnyConnection::Postgres(conn) => conn.batch_execute(LOCK),
        AnyConnection::Sqlite(_) => Ok(()),
    }
}
