//! `carrel import`: the data of another server, with its ids, keys and passwords.
use std::process::ExitCode;

use anyhow::{Context, bail};
use carrel_domain::audit::By;
use carrel_import::{ImportOutcome, Options, Report};
use chrono::Utc;

use crate::cli::{Anythingllm, Import};
use crate::config::Config;
use crate::terminal::{plain, print, say};
use crate::wiring::App;

/// Refuses a source that is no such folder, or is this server's own, before that is opened.
pub fn check(config: &Config, what: &Import) -> anyhow::Result<()> {
    let Import::Anythingllm(Anythingllm { source, source_database, .. }) = what;
    let shown = source.display();
    let folder = source.canonicalize().with_context(|| format!("failed to open {shown}"))?;
    if config.storage.root().canonicalize().is_ok_and(|ours| ours == folder) {
        bail!("failed to import: {shown} is this server's own storage directory; give it another");
    }
    if source_database.is_none() && !folder.join("anythingllm.db").is_file() {
        bail!(
            "failed to import: there is no anythingllm.db in {shown}; name the storage folder, or \
             its PostgreSQL database with --source-database"
        );
    }
    Ok(())
}

pub async fn run(app: &App, config: &Config, what: Import) -> anyhow::Result<ExitCode> {
    let Import::Anythingllm(what) = what;
    let Anythingllm { source, source_database, env, dry_run, json } = what;
    let options = Options { storage: source, database: source_database, env, dry_run };
    let by = By::operator(Utc::now());
    let outcome = app.importer.run(options, &by).await.context("failed to import")?;
    match outcome {
        ImportOutcome::Planned(report) => show(&report, json)?,
        ImportOutcome::Imported(report) => {
            show(&report, json)?;
            let folder = config.storage.root().join("imported").join("anythingllm");
            say(format_args!("the report is kept in {}", folder.display()));
        }
        ImportOutcome::Earlier(past) => {
            let at = past.created_at.format("%F %T");
            say(format_args!("everything is there: {} was imported at {at}", past.origin));
            let report = serde_json::from_str(&past.report).context("failed to read the report")?;
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
