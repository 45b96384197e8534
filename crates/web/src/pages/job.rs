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
use super::live::render;
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

/// Maximum number of documents that the page displays while they change.
const MAX_ROWS: u32 = 100;
/// Maximum number of displayed failed and queued documents of larger jobs.
const MAX_FAILED_ROWS: u32 = 50;
const MAX_WAITING_ROWS: u32 = 20;
/// Number of recent jobs that are examined for a workspace's page.
const EXAMINED_JOBS: u32 = 20;
/// Maximum number of jobs on that page.
const MAX_LISTED_JOBS: usize = 3;
/// Time for which that page displays a finished job with failures.
const FAILURE_VISIBILITY: TimeDelta = TimeDelta::hours(1);

/// A document of a job.
pub struct JobItemRow {
    pub title: String,
    /// Address of the document; absent until it exists.
    pub address: Option<String>,
    /// `done`, `failed`, `queued`, `embedding` or `cancelled`.
    pub state_code: &'static str,
    pub state_text: &'static str,
    pub reason: Option<String>,
    /// Progress of a recording that is being transcribed: `00:12:31 / 01:02:00`.
    pub transcription_progress: Option<String>,
}

/// A job as pages show it.
pub struct JobView {
    pub id: i64,
    pub slug: String,
    pub workspace: String,
    pub state: &'static str,
    pub is_finished: bool,
    pub has_problems: bool,
    pub total: u32,
    pub finished: u32,
    pub succeeded: u32,
    /// Number of failed documents, including files that could not be read.
    pub failed: u32,
    /// True if something can be retried without another upload.
    pub is_retryable: bool,
    pub error: Option<String>,
    pub rows: Vec<JobItemRow>,
    /// Number of documents that are not in `rows`.
    pub more_rows: u32,
    pub rejected_files: Vec<RejectedFile>,
}

