//! Jobs as clients see them: create, list, watch, cancel, retry.
use async_trait::async_trait;
use carrel_domain::audit::{Actor, By, Event};
use carrel_domain::job::queue::LeaseRequest;
use carrel_domain::job::{
    Cursor, ItemState, Job, JobFilter, JobItem, JobKind, JobProgress, JobState, JobWorkspace, Jobs,
    NewJob,
};
use carrel_domain::{DocumentPath, JobId, Result, Slug, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Integer, Text};

use crate::Database;
use crate::audit;
use crate::database::connection::{AnyBackend, AnyConnection, columns};
use crate::database::convert::{rows, some_text, text, time, unreadable, utc};
use crate::database::schema::{jobs, workspaces};
use crate::database::tx_error::{OrRefused, TxError};
use crate::jobs::items;

#[derive(Clone, Queryable, Selectable, AsChangeset)]
#[diesel(table_name = jobs, treat_none_as_null = true)]
pub(crate) struct Row {
    pub(crate) id: i64,
    kind: String,
    state: String,
    pub(crate) workspace_id: i32,
    actor: String,
    address: Option<String>,
    pub(crate) awaited: bool,
    pub(crate) cancelling: bool,
    pub(crate) total: i32,
    pub(crate) done: i32,
    pub(crate) failed: i32,
    cancelled: i32,
    pub(crate) attempts: i32,
    pub(crate) error: Option<String>,
    changes: i64,
    pub(crate) lease: Option<String>,
    pub(crate) due_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
    pub(crate) started_at: Option<NaiveDateTime>,
    finished_at: Option<NaiveDateTime>,
    updated_at: NaiveDateTime,
    /// The upload that still adds items to the job.
    pub(crate) upload: Option<String>,
}

impl Row {
    pub(crate) fn state(&self) -> Result<JobState> {
        JobState::parse(&self.state).ok_or_else(|| unreadable("state of a job"))
    }

    pub(crate) fn kind(&self) -> Result<JobKind> {
        JobKind::parse(&self.kind).ok_or_else(|| unreadable("kind of job"))
    }

    /// Returns whether documents can be added.
    pub(crate) fn is_open(&self) -> bool {
        let is_closed = self.cancelling || self.awaited || self.upload.is_some();
        !is_closed
            && self.state != JobState::Cancelled.as_str()
            && self.kind == JobKind::Embed.as_str()
    }

    /// Gives the job to the requester of a lease, or queues it.
    pub(crate) fn begin(&mut self, lease: Option<LeaseRequest>, now: NaiveDateTime) {
        let state = if lease.is_some() { JobState::Running } else { JobState::Queued };
        self.set_state(state);
        self.lease = lease.map(|lease| lease.token.to_string());
        self.due_at = Some(lease.map_or(now, |hold| time(hold.until)));
        self.started_at = lease.map(|_| now);
        self.upload = None;
    }

    pub(crate) fn set_state(&mut self, state: JobState) {
        self.state = state.as_str().to_owned();
    }

    /// Increments the change number and returns it.
    pub(crate) fn change(&mut self, now: NaiveDateTime) -> i64 {
        self.changes += 1;
        self.updated_at = now;
        self.changes
    }

    /// Returns whether no item is left.
    pub(crate) fn is_through(&self) -> bool {
        self.done + self.failed + self.cancelled >= self.total
    }

    /// Ends the job. Items that are still queued fail with `failure`, or are cancelled if there is
    /// none.
    pub(crate) fn end(
        &mut self,
        conn: &mut AnyConnection,
        failure: Option<String>,
        now: NaiveDateTime,
    ) -> QueryResult<()> {
        let changed = self.change(now);
        let left = if failure.is_some() { ItemState::Failed } else { ItemState::Cancelled };
        let reason = failure.clone();
        let count = items::set_states(conn, self.id, ItemState::Queued, left, reason, changed)?;
        match left {
            ItemState::Failed => self.failed += count as i32,
            _ => self.cancelled += count as i32,
        }
        self.set_state(match (self.failed, self.cancelled) {
            (_, 1..) => JobState::Cancelled,
            (1.., _) => JobState::Failed,
            _ => JobState::Done,
        });
        (self.lease, self.due_at, self.cancelling) = (None, None, false);
        (self.error, self.finished_at) = (failure.map(text), Some(now));
        Ok(())
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = workspaces)]
struct WorkspaceRow {
    name: String,
    slug: String,
}

