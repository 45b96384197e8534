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
const PAGE: u32 = 25;

struct Row {
    id: i64,
    kind: &'static str,
    state: &'static str,
    is_good: bool,
    is_bad: bool,
    is_over: bool,
    workspace: String,
    slug: String,
    total: u32,
    over: u32,
    failed: u32,
    error: Option<String>,
    at: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "admin/jobs.html")]
struct Jobs {
    layout: PageLayout,
    rows: Vec<Row>,
    /// Address of this page.
    here: String,
    /// True if a job may still make progress.
    is_busy: bool,
    next: Option<i64>,
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let before = Fields::of_query(&current_user.request).number::<i64>("before")?.map(JobId);
    let known = &current_user.ports().jobs;
    let mut jobs = known.page(&JobFilter::default(), before, PAGE + 1).await?;
    let here = before.map_or_else(|| PATH.to_owned(), |before| format!("{PATH}?before={before}"));
    let has_more = jobs.len() > PAGE as usize;
    jobs.truncate(PAGE as usize);
    let next = jobs.last().map(|job| job.id.0).filter(|_| has_more);
    let rows: Vec<_> = jobs.into_iter().map(row).collect();
    let is_busy = rows.iter().any(|row| !row.is_over);
    let layout = current_user.admin_layout(t("jobs.title")).await?;
    response::page(&current_user.request, &Jobs { layout, rows, here, is_busy, next })
}

fn row(job: Job) -> Row {
    let named = |group: &str, name: &str| {
        texts::find(&format!("status.{group}-{name}")).unwrap_or_default()
    };
    let progress = job.progress;
    Row {
        id: job.id.0,
        kind: named("job", job.kind.as_str()),
        state: named("job", job.state.as_str()),
        is_good: job.state == JobState::Done,
        is_bad: job.state == JobState::Failed,
        is_over: job.state.is_over(),
        workspace: job.workspace.name,
        slug: job.workspace.slug.to_string(),
        total: progress.total,
        over: progress.done + progress.failed + progress.cancelled,
        failed: progress.failed,
        error: job.error,
        at: job.by.at,
    }
}
