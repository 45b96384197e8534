//! JSON of jobs.
use carrel_domain::job::recordings::{RecordingItem, RecordingProgress};
use carrel_domain::job::{
    Cursor, ItemState, Job, JobFilter, JobItem, JobKind, JobProgress, JobState,
};
use carrel_domain::{Error, JobId, Result};
use carrel_services::jobs::JobUpdate;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::streaming::HEARTBEAT;
use crate::wire::time;

/// A job.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobRow {
    id: i64,
    /// `update-embeddings` or `refresh-embeddings`.
    kind: &'static str,
    /// `queued`, `running`, `done`, `failed` (finished, and at least one document failed) or
    /// `cancelled`.
    state: &'static str,
    workspace: WorkspaceName,
    /// Creator: `key:` or `user:` with an id, or `server`.
    created_by: String,
    progress: ProgressRow,
    /// Failed attempts since the last progress.
    attempts: u32,
    /// The last problem that stopped the job.
    error: Option<String>,
    /// True if the job was cancelled and is about to stop.
    cancelling: bool,
    /// Time of the next attempt, if the job is waiting for one.
    next_attempt_at: Option<String>,
    created_at: String,
    started_at: Option<String>,
    finished_at: Option<String>,
    last_updated_at: String,
}

#[derive(Serialize, ToSchema)]
struct WorkspaceName {
    id: i32,
    slug: String,
    name: String,
}

/// Number of documents in each state.
#[derive(Serialize, ToSchema)]
struct ProgressRow {
    total: u32,
    queued: u32,
    done: u32,
    failed: u32,
    cancelled: u32,
}

impl From<Job> for JobRow {
    fn from(job: Job) -> Self {
        let JobProgress { total, done, failed, cancelled } = job.progress;
        let queued = total.saturating_sub(done + failed + cancelled);
        let due = job.due_at.filter(|_| job.state == JobState::Queued && job.attempts > 0);
        let some = |at: Option<DateTime<Utc>>| at.map(time);
        Self {
            id: job.id.0,
            kind: job.kind.as_str(),
            state: job.state.as_str(),
            workspace: WorkspaceName {
                id: job.workspace.id.0,
                slug: job.workspace.slug.to_string(),
                name: job.workspace.name,
            },
            created_by: job.by.actor.to_text(),
            progress: ProgressRow { total, queued, done, failed, cancelled },
            attempts: job.attempts,
            error: job.error,
            cancelling: job.cancelling,
            next_attempt_at: some(due),
            created_at: time(job.by.at),
            started_at: some(job.started_at),
            finished_at: some(job.finished_at),
            last_updated_at: time(job.updated_at),
        }
    }
}

/// A document of a job.
#[derive(Serialize, ToSchema)]
pub struct ItemRow {
    /// Number of the document within its job.
    number: i64,
    /// `folder/file.json`
    path: String,
    /// `queued`, `done`, `failed` or `cancelled`.
    state: &'static str,
    /// Number of failed attempts.
    attempts: u32,
    /// Why the last attempt failed.
    reason: Option<String>,
    /// The recording that the document is made of, if the job transcribes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    recording: Option<RecordingRow>,
}

/// A recording that a job transcribes.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct RecordingRow {
    /// Name of its file.
    name: String,
    /// True once it is transcribed. Until then there is no document at `path`.
    is_transcribed: bool,
    /// Seconds that are transcribed, silence included.
    seconds_heard: u32,
    /// Length of the recording in seconds, once it is known.
    seconds_in_all: Option<u32>,
}

impl From<RecordingItem> for RecordingRow {
    fn from(recording: RecordingItem) -> Self {
        let RecordingItem { name, is_pending, progress } = recording;
        let RecordingProgress { transcribed: seconds_transcribed, duration } = progress;
        Self {
            name,
            is_transcribed: !is_pending,
            seconds_heard: seconds_transcribed,
            seconds_in_all: duration,
        }
    }
}