fn job(row: Row, workspace: WorkspaceRow) -> Result<Job> {
    let (kind, state) = (row.kind()?, row.state()?);
    let WorkspaceRow { name, slug } = workspace;
    let (id, slug) = (WorkspaceId(row.workspace_id), Slug::from_stored(slug));
    let count = |number: i32| number.unsigned_abs();
    Ok(Job {
        id: JobId(row.id),
        kind,
        state,
        workspace: JobWorkspace { id, slug, name },
        by: By {
            actor: Actor::parse(&row.actor).ok_or_else(|| unreadable("actor"))?,
            address: row.address,
            at: row.created_at.and_utc(),
        },
        awaited: row.awaited,
        progress: JobProgress {
            total: count(row.total),
            done: count(row.done),
            failed: count(row.failed),
            cancelled: count(row.cancelled),
        },
        attempts: count(row.attempts),
        error: row.error,
        cancelling: row.cancelling,
        changes: row.changes,
        due_at: utc(row.due_at),
        started_at: utc(row.started_at),
        finished_at: utc(row.finished_at),
        updated_at: row.updated_at.and_utc(),
    })
}

/// Converts a row to a job with its workspace.
pub(crate) fn present(conn: &mut AnyConnection, row: Row) -> Result<Job, TxError> {
    let workspace =
        workspaces::table.find(row.workspace_id).select(WorkspaceRow::as_select()).first(conn)?;
    Ok(job(row, workspace)?)
}

/// Returns the job and locks it until the transaction ends.
pub(crate) fn lock(conn: &mut AnyConnection, id: JobId) -> QueryResult<Option<Row>> {
    let row = jobs::table.find(id.0);
    match conn {
        AnyConnection::Postgres(conn) => {
            row.select(Row::as_select()).for_update().first(conn).optional()
        }
        AnyConnection::Sqlite(conn) => row.select(Row::as_select()).first(conn).optional(),
    }
}

pub(crate) fn save(conn: &mut AnyConnection, row: Row) -> Result<Job, TxError> {
    diesel::update(jobs::table.find(row.id)).set(row.clone()).execute(conn)?;
    present(conn, row)
}

/// Inserts a job. The caller adds its `total` items.
pub(crate) fn insert(
    conn: &mut AnyConnection,
    kind: JobKind,
    workspace: WorkspaceId,
    total: usize,
    lease: Option<LeaseRequest>,
    awaited: bool,
    by: &By,
) -> Result<Row, TxError> {
    let now = time(by.at);
    let state = if lease.is_some() { JobState::Running } else { JobState::Queued };
    diesel::insert_into(jobs::table)
        .values((
            jobs::kind.eq(kind.as_str()),
            jobs::state.eq(state.as_str()),
            jobs::workspace_id.eq(workspace.0),
            jobs::actor.eq(by.actor.to_text()),
            jobs::address.eq(some_text(by.address.clone())),
            jobs::awaited.eq(awaited),
            jobs::total.eq(total as i32),
            jobs::lease.eq(lease.map(|hold| hold.token.to_string())),
            jobs::due_at.eq(Some(lease.map_or(now, |hold| time(hold.until)))),
            jobs::created_at.eq(now),
            jobs::started_at.eq(lease.map(|_| now)),
            jobs::updated_at.eq(now),
        ))
        .returning(columns::<Row>())
        .get_result(conn)
        .or_not_found("workspace", workspace)
}

/// Adds items to an open job. A finished job is queued again.
pub(crate) fn append(
    conn: &mut AnyConnection,
    row: &mut Row,
    paths: &[DocumentPath],
    now: NaiveDateTime,
) -> Result<(), TxError> {
    // A client that watches a new job expects its items to be queued.
    let changed = if row.total == 0 { row.changes } else { row.change(now) };
    items::insert(conn, row.id, paths, i64::from(row.total), changed)?;
    row.total += paths.len() as i32;
    if row.state()?.is_over() {
        row.set_state(JobState::Queued);
        row.attempts = 0;
        (row.error, row.finished_at, row.due_at) = (None, None, Some(now));
    }
    Ok(())
}

fn items(rows: Vec<items::Row>) -> Result<Vec<JobItem>> {
    rows.into_iter().map(JobItem::try_from).collect()
}

fn page(
    conn: &mut AnyConnection,
    filter: JobFilter,
    before: Option<JobId>,
    limit: u32,
) -> Result<Vec<Job>, TxError> {
    let JobFilter { state, kind, workspaces: of } = filter;
    let mut query = jobs::table
        .inner_join(workspaces::table)
        .filter(jobs::id.lt(before.map_or(i64::MAX, |id| id.0)))
        .into_boxed::<AnyBackend>();
    // Few jobs exist, because old ones are deleted, so a scan by id is fast. Other indexes would
    // require a sort; the expressions below prevent their use.
    if let Some(state) = state {
        query = query.filter(sql::<Text>("jobs.state || ''").eq(state.as_str()));
    }
    if let Some(kind) = kind {
        query = query.filter(sql::<Text>("jobs.kind || ''").eq(kind.as_str()));
    }
    if let Some(of) = of {
        let of: Vec<i32> = of.into_iter().map(|id| id.0).collect();
        query = query.filter(sql::<Integer>("jobs.workspace_id + 0").eq_any(of));
    }
    let found: Vec<(Row, WorkspaceRow)> = query
        .order(jobs::id.desc())
        .limit(rows(limit))
        .select((Row::as_select(), WorkspaceRow::as_select()))
        .load(conn)?;
    Ok(found.into_iter().map(|(row, workspace)| job(row, workspace)).collect::<Result<_>>()?)
}

