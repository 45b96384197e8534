//! The page of a job: the progress of each document, live or as a snapshot.
use std::collections::HashMap;
use std::convert::Infallible;

use actix_web::web::{Bytes, Data, Path};
use askama::Template;
use carrel_domain::job::recordings::RecordingProgress;
use carrel_domain::job::{Cursor, ItemState, Job, JobFilter, JobItem, JobKind, JobState};
use carrel_domain::{DocumentPath, Error, JobId, Result, WorkspaceId};
use carrel_http::sse;
use carrel_services::admission::while_admitted;
use carrel_services::jobs::{JobUpdate, JobWatcher};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::stream;

use super::documents::text_address;
use super::live::part;
use crate::http::form::{Fields, PageForm};
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::live::rejected_files::RejectedFile;
use crate::session::current_user::{CurrentUser, role};
use crate::session::session_cookie::safe_next;
use crate::session::session_guard::SessionGuard;
use crate::site::Site;
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::texts::{self, t};

/// Documents that are shown while they change.
const SHOWN: u32 = 100;
/// Failed and waiting documents that are shown of larger jobs.
const SHOWN_FAILED: u32 = 50;
const SHOWN_WAITING: u32 = 20;
/// Recent jobs that are examined for those to show on a workspace's page.
const RECENT: u32 = 20;
/// Most jobs that it shows.
const MOST_TOLD: usize = 3;
/// Time for which it shows a finished job with failures.
const TOLD_FOR: TimeDelta = TimeDelta::hours(1);

/// A document of a job.
pub struct Row {
    pub title: String,
    /// Address of the document; absent until it exists.
    pub address: Option<String>,
    /// `done`, `failed`, `queued`, `embedding` or `cancelled`.
    pub mark: &'static str,
    pub state: &'static str,
    pub reason: Option<String>,
    /// Progress of a recording that is being transcribed: `00:12:31 / 01:02:00`.
    pub heard: Option<String>,
}

/// A job as pages show it.
pub struct JobView {
    pub id: i64,
    pub slug: String,
    pub workspace: String,
    pub state: &'static str,
    pub is_over: bool,
    pub is_bad: bool,
    pub total: u32,
    pub over: u32,
    pub done: u32,
    /// Number of failed documents, including files that could not be read.
    pub failed: u32,
    /// True if something can be retried without another upload.
    pub is_retryable: bool,
    pub error: Option<String>,
    pub rows: Vec<Row>,
    /// Number of documents that are not in `rows`.
    pub more: u32,
    pub unread: Vec<RejectedFile>,
}

impl JobView {
    /// Removes the successful documents of a finished job.
    fn in_brief(mut self) -> Self {
        if self.is_over {
            self.rows.retain(|row| row.mark == ItemState::Failed.as_str());
            self.more = self.total.saturating_sub(self.rows.len() as u32);
        }
        self
    }
}

#[derive(Template)]
#[template(path = "part/job.html")]
pub struct JobPart {
    pub job: JobView,
}

#[derive(Template)]
#[template(path = "part/job_state.html")]
struct StatePart {
    job: JobView,
}

#[derive(Template)]
#[template(path = "job.html")]
struct Page {
    layout: PageLayout,
    job: JobView,
    at: DateTime<Utc>,
    /// Documents of a large job in the selected state.
    rows: Vec<Row>,
    chosen: &'static str,
    next: Option<i64>,
}

