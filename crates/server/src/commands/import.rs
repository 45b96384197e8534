//! `carrel import`: imports another server's data or an archive, with its ids, keys and passwords.
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use carrel_domain::audit::By;
use carrel_import::{ImportOutcome, Options, Report};
use carrel_services::archive::{ArchiveSummary, Manifest};
use chrono::Utc;

use crate::cli::{AnythingllmArgs, ImportArchiveArgs, ImportCommand};
use crate::config::Config;
use crate::terminal::{plain, print, say, table};
use crate::wiring::App;

/// Refuses a source that is not an AnythingLLM folder or is this server's own storage directory.
/// Runs before the storage is opened.
pub fn check(config: &Config, command: &ImportCommand) -> anyhow::Result<()> {
    let ImportCommand::Anythingllm(AnythingllmArgs { source, source_database, .. }) = command
    else {
        return Ok(());
    };
    let path = source.display();
    let folder = source.canonicalize().with_context(|| format!("failed to open {path}"))?;
    if config.storage.root().canonicalize().is_ok_and(|root| root == folder) {
        bail!("failed to import: {path} is this server's own storage directory; name another one");
    }
    if source_database.is_none() && !folder.join("anythingllm.db").is_file() {
        bail!(
            "failed to import: there is no anythingllm.db in {path}; name the storage folder, or \
             its PostgreSQL database with --source-database"
        );
    }
    Ok(())
}

pub async fn run(app: &App, config: &Config, command: ImportCommand) -> anyhow::Result<ExitCode> {
    match command {
        ImportCommand::Anythingllm(args) => anythingllm(app, config, args).await,
        ImportCommand::Archive(ImportArchiveArgs { folder }) => archive(app, &folder).await,
    }
}

async fn archive(app: &App, folder: &Path) -> anyhow::Result<ExitCode> {
    let imported = app.archives.import(folder, &By::operator(Utc::now())).await;
    let ArchiveSummary { manifest, unreadable_secrets } = imported.context("failed to import")?;
    print(&archive_table(&manifest))?;
    say(format_args!("imported an archive of {} by carrel {}", manifest.made_at, manifest.version));
    if !unreadable_secrets.is_empty() {
        say(format_args!(
            "warning: {} cannot be opened with this server's secret key and are not set; set them \
             again, or import again into an empty server with secret.key of the other server",
            unreadable_secrets.join(", ")
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Formats the number of rows of each table and the number of files.
pub fn archive_table(manifest: &Manifest) -> String {
    let row = |name: &str, number: u64| vec![name.to_owned(), number.to_string()];
    let mut rows: Vec<_> =
        manifest.tables.iter().map(|(name, number)| row(name, *number)).collect();
    rows.push(row("documents/", manifest.documents));
    rows.push(row("files/", manifest.files));
    table(&["WHAT", "NUMBER"], &rows)
}

async fn anythingllm(
    app: &App,
    config: &Config,
    args: AnythingllmArgs,
) -> anyhow::Result<ExitCode> {
    let AnythingllmArgs { source, source_database, env, keep_vectors, dry_run, json } = args;
    let options = Options {
        storage: source,
        database: source_database,
        env,
        dry_run,
        keep_vectors,
        ..Options::default()
    };
    let by = By::operator(Utc::now());
    let outcome = app.importer.run(options, &by).await.context("failed to import")?;
    match outcome {
        ImportOutcome::Planned(report) => show(&report, json)?,
        ImportOutcome::Imported(report) => {
            show(&report, json)?;
            let folder = config.storage.root().join("imported").join("anythingllm");
            say(format_args!("the report is kept in {}", folder.display()));
        }
        ImportOutcome::Earlier(last_import) => {
            let at = last_import.created_at.format("%F %T");
            say(format_args!("nothing to do: {} was imported at {at}", last_import.origin));
            let report =
                serde_json::from_str(&last_import.report).context("failed to read the report")?;
            show(&report, json)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn show(report: &Report, json: bool) -> anyhow::Result<()> {
    match json {
        true => print(&serde_json::to_string_pretty(report)?)?,
        false => print(&plain(&report.text()))?,
    }
    Ok(())
}
