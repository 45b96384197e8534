//! `carrel add`: adds files to a workspace, each completely or not at all.
use std::collections::BTreeSet;
use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use carrel_domain::audit::By;
use carrel_domain::document::IncomingFile;
use carrel_domain::workspace::{Workspace, WorkspaceSettings};
use carrel_domain::{Error, Slug};
use carrel_services::ingestion::{Added, Details, Indexing};
use carrel_services::workspaces;
use chrono::Utc;
use indicatif::{ProgressBar, ProgressStyle};

use crate::cli::AddArgs;
use crate::files;
use crate::terminal::{one_line, print, say};
use crate::wiring::{App, chain};

pub async fn run(app: &App, args: AddArgs) -> anyhow::Result<ExitCode> {
    let types = app.ports.library.extractor.file_types().into_iter();
    let readable = types.filter(|file_type| file_type.is_read);
    let extensions =
        readable.flat_map(|file_type| file_type.extensions.iter().chain(file_type.aliases));
    let extensions: BTreeSet<String> = extensions.map(|&extension| extension.to_owned()).collect();
    let files = files::collect(&args.files, &extensions);
    if files.is_empty() {
        let extensions = extensions.into_iter().collect::<Vec<_>>().join(" ");
        bail!("failed to add anything: there are no files of these types: {extensions}");
    }
    if let Some(problem) = app.models.embedder_problem() {
        bail!("failed to add anything: {problem}");
    }
    let workspace = workspace(app, &args.workspace).await.context("failed to add")?;
    let mut report = Report::new(files.len());
    for file in files {
        match file {
            Err((path, error)) => report.report_failure(&path, &error.to_string()),
            Ok(path) => {
                report.report_start(&path);
                match add(app, &workspace, &path).await {
                    Ok(added) => report.report_documents(&added),
                    Err(error) => report.report_failure(&path, &chain(&error)),
                }
            }
        }
        report.bar.inc(1);
    }
    Ok(report.end(&workspace))
}

async fn add(app: &App, workspace: &Workspace, path: &Path) -> carrel_domain::Result<Vec<Added>> {
    let name = path.file_name().and_then(|name| name.to_str());
    let name = name.ok_or_else(|| Error::invalid("file name", "must be UTF-8"))?.to_owned();
    let file = IncomingFile { name, content: PathBuf::from(path) };
    let into = vec![workspace.clone()];
    let (ingestion, by) = (&app.ports.ingestion, By::operator(Utc::now()));
    let details = Details::default();
    Ok(ingestion.add_file(file, details, into, Indexing::Refuse, &by).await?.added)
}

/// Returns the workspace with this slug or name, and creates it if it does not exist.
async fn workspace(app: &App, name: &str) -> carrel_domain::Result<Workspace> {
    for slug in [name, Slug::of(name).as_str()] {
        if let Some(workspace) = app.ports.workspaces.by_slug(slug).await? {
            return Ok(workspace);
        }
    }
    let name = name.trim();
    if name.is_empty() || name.chars().count() > 255 {
        return Err(Error::invalid("workspace", "must have a name of 1 to 255 characters"));
    }
    let (workspaces, settings) = (&*app.ports.workspaces, &*app.ports.settings);
    let new = WorkspaceSettings::named(name);
    let created = workspaces::create(workspaces, settings, new, &By::operator(Utc::now())).await?;
    say(format_args!("created workspace {}", created.slug));
    Ok(created)
}

/// Reports progress: a bar on a terminal, lines when the output is piped, both when only standard
/// output is.
struct Report {
    bar: ProgressBar,
    lines: bool,
    documents: usize,
    failures: usize,
}

impl Report {
    fn new(files: usize) -> Self {
        // Stays hidden unless standard error is a terminal.
        let bar = ProgressBar::new(files as u64);
        let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {wide_msg}");
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let lines = !stdout().is_terminal() || bar.is_hidden();
        Self { bar, lines, documents: 0, failures: 0 }
    }

    fn report_start(&self, path: &Path) {
        self.bar.set_message(one_line(&path.display().to_string()));
    }

    fn report_documents(&mut self, added: &[Added]) {
        self.documents += added.len();
        for Added { document, .. } in added.iter().filter(|_| self.lines) {
            let line = format!("added {} as {}", one_line(&document.title), document.path);
            // The reader of the output may have closed it; the remaining documents are added
            // nevertheless.
            let _ = self.bar.suspend(|| print(&line));
        }
    }

    fn report_failure(&mut self, path: &Path, reason: &str) {
        self.failures += 1;
        let (path, reason) = (one_line(&path.display().to_string()), one_line(reason));
        self.bar.suspend(|| say(format_args!("failed to add {path}: {reason}")));
    }

    fn end(self, workspace: &Workspace) -> ExitCode {
        self.bar.finish_and_clear();
        let Self { documents, failures, .. } = self;
        let s = if documents == 1 { "" } else { "s" };
        let slug = &workspace.slug;
        match failures {
            0 => say(format_args!("added {documents} document{s} to {slug}")),
            _ => say(format_args!("added {documents} document{s} to {slug}; {failures} failed")),
        }
        if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
