//! `carrel restore`: creates a storage directory from a backup.
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, anyhow, bail};
use carrel_persistence::Database;
use carrel_services::backup::restore::{self, RestoredStorage};

use crate::cli::RestoreArgs;
use crate::config::Config;
use crate::settings;
use crate::terminal::say;

pub async fn run(config: &Config, args: RestoreArgs) -> anyhow::Result<ExitCode> {
    let database = config.storage.database();
    if settings::file_of(&config.database.url).is_some_and(|file| file != database) {
        bail!(
            "failed to restore: DATABASE_URL names a file elsewhere; the backup puts its database \
             at {}",
            database.display()
        );
    }
    let root = config.storage.root().to_owned();
    let path = args.file.display().to_string();
    let unpacked = tokio::task::spawn_blocking(move || {
        let mut archive = File::open(&args.file).context("failed to open the backup")?;
        restore::unpack(&mut archive, &root).context("failed to restore")
    });
    let restored = unpacked.await?.with_context(|| path.clone())?;
    check(&restored).await?;
    let manifest = restored.install().context("failed to restore")?;
    say(format_args!(
        "restored a backup of {} by carrel {}",
        manifest.created_at, manifest.version
    ));
    if !manifest.database {
        say(format_args!(
            "warning: the database was on a PostgreSQL server and is not in the backup; restore \
             it with pg_restore, and if the original keeps running, give the copy another \
             vector_name (docs/CONFIG.md)"
        ));
    }
    if !manifest.secrets {
        say(format_args!(
            "warning: the backup contains no secret key; put secret.key in the storage directory, \
             set CARREL_SECRET_KEY, or set every secret again and seal the audit log with carrel \
             audit seal"
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Refuses an inconsistent database before anything is put in place.
async fn check(restored: &RestoredStorage) -> anyhow::Result<()> {
    match restored.database() {
        Some(file) => make_usable(&file).await,
        None => Ok(()),
    }
}

/// Checks the database and gives it a new installation id: the same backup may have been restored
/// elsewhere, by a server that uses the same vector database.
async fn make_usable(file: &Path) -> anyhow::Result<()> {
    use carrel_domain::backup::Inventory;
    let url = format!("sqlite://{}", file.display());
    let opened = tokio::task::spawn_blocking(move || Database::open(&url)).await?;
    let database = opened.map_err(|error| anyhow!("failed to restore: {error:#}"))?;
    let faults = database.faults().await.context("failed to check the database")?;
    if let Some(fault) = faults.first() {
        bail!("failed to restore: {fault}");
    }
    database
        .change_installation_id()
        .await
        .context("failed to give the database a new installation id")
}

#[cfg(test)]
mod tests {
    use carrel_domain::vector::VectorRows;

    use super::*;

    async fn name_of(file: &Path) -> String {
        let database = Database::open(&format!("sqlite://{}", file.display())).unwrap();
        database.name().await.unwrap()
    }

    #[tokio::test]
    async fn a_backup_restored_twice_gets_two_installation_ids() {
        let directory = tempfile::tempdir().unwrap();
        let [copy, first, second] =
            ["copy", "one", "other"].map(|name| directory.path().join(name));
        let copy_name = name_of(&copy).await;
        let mut names = vec![copy_name];
        for restored in [first, second] {
            std::fs::copy(&copy, &restored).unwrap();
            make_usable(&restored).await.unwrap();
            names.push(name_of(&restored).await);
        }
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 3, "{names:?}");
    }
}
