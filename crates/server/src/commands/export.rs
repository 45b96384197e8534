//! `carrel export`: writes the server's data to files for another server and for people.
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use carrel_documents::DocumentStore;
use carrel_domain::audit::By;
use carrel_domain::document::DocumentFiles;
use carrel_import::{ExportSummary, OpenFiles, export};
use chrono::Utc;

use super::import::archive_table;
use crate::cli::{Export, ExportArchive, ExportFolder};
use crate::terminal::{print, say, table};
use crate::wiring::App;

pub async fn run(app: &App, what: Export) -> anyhow::Result<ExitCode> {
    match what {
        Export::Anythingllm(ExportFolder { folder }) => anythingllm(app, &folder).await,
        Export::Archive(what) => archive(app, what).await,
    }
}

async fn archive(app: &App, what: ExportArchive) -> anyhow::Result<ExitCode> {
    let ExportArchive { folder, without_audit_log } = what;
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

async fn anythingllm(app: &App, folder: &Path) -> anyhow::Result<ExitCode> {
    // Whatever the library could take in is written.
    let open: OpenFiles = |folder| {
        let files = DocumentStore::local(folder)?.with_largest_text(u64::MAX);
        Ok(Arc::new(files) as Arc<dyn DocumentFiles>)
    };
    let exported = export(&app.ports, folder, open, &By::operator(Utc::now())).await;
    let ExportSummary { counts, left_out } = exported.context("failed to export")?;
    let row = |(name, number): &(&str, u64)| vec![(*name).to_owned(), number.to_string()];
    print(&table(&["FILE", "NUMBER"], &counts.iter().map(row).collect::<Vec<_>>()))?;
    let shown = folder.display();
    say(format_args!("exported to {shown}; README.md there explains the files"));
    if left_out == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    say(format_args!(
        "warning: {left_out} documents cannot be read; left-out.jsonl names them, and \
         `carrel verify` checks the whole storage"
    ));
    Ok(ExitCode::FAILURE)
}
