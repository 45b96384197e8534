//! Opens the database and checks the seal of its audit log.
use std::path::Path;

use anyhow::{Context, anyhow};
use carrel_domain::audit::{Actor, AuditSeals, By, HeadSeal};
use carrel_persistence::Database;
use carrel_services::audit;
use carrel_services::settings::key::Key;
use chrono::Utc;

use super::{chain, flat};
use crate::config::Config;

/// The content of the mark file, which distinguishes a log whose seal was removed from one that was
/// never sealed.
const MARK: &str = "The audit log of this storage directory is sealed. Keep this file here: it \
     shows if somebody removes the seal.\n";

/// Opens the database and the secret key. `key` reads the key.
pub async fn open_database(
    config: &Config,
    key: fn(&Config) -> carrel_domain::Result<Key>,
) -> anyhow::Result<(Database, Key)> {
    let config = config.clone();
    let open = move || {
        let key = key(&config).context("failed to open the secret store")?;
        // A database server's error can span several lines.
        let opened = Database::open_sealing(&config.database.url, key.audit_key());
        let database = opened.map_err(|error| anyhow!(flat(&format!("{error:#}"))))?;
        Ok((database, key))
    };
    tokio::task::spawn_blocking(open).await.context("failed to open the database")?
}

/// Seals a log that was never sealed, and warns about a seal that does not fit. Neither prevents
/// the start.
pub(super) async fn look_at_seal(seals: &dyn AuditSeals, mark: &Path) {
    if let Err(error) = seal_once(seals, mark).await {
        tracing::warn!(error = chain(&*error), "failed to read the seal of the audit log");
    }
}

async fn seal_once(seals: &dyn AuditSeals, mark: &Path) -> anyhow::Result<()> {
    let ends = seals.ends().await?;
    let is_marked = mark.exists();
    match ends.head_seal {
        HeadSeal::Missing if !is_marked => {
            let by = By { actor: Actor::Server, address: None, at: Utc::now() };
            audit::seal(seals, &by).await?;
        }
        HeadSeal::Fits(_) if ends.is_sealed() && ends.start_fits => {}
        _ => tracing::warn!(
            "the audit log does not match the seal of this server's secret key; `carrel audit \
             verify` says why"
        ),
    }
    if !is_marked {
        std::fs::write(mark, MARK)
            .with_context(|| format!("failed to write {}", mark.display()))?;
    }
    Ok(())
}