fn by_id(conn: &mut AnyConnection, id: JobId) -> Result<Option<Job>, TxError> {
    let found: Option<(Row, WorkspaceRow)> = jobs::table
        .inner_join(workspaces::table)
        .filter(jobs::id.eq(id.0))
        .select((Row::as_select(), WorkspaceRow::as_select()))
        .first(conn)
        .optional()?;
    Ok(found.map(|(row, workspace)| job(row, workspace)).transpose()?)
}

#[async_trait]
impl Jobs for Database {
    async fn create(&self, new: NewJob, lease: Option<LeaseRequest>, event: Event) -> Result<Job> {
        self.write(move |conn| {
            let NewJob { kind, workspace, paths, awaited } = new;
            let row = insert(conn, kind, workspace, paths.len(), lease, awaited, &event.by)?;
            items::insert(conn, row.id, &paths, 0, 0)?;
            audit::record(conn, event)?;
            present(conn, row)
        })
        .await
    }

    async fn by_id(&self, id: JobId) -> Result<Option<Job>> {
        self.read(move |conn| by_id(conn, id)).await
    }

    async fn page(
        &self,
        filter: &JobFilter,
        before: Option<JobId>,
        limit: u32,
    ) -> Result<Vec<Job>> {
        let filter = filter.clone();
        self.read(move |conn| page(conn, filter, before, limit)).await
    }

    async fn items(
        &self,
        of: JobId,
        state: Option<ItemState>,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<JobItem>> {
        self.read(move |conn| Ok(items(items::page(conn, of.0, state, after, limit)?)?)).await
    }

    async fn changed(
        &self,
        id: JobId,
        cursor: Cursor,
        limit: u32,
    ) -> Result<Option<(Job, Vec<JobItem>)>> {
        self.snapshot(move |conn| {
            let Some(job) = by_id(conn, id)? else { return Ok(None) };
            let changed = items::changed(conn, id.0, cursor, limit)?;
            Ok(Some((job, items(changed)?)))
        })
        .await
    }

    async fn cancel(&self, id: JobId, event: Event) -> Result<Option<Job>> {
        self.write(move |conn| {
            let Some(mut row) = lock(conn, id)? else { return Ok(None) };
            let (state, now) = (row.state()?, time(event.by.at));
            if state.is_over() || row.cancelling {
                return Ok(Some(present(conn, row)?));
            }
            let is_free = row.due_at.is_none_or(|due| due <= now);
            // A job that an upload still fills ends when the upload is complete.
            if row.upload.is_none() && (state == JobState::Queued || is_free) {
                row.end(conn, None, now)?;
            } else {
                row.cancelling = true;
                row.change(now);
            }
            let job = save(conn, row)?;
            audit::record(conn, event)?;
            Ok(Some(job))
        })
        .await
    }

    async fn extend(
        &self,
        id: JobId,
        paths: Vec<DocumentPath>,
        event: Event,
    ) -> Result<Option<Job>> {
        self.write(move |conn| {
            let Some(mut row) = lock(conn, id)?.filter(Row::is_open) else { return Ok(None) };
            append(conn, &mut row, &paths, time(event.by.at))?;
            let job = save(conn, row)?;
            audit::record(conn, event)?;
            Ok(Some(job))
        })
        .await
    }

    async fn retry(&self, id: JobId, event: Event) -> Result<Option<Job>> {
        self.write(move |conn| {
            let Some(mut row) = lock(conn, id)? else { return Ok(None) };
            let now = time(event.by.at);
            if !row.state()?.is_over() || row.failed == 0 {
                return Ok(Some(present(conn, row)?));
            }
            let changed = row.change(now);
            items::set_states(conn, row.id, ItemState::Failed, ItemState::Queued, None, changed)?;
            row.set_state(JobState::Queued);
            (row.failed, row.attempts, row.awaited) = (0, 0, false);
            (row.error, row.finished_at, row.due_at) = (None, None, Some(now));
            let job = save(conn, row)?;
            audit::record(conn, event)?;
            Ok(Some(job))
        })
        .await
    }
}
