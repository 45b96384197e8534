//! `carrel jobs`: lists the newest jobs and their progress.
use std::process::ExitCode;

use anyhow::Context;
use carrel_domain::job::recordings::RecordingProgress;
use carrel_domain::job::{ItemState, Job, JobFilter, JobItem};

use crate::terminal::{one_line, print};
use crate::wiring::App;

/// The number of jobs listed.
const MAX_JOBS: u32 = 20;
/// The number of a job's documents that are searched for recordings.
const PAGE_SIZE: u32 = 100;

pub async fn run(app: &App) -> anyhow::Result<ExitCode> {
    let jobs = app.ports.jobs.page(&JobFilter::default(), None, MAX_JOBS).await;
    let jobs = jobs.context("failed to read the jobs")?;
    if jobs.is_empty() {
        print("no jobs")?;
    }
    for job in jobs {
        print(&one_line(&summary(&job)))?;
        if job.state.is_over() {
            continue;
        }
        let queued = Some(ItemState::Queued);
        let items = app.ports.jobs.items(job.id, queued, None, PAGE_SIZE).await;
        for item in items.context("failed to read the documents of a job")? {
            if let Some(line) = recording(&item) {
                print(&format!("    {}", one_line(&line)))?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn summary(job: &Job) -> String {
    let progress = job.progress;
    let mut summary = format!(
        "{}  {}  {}  {} of {} documents",
        job.id.0,
        job.state.as_str(),
        job.workspace.slug,
        progress.done,
        progress.total
    );
    if progress.failed > 0 {
        summary.push_str(&format!(", {} failed", progress.failed));
    }
    if let Some(error) = &job.error {
        summary.push_str(&format!(": {error}"));
    }
    summary
}

/// Describes the progress of a recording that is still being transcribed.
fn recording(item: &JobItem) -> Option<String> {
    let recording = item.recording.as_ref().filter(|recording| recording.is_pending)?;
    let RecordingProgress { transcribed, duration } = recording.progress;
    let total = duration.map(|duration| format!(" of {duration}")).unwrap_or_default();
    Some(format!("{}: {transcribed}{total} seconds transcribed", recording.name))
}
