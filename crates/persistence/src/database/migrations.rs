//! Brings the schema up to date.
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::AnyConnection;
use crate::database::tx_error::TxError;

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Runs what has not been run yet. Several processes may do so at once: one does the work and the
/// others wait for it.
pub(crate) fn run(conn: &mut AnyConnection) -> anyhow::Result<()> {
    // A start need not wait for another process that is writing when there is nothing to do. To
    // ask is to create diesel's own table, for which PostgreSQL needs the lock below.
    if let AnyConnection::Sqlite(conn) = conn
        && !conn.has_pending_migration(SQLITE).map_err(anyhow::Error::from_boxed)?
    {
        return Ok(());
    }
    let mut outcome = Ok(());
    let committed = conn.write(|conn| {
        let ran = match conn {
            AnyConnection::Postgres(conn) => {
                AdvisoryLock::Migrations.acquire_on(conn)?;
                conn.run_pending_migrations(POSTGRES).map(drop)
            }
            AnyConnection::Sqlite(conn) => conn.run_pending_migrations(SQLITE).map(drop),
        };
        ran.map_err(|error| {
            outcome = Err(anyhow::Error::from_boxed(error));
            TxError::Failed(diesel::result::Error::RollbackTransaction)
        })
    });
    outcome?;
    committed.map_err(|abort| carrel_domain::Error::from(abort).into())
}
