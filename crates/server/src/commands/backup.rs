//! `carrel backup`: writes everything that cannot be recreated to one file.
use std::io::BufWriter;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use carrel_domain::audit::By;
use carrel_services::backup::Secrets;
use chrono::Utc;

use crate::cli::BackupArgs;
use crate::terminal::say;
use crate::wiring::App;

pub async fn run(app: &App, args: BackupArgs) -> anyhow::Result<ExitCode> {
    let file = &args.file;
    let path = file.display();
    if file.exists() {
        bail!("failed to back up: {path} exists already");
    }
    let folder = file.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new(".")).to_owned();
    let secrets = if args.without_secrets { Secrets::Excluded } else { Secrets::Included };
    let staged = app.ports.backups.stage(secrets, &By::operator(Utc::now())).await;
    let staged = staged.context("failed to back up")?;
    let database = staged.has_database();
    // A temporary file is renamed once the backup is complete. Only its owner can read it.
    let write = move || {
        let mut archive = tempfile::NamedTempFile::new_in(&folder)?;
        let summary = staged.write(BufWriter::new(archive.as_file_mut()))?;
        archive.as_file().sync_all()?;
        archive.persist_noclobber(&args.file).map_err(|error| error.error)?;
        std::io::Result::Ok(summary)
    };
    let summary = tokio::task::spawn_blocking(write).await?;
    let summary = summary.context("failed to write the backup")?;
    say(format_args!("backed up {} files, {} bytes", summary.files, summary.bytes));
    if !database {
        say(format_args!(
            "warning: the database is on a PostgreSQL server and not in this file; \
             back it up with pg_dump"
        ));
    }
    Ok(ExitCode::SUCCESS)
}