impl From<JobItem> for ItemRow {
    fn from(item: JobItem) -> Self {
        let JobItem { number, path, state, attempts, reason, changed: _, recording } = item;
        let (path, state, recording) =
            (path.to_string(), state.as_str(), recording.map(Into::into));
        Self { number, path, state, attempts, reason, recording }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct JobQuery {
    /// Return only jobs in this state: `queued`, `running`, `done`, `failed` or `cancelled`.
    state: Option<String>,
    /// Return only jobs of this kind: `update-embeddings` or `refresh-embeddings`.
    kind: Option<String>,
    /// Return only jobs of the workspace with this slug.
    pub workspace: Option<String>,
    /// Return only jobs with smaller ids.
    before: Option<i64>,
    /// Number of jobs, 1 to 500; 100 if absent.
    limit: Option<u32>,
}

impl JobQuery {
    /// Returns the filter without the workspaces, which depend on the caller.
    pub fn filter(&self) -> Result<JobFilter> {
        let state = parsed(self.state.as_deref(), "state", JobState::parse)?;
        let kind = parsed(self.kind.as_deref(), "kind", JobKind::parse)?;
        Ok(JobFilter { state, kind, workspaces: None })
    }

    pub fn before(&self) -> Option<JobId> {
        self.before.map(JobId)
    }

    pub fn limit(&self) -> Result<u32> {
        limit(self.limit)
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ItemQuery {
    /// Return only documents in this state: `queued`, `done`, `failed` or `cancelled`.
    state: Option<String>,
    /// Return only documents with larger numbers.
    pub after: Option<i64>,
    /// Number of documents, 1 to 500; 100 if absent.
    limit: Option<u32>,
}

impl ItemQuery {
    pub fn state(&self) -> Result<Option<ItemState>> {
        parsed(self.state.as_deref(), "state", ItemState::parse)
    }

    pub fn limit(&self) -> Result<u32> {
        limit(self.limit)
    }
}

fn parsed<T>(
    text: Option<&str>,
    field: &'static str,
    parse: fn(&str) -> Option<T>,
) -> Result<Option<T>> {
    match text.filter(|text| !text.is_empty()) {
        None => Ok(None),
        Some(text) => match parse(text) {
            Some(value) => Ok(Some(value)),
            None => Err(Error::invalid(field, "is unknown")),
        },
    }
}

fn limit(limit: Option<u32>) -> Result<u32> {
    match limit.unwrap_or(100) {
        limit @ 1..=500 => Ok(limit),
        _ => Err(Error::invalid("limit", "must be a whole number from 1 to 500")),
    }
}

/// Jobs, newest first.
#[derive(Serialize, ToSchema)]
pub struct JobPage {
    pub jobs: Vec<JobRow>,
    /// True if more jobs follow.
    pub has_more: bool,
}

/// A job with some of its documents.
#[derive(Serialize, ToSchema)]
pub struct JobFound {
    pub job: JobRow,
    pub items: Vec<ItemRow>,
    /// True if more documents follow.
    pub has_more: bool,
}

/// A job after the change.
#[derive(Serialize, ToSchema)]
pub struct JobChanged {
    pub job: JobRow,
}

/// Parses the id of the last event that the client received. An unknown id counts as none.
pub fn cursor(id: Option<&str>) -> Cursor {
    let read = || {
        let id = id?;
        let (changes, number) = id.split_once('-').unwrap_or((id, ""));
        let number = if number.is_empty() { i64::MAX } else { number.parse().ok()? };
        Some(Cursor { changes: changes.parse().ok()?, number })
    };
    read().unwrap_or(Cursor::NEW)
}

/// Writes an update as server-sent events: `item` for each document that changed, then `job`.
pub fn events(update: JobUpdate) -> String {
    let JobUpdate::Changed { items, job } = update else { return HEARTBEAT.to_owned() };
    let mut events = String::new();
    for item in items {
        let id = format!("{}-{}", item.changed, item.number);
        event(&mut events, &id, "item", &ItemRow::from(item));
    }
    if let Some(job) = job {
        event(&mut events, &job.changes.to_string(), "job", &JobRow::from(*job));
    }
    events
}

fn event(events: &mut String, id: &str, name: &str, data: &impl Serialize) {
    let data = serde_json::to_string(data).unwrap_or_default();
    events.push_str(&format!("id: {id}\nevent: {name}\ndata: {data}\n\n"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_ids_say_which_events_were_received() {
        assert_eq!(cursor(Some("12")), Cursor::all(12));
        assert_eq!(cursor(Some("12-40")), Cursor { changes: 12, number: 40 });
        for unknown in [None, Some(""), Some("x"), Some("1-x"), Some("99999999999999999999")] {
            assert_eq!(cursor(unknown), Cursor::NEW);
        }
    }
}
