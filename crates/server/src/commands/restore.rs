//! `carrel restore`: a storage directory from a backup.
use std::fs::File;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use carrel_persistence::Database;
use carrel_services::backup::restore::{self, Restored};

use crate::cli::Restore;
use crate::config::Config;
use crate::settings;
use crate::terminal::say;

pub async fn run(config: &Config, what: Restore) -> anyhow::Result<ExitCode> {
    let database = config.storage.database();
    if settings::file_of(&config.database.url).is_some_and(|file| file != database) {
        bail!(
            "failed to restore: DATABASE_URL names a file elsewhere; the backup puts its database \
             at {}",
            database.display()
        );
    }
    let root = config.storage.root().to_owned();
    let shown = what.file.display().to_string();
    let unpacked = tokio::task::spawn_blocking(move || {
        let mut archive = File::open(&what.file).context("failed to open the backup")?;
        restore::unpack(&mut archive, &root).context("failed to restore")
    });
    let restored = unpacked.await?.with_context(|| shown.clone())?;
    check(&restored).await?;
    let about = restored.put_in_place().context("failed to restore")?;
    say(format_args!("restored a backup of {} by carrel {}", about.made, about.version));
    if !about.database {
        say(format_args!(
            "warning: the database was on a PostgreSQL server and is not in the backup; restore \
             it with pg_restore"
        ));
    }
    if !about.secrets {
        say(format_args!(
            "warning: the backup holds no key of secrets; put secret.key in the storage directory, \
             set CARREL_SECRET_KEY, or set every secret again"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses a database that does not agree with itself, while nothing is in place yet.
async fn check(restored: &Restored) -> anyhow::Result<()> {
    use carrel_domain::backup::Inventory;
    let Some(file) = restored.database() else { return Ok(()) };
    let url = format!("sqlite://{}", file.display());
    let opened = tokio::task::spawn_blocking(move || Database::open(&url)).await?;
    let database = opened.map_err(|error| anyhow!("failed to restore: {error:#}"))?;
    let faults = database.faults().await.context("failed to check the database")?;
    match faults.first() {
        None => Ok(()),
        Some(fault) => bail!("failed to restore: {fault}"),
    }
}