impl JobView {
    /// Removes the successful documents of a finished job.
    fn into_summary(mut self) -> Self {
        if self.is_finished {
            self.rows.retain(|row| row.state_code == ItemState::Failed.as_str());
            self.more_rows = self.total.saturating_sub(self.rows.len() as u32);
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
struct JobPage {
    layout: PageLayout,
    job: JobView,
    created_at: DateTime<Utc>,
    /// Documents of a large job in the selected state.
    rows: Vec<JobItemRow>,
    selected_state: &'static str,
    next: Option<i64>,
}

/// Returns a job with its documents in their current state.
pub async fn view(site: &Site, job: Job) -> Result<JobView> {
    let jobs = &site.ports.jobs;
    let total = job.progress.total;
    let items = match total <= MAX_ROWS {
        true => jobs.items(job.id, None, None, MAX_ROWS).await?,
        false => {
            let mut items =
                jobs.items(job.id, Some(ItemState::Failed), None, MAX_FAILED_ROWS).await?;
            let queued_items = jobs.items(job.id, Some(ItemState::Queued), None, MAX_WAITING_ROWS);
            items.extend(queued_items.await?);
            items
        }
    };
    let more_rows = total.saturating_sub(items.len() as u32);
    let rows = rows(site, &job, items).await?;
    let (progress, rejected_files) = (job.progress, site.rejected_files.for_job(job.id));
    let has_problems = job.state == JobState::Failed
        || (job.state == JobState::Done && !rejected_files.is_empty());
    let key = match job.kind {
        JobKind::Embed if has_problems => "status.placing-failed".to_owned(),
        JobKind::Embed => format!("status.placing-{}", job.state.as_str()),
        JobKind::Refresh => format!("status.job-{}", job.state.as_str()),
    };
    Ok(JobView {
        id: job.id.0,
        state: texts::find(&key).unwrap_or_default(),
        is_finished: job.state.is_over(),
        has_problems,
        slug: job.workspace.slug.to_string(),
        workspace: job.workspace.name,
        // A file that could not be read belongs to the upload, although it is not a document.
        total: total + rejected_files.len() as u32,
        finished: progress.done
            + progress.failed
            + progress.cancelled
            + rejected_files.len() as u32,
        succeeded: progress.done,
        failed: progress.failed + rejected_files.len() as u32,
        is_retryable: progress.failed > 0,
        error: job.error,
        rows,
        more_rows,
        rejected_files,
    })
}

async fn rows(site: &Site, job: &Job, items: Vec<JobItem>) -> Result<Vec<JobItemRow>> {
    let paths: Vec<DocumentPath> = items.iter().map(|item| item.path.clone()).collect();
    let mut titles: HashMap<_, _> = site.ports.document_list.titles(&paths).await?;
    let is_running = job.state == JobState::Running;
    let row = |item: JobItem| {
        let state_code = match item.state {
            ItemState::Queued if is_running && item.is_untranscribed() => "transcribing",
            ItemState::Queued if is_running => "embedding",
            other => other.as_str(),
        };
        let recording = item.recording.as_ref();
        let name = recording.map_or(item.path.name(), |recording| recording.name.as_str());
        JobItemRow {
            address: (!item.is_untranscribed()).then(|| text_address(&item.path)),
            transcription_progress: recording
                .filter(|_| state_code == "transcribing")
                .map(|recording| progress_text(recording.progress)),
            title: titles.remove(&item.path).unwrap_or_else(|| name.to_owned()),
            state_text: texts::find(&format!("status.item-{state_code}")).unwrap_or_default(),
            state_code,
            reason: item.reason,
        }
    };
    Ok(items.into_iter().map(row).collect())
}

fn progress_text(progress: RecordingProgress) -> String {
    let timestamp = |seconds: u32| {
        format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
    };
    let RecordingProgress { transcribed, duration } = progress;
    match duration {
        Some(duration) => {
            format!("{} / {}", timestamp(transcribed), timestamp(duration.max(transcribed)))
        }
        None => timestamp(transcribed),
    }
}

/// Returns the jobs that managers of a workspace see: those in progress, and those with recent
/// failures.
pub async fn notable_jobs(
    site: &Site,
    workspace: Option<WorkspaceId>,
    now: DateTime<Utc>,
) -> Result<Vec<JobView>> {
    let workspaces = workspace.map(|id| vec![id]);
    let filter = JobFilter { kind: Some(JobKind::Embed), workspaces, state: None };
    let mut views = Vec::new();
    for job in site.ports.jobs.page(&filter, None, EXAMINED_JOBS).await? {
        let is_recent = now - job.updated_at < FAILURE_VISIBILITY;
        let has_failed =
            job.state == JobState::Failed || !site.rejected_files.for_job(job.id).is_empty();
        if !job.state.is_over() || (is_recent && has_failed) {
            views.push(view(site, job).await?.into_summary());
        }
        if views.len() == MAX_LISTED_JOBS {
            break;
        }
    }
    Ok(views)
}

/// Returns the job, if the visitor may use its workspace.
async fn find(current_user: &CurrentUser<role::Manager>, id: &str) -> Result<Job, PageError> {
    let not_found = || Error::not_found("job", id);
    let number = id.parse().map_err(|_| not_found())?;
    let job = current_user.ports().jobs.by_id(JobId(number)).await?.ok_or_else(not_found)?;
    current_user.workspace(job.workspace.slug.as_str()).await?;
    Ok(job)
}

pub async fn show(current_user: CurrentUser<role::Manager>, id: Path<String>) -> PageResult {
    let job = find(&current_user, &id).await?;
    let parameters = Fields::of_query(&current_user.request);
    let (created_at, is_large) = (job.by.at, job.progress.total > MAX_ROWS);
    let state = ItemState::parse(parameters.text("state"));
    let (mut item_rows, mut next) = (Vec::new(), None);
    if is_large {
        let after = parameters.number("after")?;
        let mut items = current_user.ports().jobs.items(job.id, state, after, MAX_ROWS + 1).await?;
        if items.len() > MAX_ROWS as usize {
            items.truncate(MAX_ROWS as usize);
            next = items.last().map(|item| item.number);
        }
        item_rows = rows(&current_user.site, &job, items).await?;
    }
    let slug = job.workspace.slug.to_string();
    let layout = current_user.layout_in(t("job.title"), Section::Workspace, Some(&slug)).await?;
    let selected_state = state.map_or("", ItemState::as_str);
    let job = view(&current_user.site, job).await?;
    response::page(
        &current_user.request,
        &JobPage { layout, job, created_at, rows: item_rows, selected_state, next },
    )
}

/// Streams the progress of a job, as server-sent events with rendered HTML.
pub async fn follow(current_user: CurrentUser<role::Manager>, id: Path<String>) -> PageResult {
    let job = find(&current_user, &id).await?;
    // Starts with the current state, without past events.
    let watcher = current_user.ports().workers.watch(job.id, Cursor::all(job.changes));
    let events = stream::unfold(Some((watcher, current_user.site.clone())), |state| async move {
        let (mut watcher, site) = state?;
        let (event, is_last) = next_event(&mut watcher, &site).await?;
        Some((Ok::<_, Infallible>(Bytes::from(event)), (!is_last).then_some((watcher, site))))
    });
    Ok(sse::response().streaming(while_admitted(
        events,
        SessionGuard::new(&current_user, Some(job.workspace.id)),
    )))
}

/// Returns the next event, and whether it is the last. `None` at the end.
async fn next_event(watcher: &mut JobWatcher, site: &Data<Site>) -> Option<(String, bool)> {
    loop {
        let job = match watcher.next().await? {
            JobUpdate::Nothing => return Some((sse::HEARTBEAT.to_owned(), false)),
            JobUpdate::Changed { job: None, .. } => continue,
            JobUpdate::Changed { job: Some(job), .. } => *job,
        };
        return Some(match view(site, job).await {
            Ok(job) if job.is_finished => (sse::event("end", &render(&JobPart { job })), true),
            Ok(job) => (sse::event("job", &render(&StatePart { job })), false),
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
    let return_address = return_address(&form.read().await?, &job);
    current_user.ports().workers.cancel(&job, &current_user.by()).await?;
    Ok(response::redirect_with_notice(&return_address, "cancelled"))
}

pub async fn retry(
    current_user: CurrentUser<role::Manager>,
    id: Path<String>,
    form: PageForm,
) -> PageResult {
    let job = find(&current_user, &id).await?;
    let return_address = return_address(&form.read().await?, &job);
    current_user.ports().workers.retry(&job, &current_user.by()).await?;
    Ok(response::redirect_with_notice(&return_address, "queued"))
}

/// Returns the address of the page with the form, otherwise that of the job.
fn return_address(form: &Fields, job: &Job) -> String {
    match form.text_or_none("back") {
        Some(address) => safe_next(&address).to_owned(),
        None => format!("/jobs/{}", job.id.0),
    }
}
