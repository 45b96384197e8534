//! The row in `namespaces` for each workspace: the lock, the version and the number of its vectors.
use diesel::prelude::*;

use crate::database::connection::AnyConnection;
use crate::database::schema::namespaces;

/// The change of a workspace's vectors in one transaction.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Change {
    /// Documents added.
    pub(crate) additions: usize,
    /// Documents removed.
    pub(crate) removals: usize,
    /// The difference in the number of vectors.
    pub(crate) vectors: i64,
}

impl Change {
    pub(crate) fn is_nothing(self) -> bool {
        self.additions == 0 && self.removals == 0
    }
}

impl std::ops::AddAssign for Change {
    fn add_assign(&mut self, other: Self) {
        self.additions += other.additions;
        self.removals += other.removals;
        self.vectors += other.vectors;
    }
}

pub(crate) fn create(conn: &mut AnyConnection, workspace: i32) -> QueryResult<()> {
    diesel::insert_into(namespaces::table)
        .values((
            namespaces::workspace_id.eq(workspace),
            namespaces::additions.eq(0),
            namespaces::removals.eq(0),
            namespaces::vectors.eq(0),
        ))
        .execute(conn)
        .map(drop)
}

/// Locks the workspace's passages against changes by other transactions until this one ends.
/// Returns whether the workspace exists.
pub(crate) fn lock(conn: &mut AnyConnection, workspace: i32) -> QueryResult<bool> {
    let row = namespaces::table.find(workspace).select(namespaces::workspace_id);
    let found: Option<i32> = match conn {
        AnyConnection::Postgres(conn) => row.for_update().first(conn).optional()?,
        AnyConnection::Sqlite(conn) => row.first(conn).optional()?,
    };
    Ok(found.is_some())
}

/// Records a change of a workspace whose row is locked.
pub(crate) fn record(conn: &mut AnyConnection, workspace: i32, change: Change) -> QueryResult<()> {
    let Change { additions, removals, vectors } = change;
    diesel::update(namespaces::table.find(workspace))
        .set((
            namespaces::additions.eq(namespaces::additions + additions as i64),
            namespaces::removals.eq(namespaces::removals + removals as i64),
            namespaces::vectors.eq(namespaces::vectors + vectors),
        ))
        .execute(conn)
        .map(drop)
}

pub(crate) fn delete(conn: &mut AnyConnection, workspace: i32) -> QueryResult<()> {
    diesel::delete(namespaces::table.find(workspace)).execute(conn).map(drop)
}
