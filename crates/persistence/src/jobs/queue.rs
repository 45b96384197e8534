//! The job queue as workers use it: claim, renew, complete steps, and end jobs.
use std::collections::BTreeSet;

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::job::queue::{
    Backlog, ClaimedJob, FinishedItem, ItemOutcome, JobQueue, Lease, LeaseRequest, PartResult,
    PartialIndexing, PassagePart, QueuedRefreshes, Requeue, Retention, StepResult, Superseded,
};
use carrel_domain::job::{ItemState, Job, JobItem, JobKind, JobState};
use carrel_domain::library::IndexedDocument;
use carrel_domain::{Error, JobId, Result, WorkspaceId};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::{count_star, sum};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::AnyConnection;
use crate::database::convert::{rows as count, some_text, text, time};
use crate::database::schema::jobs;
use crate::database::tx_error::TxError;
use crate::documents::indexing;
use crate::documents::indexing::{Placing, UpsertOutcome};
use crate::documents::parts as indexing_parts;
use crate::documents::rows;
use crate::documents::vector_versions::{self, Change};
use crate::jobs::items;
use crate::jobs::parts;
use crate::jobs::retention;
use crate::jobs::rows::{Row, insert, lock, save};
use crate::jobs::stale;

/// Returns the job and locks it, if the lease is still valid.
pub(crate) fn leased(conn: &mut AnyConnection, lease: &Lease) -> QueryResult<Option<Row>> {
    let token = lease.token.to_string();
    Ok(lock(conn, lease.job)?.filter(|row| row.lease.as_ref() == Some(&token)))
}

/// Returns a job that can be claimed.
fn due(conn: &mut AnyConnection, now: NaiveDateTime) -> QueryResult<Option<Row>> {
    let due = jobs::table.filter(jobs::due_at.le(now)).order((jobs::due_at, jobs::id));
    match conn {
        AnyConnection::Postgres(conn) => {
            due.select(Row::as_select()).for_update().skip_locked().first(conn).optional()
        }
        AnyConnection::Sqlite(conn) => due.select(Row::as_select()).first(conn).optional(),
    }
}

