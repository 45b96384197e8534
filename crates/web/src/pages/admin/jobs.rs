//! Work that outlives the request that asked for it: how far it is, calling it off, trying again.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::job::{Item, ItemState, Job, JobFilter, State};
use carrel_domain::{Error, JobId};
use chrono::{DateTime, Utc};

use crate::filters;
use crate::form::Fields;
use crate::frame::Frame;
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::texts::{self, t};
use crate::visit::{Admin, Visit};

/// How many jobs a page shows, and how many failed documents of one.
const PAGE: u32 = 25;
const FAILURES: u32 = 10;

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
    failures: Vec<Item>,
    at: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "admin/jobs.html")]
struct Jobs {
    frame: Frame,
    rows: Vec<Row>,
    /// Whether anything may change by itself.
    is_busy: bool,
    next: Option<i64>,
}

pub async fn list(visit: Visit<Admin>) -> Answer {
    let before = Fields::of_query(&visit.request).number::<i64>("before")?.map(JobId);
    let known = &visit.ports().jobs;
    let mut jobs = known.page(&JobFilter::default(), before, PAGE + 1).await?;
    let has_more = jobs.len() > PAGE as usize;
    jobs.truncate(PAGE as usize);
    let next = jobs.last().map(|job| job.id.0).filter(|_| has_more);
    let mut rows = Vec::with_capacity(jobs.len());
    for job in jobs {
        let failures = match job.progress.failed {
            0 => Vec::new(),
            _ => known.items(job.id, Some(ItemState::Failed), None, FAILURES).await?,
        };
        rows.push(row(job, failures));
    }
    let is_busy = rows.iter().any(|row| !row.is_over);
    let frame = visit.admin_frame(t("jobs.title")).await?;
    reply::page(&visit.request, &Jobs { frame, rows, is_busy, next })
}

fn row(job: Job, failures: Vec<Item>) -> Row {
    let named = |group: &str, name: &str| {
        texts::find(&format!("status.{group}-{name}")).unwrap_or_default()
    };
    let progress = job.progress;
    Row {
        id: job.id.0,
        kind: named("job", job.kind.as_str()),
        state: named("job", job.state.as_str()),
        is_good: job.state == State::Done,
        is_bad: job.state == State::Failed,
        is_over: job.state.is_over(),
        workspace: job.workspace.name,
        slug: job.workspace.slug.to_string(),
        total: progress.total,
        over: progress.done + progress.failed + progress.cancelled,
        failed: progress.failed,
        error: job.error,
        failures,
        at: job.by.at,
    }
}

async fn job(visit: &Visit<Admin>, id: &str) -> Result<Job, Refusal> {
    let missing = || Error::not_found("job", id);
    let number = id.parse().map_err(|_| missing())?;
    Ok(visit.ports().jobs.by_id(JobId(number)).await?.ok_or_else(missing)?)
}

pub async fn cancel(visit: Visit<Admin>, id: Path<String>) -> Answer {
    let job = job(&visit, &id).await?;
    visit.ports().workers.cancel(&job, &visit.by()).await?;
    Ok(reply::done("/admin/jobs", "cancelled"))
}

pub async fn retry(visit: Visit<Admin>, id: Path<String>) -> Answer {
    let job = job(&visit, &id).await?;
    visit.ports().workers.retry(&job, &visit.by()).await?;
    Ok(reply::done("/admin/jobs", "queued"))
}
