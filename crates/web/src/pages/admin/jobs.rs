//! The jobs of all workspaces and their progress. The page of a job shows its documents.
use askama::Template;
use carrel_domain::JobId;
use carrel_domain::job::{Job, JobFilter, JobState};
use chrono::{DateTime, Utc};

use crate::http::form::Fields;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::{self, t};

const PATH: &str = "/admin/jobs";
/// Jobs per page.
const PAGE_SIZE: u32 = 25;

struct JobRow {
    id: i64,
    kind: &'static str,
    state: &'static str,
    has_succeeded: bool,
    has_failed: bool,
    is_finished: bool,
    workspace: String,
    slug: String,
    total: u32,
    finished: u32,
    failed: u32,
    error: Option<String>,
    created_at: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "admin/jobs.html")]
struct JobsPage {
    layout: PageLayout,
    rows: Vec<JobRow>,
    /// Address of this page.
    page_address: String,
    /// True if a job may still make progress.
    is_busy: bool,
    next: Option<i64>,
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let before = Fields::of_query(&current_user.request).number::<i64>("before")?.map(JobId);
    let port = &current_user.ports().jobs;
    let mut jobs = port.page(&JobFilter::default(), before, PAGE_SIZE + 1).await?;
    let page_address =
        before.map_or_else(|| PATH.to_owned(), |before| format!("{PATH}?before={before}"));
    let has_more = jobs.len() > PAGE_SIZE as usize;
    jobs.truncate(PAGE_SIZE as usize);
    let next = jobs.last().map(|job| job.id.0).filter(|_| has_more);
    let rows: Vec<_> = jobs.into_iter().map(row).collect();
    let is_busy = rows.iter().any(|row| !row.is_finished);
    let layout = current_user.admin_layout(t("jobs.title")).await?;
    response::page(&current_user.request, &JobsPage { layout, rows, page_address, is_busy, next })
}

fn row(job: Job) -> JobRow {
    let status_text = |group: &str, name: &str| {
        texts::find(&format!("status.{group}-{name}")).unwrap_or_default()
    };
    let progress = job.progress;
    JobRow {
        id: job.id.0,
        kind: status_text("job", job.kind.as_str()),
        state: status_text("job", job.state.as_str()),
        has_succeeded: job.state == JobState::Done,
        has_failed: job.state == JobState::Failed,
        is_finished: job.state.is_over(),
        workspace: job.workspace.name,
        slug: job.workspace.slug.to_string(),
        total: progress.total,
        finished: progress.done + progress.failed + progress.cancelled,
        failed: progress.failed,
        error: job.error,
        created_at: job.by.at,
    }
}