fn is_due(conn: &mut AnyConnection, now: NaiveDateTime, but: JobId) -> QueryResult<bool> {
    let found: Option<i64> = jobs::table
        .filter(jobs::due_at.le(now))
        .filter(jobs::id.ne(but.0))
        .select(jobs::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

fn refresh(
    conn: &mut AnyConnection,
    workspace: WorkspaceId,
    stale: &[String],
    event: &Event,
) -> Result<(), TxError> {
    let mut row = insert(conn, JobKind::Refresh, workspace, 0, None, false, &event.by)?;
    let mut total = 0;
    for recipe in stale {
        total += items::insert_places(conn, row.id, workspace, recipe)?;
    }
    row.total = total as i32;
    save(conn, row).map(drop)
}

fn is_under_way(conn: &mut AnyConnection, kind: JobKind, of: WorkspaceId) -> QueryResult<bool> {
    let found: Option<i64> = jobs::table
        .filter(jobs::workspace_id.eq(of.0))
        .filter(jobs::kind.eq(kind.as_str()))
        .filter(jobs::due_at.is_not_null())
        .select(jobs::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// The result of a step for its items.
#[derive(Default)]
struct Step {
    done: Vec<i64>,
    failed: Vec<(i64, ItemState, String)>,
    put: Vec<UpsertOutcome>,
}

/// Stores the results of a step. Writes nothing unless the lease is valid. Returns `None` if it is
/// lost.
fn step(
    conn: &mut AnyConnection,
    lease: &Lease,
    mut finished: Vec<FinishedItem>,
    now: NaiveDateTime,
) -> Result<Option<(Row, Step)>, TxError> {
    finished.sort_by(|one, other| one.item.path.cmp(&other.item.path));
    let workspace: Option<i32> =
        jobs::table.find(lease.job.0).select(jobs::workspace_id).first(conn).optional()?;
    let Some(workspace) = workspace else { return Ok(None) };
    let (mut step, mut embedded, mut whole) = (Step::default(), Vec::new(), Vec::new());
    for FinishedItem { item: JobItem { number, path, .. }, outcome } in finished {
        match outcome {
            ItemOutcome::Failed(reason) => step.failed.push((number, ItemState::Failed, reason)),
            ItemOutcome::Again(reason) => step.failed.push((number, ItemState::Queued, reason)),
            ItemOutcome::Unchanged => step.done.push(number),
            ItemOutcome::IndexedInParts { stored, recipe } => whole.push((number, stored, recipe)),
            ItemOutcome::Indexed(passages) => match rows::lock_to_refer(conn, &path)? {
                Some(document) => embedded.push((number, document, passages)),
                None => {
                    let reason = Error::not_found("document", path).to_string();
                    step.failed.push((number, ItemState::Failed, reason));
                }
            },
        }
    }
    if !vector_versions::lock(conn, workspace)? {
        return Ok(None);
    }
    let Some(row) = leased(conn, lease)? else { return Ok(None) };
    let placing = Placing::of(row.kind()?);
    for (number, stored, recipe) in whole {
        let place = indexing_parts::finish(conn, stored, &recipe, placing, now)?;
        step.done.push(number);
        step.put.push(UpsertOutcome { place, ..UpsertOutcome::default() });
    }
    let mut change = Change::default();
    for (number, document, passages) in embedded {
        let passages = IndexedDocument { workspace: WorkspaceId(workspace), ..passages };
        let put = indexing::put(conn, document, passages, placing, now)?;
        change += put.change;
        step.done.push(number);
        step.put.push(put);
    }
    if !change.is_nothing() {
        vector_versions::record(conn, workspace, change)?;
    }
    Ok(Some((row, step)))
}

fn complete(
    conn: &mut AnyConnection,
    lease: &Lease,
    finished: Vec<FinishedItem>,
    until: NaiveDateTime,
    event: Event,
) -> Result<Option<StepResult>, TxError> {
    let now = time(event.by.at);
    let Some((mut row, Step { done, failed, put })) = step(conn, lease, finished, now)? else {
        return Ok(None);
    };
    let changed = row.change(now);
    items::done(conn, row.id, &done, changed)?;
    row.done += done.len() as i32;
    for (number, state, reason) in &failed {
        items::failed(conn, row.id, *number, *state, reason, changed)?;
        row.failed += i32::from(*state == ItemState::Failed);
    }
    (row.attempts, row.error, row.due_at) = (0, None, Some(until));
    if row.awaited && row.is_through() {
        row.end(conn, None, now)?;
    }
    let job = save(conn, row)?;
    let placed: Vec<_> = put.iter().filter_map(|put| put.place).collect();
    if !placed.is_empty() {
        audit::record(conn, event)?;
    }
    Ok(Some(StepResult {
        job,
        placed,
        replaced: put.iter().filter_map(|put| put.replaced).collect(),
        others_wait: is_due(conn, now, lease.job)?,
    }))
}

/// A state, its number of jobs, and the sums of all, done and failed items.
type Count = (String, i64, Option<i64>, Option<i64>, Option<i64>);

fn backlog(conn: &mut AnyConnection) -> QueryResult<Backlog> {
    let active = [JobState::Queued, JobState::Running].map(JobState::as_str);
    let counts: Vec<Count> = jobs::table
        .filter(jobs::state.eq_any(active))
        .group_by(jobs::state)
        .select((jobs::state, count_star(), sum(jobs::total), sum(jobs::done), sum(jobs::failed)))
        .load(conn)?;
    let mut backlog = Backlog::default();
    for (state, count, total, done, failed) in counts {
        let of_state = match JobState::parse(&state) {
            Some(JobState::Running) => &mut backlog.running,
            _ => &mut backlog.queued,
        };
        *of_state = count.unsigned_abs();
        let ended = done.unwrap_or(0) + failed.unwrap_or(0);
        backlog.documents += u64::try_from(total.unwrap_or(0) - ended).unwrap_or(0);
    }
    Ok(backlog)
}

#[async_trait]
impl JobQueue for Database {
    async fn queue_refreshes(&self, recipe: &str, event: Event) -> Result<QueuedRefreshes> {
        let recipe = text(recipe);
        self.write(move |conn| {
            let stale: Vec<String> =
                indexing::recipes(conn)?.into_iter().filter(|other| *other != recipe).collect();
            let mut workspaces = BTreeSet::new();
            for recipe in &stale {
                workspaces.extend(indexing::workspaces_with(conn, recipe)?);
            }
            let mut refreshes = QueuedRefreshes::default();
            for workspace in workspaces {
                if is_under_way(conn, JobKind::Refresh, workspace)? {
                    refreshes.under_way += 1;
                    continue;
                }
                refresh(conn, workspace, &stale, &event)?;
                refreshes.queued += 1;
            }
            if refreshes.queued > 0 {
                audit::record(conn, event)?;
            }
            Ok(refreshes)
        })
        .await
    }

    async fn expire(&self, recipe: &str, length: usize) -> Result<u64> {
        let recipe = text(recipe);
        let (mut after, mut expired) = (0, 0);
        loop {
            let of = recipe.clone();
            let page = self.read(move |conn| Ok(stale::next_of_recipe(conn, &of, after)?)).await?;
            let Some((last, _)) = page.last().copied() else { return Ok(expired) };
            after = last;
            let is_other = |found: Option<i64>| found.is_some_and(|found| found != count(length));
            let other = page.into_iter().filter(|(_, found)| is_other(*found));
            let other: Vec<i64> = other.map(|(id, _)| id).collect();
            let of = recipe.clone();
            if !other.is_empty() {
                expired += self.write(move |conn| Ok(stale::expire(conn, &of, other)?)).await?;
            }
        }
    }

    async fn is_due(&self, now: DateTime<Utc>) -> Result<bool> {
        self.read(move |conn| Ok(is_due(conn, time(now), JobId(0))?)).await
    }

    async fn claim(&self, request: LeaseRequest, now: DateTime<Utc>) -> Result<Option<ClaimedJob>> {
        self.write(move |conn| {
            let now = time(now);
            let Some(mut row) = due(conn, now)? else { return Ok(None) };
            let resumed = row.state()? == JobState::Running;
            row.attempts += i32::from(resumed);
            row.set_state(JobState::Running);
            row.lease = Some(request.token.to_string());
            row.due_at = Some(time(request.until));
            row.started_at = row.started_at.or(Some(now));
            row.change(now);
            let lease = Lease { job: JobId(row.id), token: request.token };
            Ok(Some(ClaimedJob { job: save(conn, row)?, lease, resumed }))
        })
        .await
    }

    async fn renew(&self, lease: &Lease, until: DateTime<Utc>) -> Result<Option<Job>> {
        let lease = *lease;
        self.write(move |conn| {
            let Some(mut row) = leased(conn, &lease)? else { return Ok(None) };
            row.due_at = Some(time(until));
            Ok(Some(save(conn, row)?))
        })
        .await
    }

    async fn pending_items(&self, lease: &Lease, limit: u32) -> Result<Option<Vec<JobItem>>> {
        let lease = *lease;
        self.read(move |conn| {
            let token: Option<Option<String>> =
                jobs::table.find(lease.job.0).select(jobs::lease).first(conn).optional()?;
            if token.flatten() != Some(lease.token.to_string()) {
                return Ok(None);
            }
            let items = items::pending(conn, lease.job.0, limit)?;
            Ok(Some(items.into_iter().map(JobItem::try_from).collect::<Result<_>>()?))
        })
        .await
    }

    async fn complete(
        &self,
        lease: &Lease,
        finished: Vec<FinishedItem>,
        until: DateTime<Utc>,
        event: Event,
    ) -> Result<Option<StepResult>> {
        let finished = parts::index_large_separately(self, lease, finished, until).await?;
        let (lease, Some(finished)) = (*lease, finished) else { return Ok(None) };
        self.write(move |conn| complete(conn, &lease, finished, time(until), event)).await
    }

    async fn store_part(
        &self,
        lease: &Lease,
        part: PassagePart,
        until: DateTime<Utc>,
    ) -> Result<Option<PartResult>> {
        let lease = *lease;
        self.write(move |conn| parts::store(conn, &lease, part, time(until))).await
    }

    async fn remove_part(
        &self,
        lease: &Lease,
        stored: PartialIndexing,
        which: Superseded,
        limit: u32,
        until: DateTime<Utc>,
    ) -> Result<Option<bool>> {
        let (lease, until) = (*lease, time(until));
        self.write(move |conn| parts::remove(conn, &lease, stored, which, limit, until)).await
    }

    async fn requeue(
        &self,
        lease: &Lease,
        how: Requeue,
        now: DateTime<Utc>,
    ) -> Result<Option<Job>> {
        let lease = *lease;
        self.write(move |conn| {
            let Some(mut row) = leased(conn, &lease)? else { return Ok(None) };
            let Requeue { due_at, attempts, error } = how;
            if row.cancelling {
                row.end(conn, None, time(now))?;
                return Ok(Some(save(conn, row)?));
            }
            row.set_state(JobState::Queued);
            row.change(time(now));
            (row.lease, row.due_at) = (None, Some(time(due_at)));
            row.attempts = i32::try_from(attempts).unwrap_or(i32::MAX);
            row.error = some_text(error);
            Ok(Some(save(conn, row)?))
        })
        .await
    }

    async fn end(
        &self,
        lease: &Lease,
        failure: Option<String>,
        now: DateTime<Utc>,
    ) -> Result<Option<Job>> {
        let lease = *lease;
        self.write(move |conn| {
            let Some(mut row) = leased(conn, &lease)? else { return Ok(None) };
            let is_through = failure.is_none() && !row.cancelling;
            if is_through && items::has_pending(conn, row.id)? {
                row.set_state(JobState::Queued);
                row.change(time(now));
                (row.lease, row.due_at) = (None, Some(time(now)));
            } else {
                row.end(conn, failure, time(now))?;
            }
            Ok(Some(save(conn, row)?))
        })
        .await
    }

    async fn backlog(&self) -> Result<Backlog> {
        self.read(|conn| Ok(backlog(conn)?)).await
    }

    async fn release(&self, now: DateTime<Utc>) -> Result<u64> {
        let now = time(now);
        self.write(move |conn| {
            let in_hands =
                jobs::table.filter(jobs::due_at.gt(now)).filter(jobs::lease.is_not_null());
            Ok(diesel::update(in_hands).set(jobs::due_at.eq(Some(now))).execute(conn)? as u64)
        })
        .await
    }

    async fn prune(&self, retention: Retention) -> Result<u64> {
        self.write(move |conn| Ok(retention::prune(conn, retention)?)).await
    }
}
