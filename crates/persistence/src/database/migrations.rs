//! Runs the migrations.
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::AnyConnection;
use crate::database::tx_error::TxError;

const POSTGRES: EmbeddedMigrations = embed_migrations!("../../migrations/postgres");
const SQLITE: EmbeddedMigrations = embed_migrations!("../../migrations/sqlite");

/// Runs the pending migrations. Several processes may call this at once: one runs them and the
/// others wait.
pub(crate) fn run(conn: &mut AnyConnection) -> anyhow::Result<()> {
    // With nothing to do, a start must not wait for another process that writes. On PostgreSQL even
    // this check needs the lock below, because it creates diesel's own table.
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