/// Returns a job with its documents in their current state.
pub async fn view(site: &Site, job: Job) -> Result<JobView> {
    let known = &site.ports.jobs;
    let total = job.progress.total;
    let items = match total <= SHOWN {
        true => known.items(job.id, None, None, SHOWN).await?,
        false => {
            let mut items =
                known.items(job.id, Some(ItemState::Failed), None, SHOWN_FAILED).await?;
            let waiting = known.items(job.id, Some(ItemState::Queued), None, SHOWN_WAITING);
            items.extend(waiting.await?);
            items
        }
    };
    let more = total.saturating_sub(items.len() as u32);
    let rows = rows(site, &job, items).await?;
    let (progress, unread) = (job.progress, site.rejected_files.of(job.id));
    let is_bad =
        job.state == JobState::Failed || (job.state == JobState::Done && !unread.is_empty());
    let key = match job.kind {
        JobKind::Embed if is_bad => "status.placing-failed".to_owned(),
        JobKind::Embed => format!("status.placing-{}", job.state.as_str()),
        JobKind::Refresh => format!("status.job-{}", job.state.as_str()),
    };
    Ok(JobView {
        id: job.id.0,
        state: texts::find(&key).unwrap_or_default(),
        is_over: job.state.is_over(),
        is_bad,
        slug: job.workspace.slug.to_string(),
        workspace: job.workspace.name,
        // A file that could not be read belongs to the upload, although it is not a document.
        total: total + unread.len() as u32,
        over: progress.done + progress.failed + progress.cancelled + unread.len() as u32,
        done: progress.done,
        failed: progress.failed + unread.len() as u32,
        is_retryable: progress.failed > 0,
        error: job.error,
        rows,
        more,
        unread,
    })
}

async fn rows(site: &Site, job: &Job, items: Vec<JobItem>) -> Result<Vec<Row>> {
    let paths: Vec<DocumentPath> = items.iter().map(|item| item.path.clone()).collect();
    let mut titles: HashMap<_, _> = site.ports.document_list.titles(&paths).await?;
    let is_running = job.state == JobState::Running;
    let row = |item: JobItem| {
        let mark = match item.state {
            ItemState::Queued if is_running && item.is_untranscribed() => "transcribing",
            ItemState::Queued if is_running => "embedding",
            other => other.as_str(),
        };
        let recording = item.recording.as_ref();
        let name = recording.map_or(item.path.name(), |recording| recording.name.as_str());
        Row {
            address: (!item.is_untranscribed()).then(|| text_address(&item.path)),
            heard: recording.filter(|_| mark == "transcribing").map(|it| heard_of(it.progress)),
            title: titles.remove(&item.path).unwrap_or_else(|| name.to_owned()),
            state: texts::find(&format!("status.item-{mark}")).unwrap_or_default(),
            mark,
            reason: item.reason,
        }
    };
    Ok(items.into_iter().map(row).collect())
}

fn heard_of(progress: RecordingProgress) -> String {
    let mark = |seconds: u32| {
        format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    };
    let RecordingProgress { transcribed: heard, duration } = progress;
    match duration {
        Some(duration) => format!("{} / {}", mark(heard), mark(duration.max(heard))),
        None => mark(heard),
    }
}

/// Returns the jobs to show to managers of a workspace: those in progress, and those with recent
/// failures.
pub async fn told_of(
    site: &Site,
    within: Option<WorkspaceId>,
    now: DateTime<Utc>,
) -> Result<Vec<JobView>> {
    let workspaces = within.map(|within| vec![within]);
    let filter = JobFilter { kind: Some(JobKind::Embed), workspaces, state: None };
    let mut views = Vec::new();
    for job in site.ports.jobs.page(&filter, None, RECENT).await? {
        let is_recent = now - job.updated_at < TOLD_FOR;
        let has_failed =
            job.state == JobState::Failed || !site.rejected_files.of(job.id).is_empty();
        if !job.state.is_over() || (is_recent && has_failed) {
            views.push(view(site, job).await?.in_brief());
        }
        if views.len() == MOST_TOLD {
            break;
        }
    }
    Ok(views)
}

/// Returns the job, if the visitor may use its workspace.
async fn find(current_user: &CurrentUser<role::Manager>, id: &str) -> Result<Job, PageError> {
    let missing = || Error::not_found("job", id);
    let number = id.parse().map_err(|_| missing())?;
    let job = current_user.ports().jobs.by_id(JobId(number)).await?.ok_or_else(missing)?;
    current_user.workspace(job.workspace.slug.as_str()).await?;
    Ok(job)
}

