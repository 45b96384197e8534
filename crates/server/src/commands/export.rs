//! `carrel export`: writes the server's data to files for another server and for people.
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use carrel_documents::DocumentStore;
use carrel_domain::audit::By;
use carrel_domain::document::DocumentFiles;
use carrel_import::{ExportSummary, NotExported, OpenFiles, export};
use chrono::Utc;

use super::import::archive_table;
use crate::cli::{ExportArchiveArgs, ExportCommand, ExportFolderArgs};
use crate::config::Config;
use crate::terminal::{print, say, table};
use crate::wiring::App;

pub async fn run(app: &App, config: &Config, command: ExportCommand) -> anyhow::Result<ExitCode> {
    match command {
        ExportCommand::Anythingllm(ExportFolderArgs { folder }) => {
            anythingllm(app, config, &folder).await
        }
        ExportCommand::Archive(args) => archive(app, args).await,
    }
}

async fn archive(app: &App, args: ExportArchiveArgs) -> anyhow::Result<ExitCode> {
    let ExportArchiveArgs { folder, without_audit_log } = args;
    let by = By::operator(Utc::now());
    let exported = app.archives.export(&folder, !without_audit_log, &by).await;
    let manifest = exported.context("failed to export")?.manifest;
    print(&archive_table(&manifest))?;
    say(format_args!("exported to {}; README.md there explains the files", folder.display()));
    if manifest.documents_without_file == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    say(format_args!(
        "warning: {} documents have no file; left-out.jsonl names them, and `carrel verify` checks the \
         whole storage",
        manifest.documents_without_file
    ));
    Ok(ExitCode::FAILURE)
}

async fn anythingllm(app: &App, config: &Config, folder: &Path) -> anyhow::Result<ExitCode> {
    // The export must not refuse a text for its size that the library has accepted.
    let open: OpenFiles = |folder| {
        let files = DocumentStore::local(folder)?.with_largest_text(u64::MAX);
        Ok(Arc::new(files) as Arc<dyn DocumentFiles>)
    };
    let (root, by) = (config.storage.root(), By::operator(Utc::now()));
    let exported = export(&app.ports, root, folder, open, &by).await;
    let ExportSummary { counts, left_out, not_exported } = exported.context("failed to export")?;
    let row = |(name, number): &(&str, u64)| vec![(*name).to_owned(), number.to_string()];
    print(&table(&["FILE", "NUMBER"], &counts.iter().map(row).collect::<Vec<_>>()))?;
    let path = folder.display();
    say(format_args!("exported to {path}; README.md there explains the files"));
    for NotExported { what, number, reason } in not_exported {
        say(format_args!("not exported: {what} ({number}): {reason}"));
    }
    if left_out == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    say(format_args!(
        "warning: {left_out} documents cannot be read; left-out.jsonl names them, and \
         `carrel verify` checks the whole storage"
    ));
    Ok(ExitCode::FAILURE)
}