pub async fn show(current_user: CurrentUser<role::Manager>, id: Path<String>) -> PageResult {
    let job = find(&current_user, &id).await?;
    let asked = Fields::of_query(&current_user.request);
    let (at, is_large) = (job.by.at, job.progress.total > SHOWN);
    let state = ItemState::parse(asked.text("state"));
    let (mut listed, mut next) = (Vec::new(), None);
    if is_large {
        let after = asked.number("after")?;
        let mut items = current_user.ports().jobs.items(job.id, state, after, SHOWN + 1).await?;
        if items.len() > SHOWN as usize {
            items.truncate(SHOWN as usize);
            next = items.last().map(|item| item.number);
        }
        listed = rows(&current_user.site, &job, items).await?;
    }
    let slug = job.workspace.slug.to_string();
    let layout = current_user.layout_in(t("job.title"), Section::Workspace, Some(&slug)).await?;
    let chosen = state.map_or("", ItemState::as_str);
    let job = view(&current_user.site, job).await?;
    response::page(&current_user.request, &Page { layout, job, at, rows: listed, chosen, next })
}

/// Streams the progress of a job, as server-sent events with rendered HTML.
pub async fn follow(current_user: CurrentUser<role::Manager>, id: Path<String>) -> PageResult {
    let job = find(&current_user, &id).await?;
    // Starts with the current state, without past events.
    let follow = current_user.ports().workers.watch(job.id, Cursor::all(job.changes));
    let told = stream::unfold(Some((follow, current_user.site.clone())), |state| async move {
        let (mut follow, site) = state?;
        let (said, is_over) = next(&mut follow, &site).await?;
        Some((Ok::<_, Infallible>(Bytes::from(said)), (!is_over).then_some((follow, site))))
    });
    Ok(sse::response()
        .streaming(while_admitted(told, SessionGuard::new(&current_user, Some(job.workspace.id)))))
}

/// Returns the next event, and whether it is the last. `None` at the end.
async fn next(follow: &mut JobWatcher, site: &Data<Site>) -> Option<(String, bool)> {
    loop {
        let job = match follow.next().await? {
            JobUpdate::Nothing => return Some((sse::HEARTBEAT.to_owned(), false)),
            JobUpdate::Changed { job: None, .. } => continue,
            JobUpdate::Changed { job: Some(job), .. } => *job,
        };
        return Some(match view(site, job).await {
            Ok(job) if job.is_over => (sse::event("end", &part(&JobPart { job })), true),
            Ok(job) => (sse::event("job", &part(&StatePart { job })), false),
            Err(error) => {
                tracing::warn!(%error, "failed to send the progress of a job");
                (": later\n\n".to_owned(), false)
            }
        });
    }
}

pub async fn cancel(
    current_user: CurrentUser<role::Manager>,
    id: Path<String>,
    form: PageForm,
) -> PageResult {
    let job = find(&current_user, &id).await?;
    let back = back(&form.read().await?, &job);
    current_user.ports().workers.cancel(&job, &current_user.by()).await?;
    Ok(response::done(&back, "cancelled"))
}

pub async fn retry(
    current_user: CurrentUser<role::Manager>,
    id: Path<String>,
    form: PageForm,
) -> PageResult {
    let job = find(&current_user, &id).await?;
    let back = back(&form.read().await?, &job);
    current_user.ports().workers.retry(&job, &current_user.by()).await?;
    Ok(response::done(&back, "queued"))
}

/// Returns the address of the page that the form was sent from, otherwise that of the job.
fn back(form: &Fields, job: &Job) -> String {
    match form.text_or_none("back") {
        Some(back) => safe_next(&back).to_owned(),
        None => format!("/jobs/{}", job.id.0),
    }
}
