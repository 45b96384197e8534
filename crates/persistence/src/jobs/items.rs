//! The items of jobs and their states.
use carrel_domain::job::recordings::{RecordingItem, RecordingProgress};
use carrel_domain::job::{Cursor, ItemState, JobItem};
use carrel_domain::{DocumentPath, Error, Result, WorkspaceId};
use diesel::IntoSql;
use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::{IDS_AT_ONCE, rows, text, unreadable};
use crate::database::schema::{documents, job_items, workspace_documents};
use crate::documents::rows::stored_path;

#[derive(Queryable, Selectable)]
#[diesel(table_name = job_items)]
pub(crate) struct Row {
    number: i64,
    folder: String,
    name: String,
    state: String,
    attempts: i32,
    reason: Option<String>,
    changed: i64,
    recording: Option<String>,
    #[diesel(select_expression = job_items::recording_details.is_not_null())]
    is_pending: bool,
    heard: Option<i32>,
    duration: Option<i32>,
}

impl TryFrom<Row> for JobItem {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let Row { number, folder, name, state, attempts, reason, changed, .. } = row;
        let Row { recording, is_pending, heard: seconds_transcribed, duration, .. } = row;
        let progress = RecordingProgress {
            transcribed: seconds_transcribed.unwrap_or(0).unsigned_abs(),
            duration: duration.map(i32::unsigned_abs),
        };
        Ok(Self {
            number,
            path: stored_path(&folder, &name)?,
            state: ItemState::parse(&state).ok_or_else(|| unreadable("state of a job's item"))?,
            attempts: attempts.unsigned_abs(),
            reason,
            changed,
            recording: recording.map(|name| RecordingItem { name, is_pending, progress }),
        })
    }
}

#[derive(Insertable)]
#[diesel(table_name = job_items)]
struct NewRow<'a> {
    job_id: i64,
    number: i64,
    folder: &'a str,
    name: &'a str,
    state: &'a str,
    changed: i64,
}

/// Items per statement.
const ROWS_AT_ONCE: usize = 500;

/// Inserts items in order, numbered from `first`, with the change number `changed` of their job.
pub(crate) fn insert(
    conn: &mut AnyConnection,
    job: i64,
    paths: &[DocumentPath],
    first: i64,
    changed: i64,
) -> QueryResult<()> {
    let state = ItemState::Queued.as_str();
    let items: Vec<_> = paths
        .iter()
        .zip(first..)
        .map(|(path, number)| {
            let (folder, name) = (path.folder(), path.name());
            NewRow { job_id: job, number, folder, name, state, changed }
        })
        .collect();
    for items in items.chunks(ROWS_AT_ONCE) {
        on_each_backend!(conn => diesel::insert_into(job_items::table)
            .values(items)
            .execute(conn))?;
    }
    Ok(())
}

/// Inserts an item for each document of a workspace whose passages have the recipe. Returns their
/// number.
pub(crate) fn insert_places(
    conn: &mut AnyConnection,
    job: i64,
    workspace: WorkspaceId,
    recipe: &str,
) -> QueryResult<usize> {
    on_each_backend!(conn => {
        let places = workspace_documents::table
            .inner_join(documents::table)
            .filter(workspace_documents::recipe.eq(recipe))
            .filter(workspace_documents::workspace_id.eq(workspace.0))
            .select((
                job.into_sql::<BigInt>(),
                workspace_documents::id,
                documents::folder,
                documents::name,
                ItemState::Queued.as_str().into_sql::<Text>(),
            ));
        diesel::insert_into(job_items::table)
            .values(places)
            .into_columns((
                job_items::job_id,
                job_items::number,
                job_items::folder,
                job_items::name,
                job_items::state,
            ))
            .execute(conn)
    })
}

/// Returns the next queued items. Items that failed before come after the others. Items that need a
/// transcription come last, one at a time.
pub(crate) fn pending(conn: &mut AnyConnection, job: i64, limit: u32) -> QueryResult<Vec<Row>> {
    let queued = job_items::table
        .filter(job_items::job_id.eq(job))
        .filter(job_items::state.eq(ItemState::Queued.as_str()))
        .order((job_items::attempts, job_items::number));
    let found: Vec<Row> = queued
        .filter(job_items::recording_details.is_null())
        .limit(rows(limit))
        .select(Row::as_select())
        .load(conn)?;
    if !found.is_empty() {
        return Ok(found);
    }
    queued.limit(1).select(Row::as_select()).load(conn)
}

/// Returns whether any items are queued.
pub(crate) fn has_pending(conn: &mut AnyConnection, job: i64) -> QueryResult<bool> {
    let found: Option<i64> = job_items::table
        .filter(job_items::job_id.eq(job))
        .filter(job_items::state.eq(ItemState::Queued.as_str()))
        .select(job_items::number)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

pub(crate) fn page(
    conn: &mut AnyConnection,
    job: i64,
    state: Option<ItemState>,
    after: Option<i64>,
    limit: u32,
) -> QueryResult<Vec<Row>> {
    let items = job_items::table
        .filter(job_items::job_id.eq(job))
        .filter(job_items::number.gt(after.unwrap_or(i64::MIN)))
        .order(job_items::number)
        .limit(rows(limit))
        .select(Row::as_select());
    match state {
        // The expression prevents the use of the index by state, which has another order.
        Some(state) => {
            items.filter(sql::<Text>("job_items.state || ''").eq(state.as_str())).load(conn)
        }
        None => items.load(conn),
    }
}

pub(crate) fn changed(
    conn: &mut AnyConnection,
    job: i64,
    cursor: Cursor,
    limit: u32,
) -> QueryResult<Vec<Row>> {
    let is_newer = job_items::changed.gt(cursor.changes).or(job_items::number.gt(cursor.number));
    job_items::table
        .filter(job_items::job_id.eq(job))
        .filter(job_items::changed.ge(cursor.changes))
        .filter(is_newer)
        .order((job_items::changed, job_items::number))
        .limit(rows(limit))
        .select(Row::as_select())
        .load(conn)
}

/// Marks items as done with the change number `changed` of their job.
pub(crate) fn done(
    conn: &mut AnyConnection,
    job: i64,
    numbers: &[i64],
    changed: i64,
) -> QueryResult<()> {
    for numbers in numbers.chunks(IDS_AT_ONCE) {
        let items = job_items::table
            .filter(job_items::job_id.eq(job))
            .filter(job_items::number.eq_any(numbers.to_vec()));
        diesel::update(items)
            .set((
                job_items::state.eq(ItemState::Done.as_str()),
                job_items::reason.eq(None::<String>),
                job_items::changed.eq(changed),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Records a failed attempt of an item. `state` says whether it is final or retried.
pub(crate) fn failed(
    conn: &mut AnyConnection,
    job: i64,
    number: i64,
    state: ItemState,
    reason: &str,
    changed: i64,
) -> QueryResult<()> {
    diesel::update(job_items::table.find((job, number)))
        .set((
            job_items::state.eq(state.as_str()),
            job_items::attempts.eq(job_items::attempts + 1),
            job_items::reason.eq(Some(text(reason))),
            job_items::changed.eq(changed),
        ))
        .execute(conn)
        .map(drop)
}

/// Moves all items from one state to another. Returns their number.
pub(crate) fn set_states(
    conn: &mut AnyConnection,
    job: i64,
    from: ItemState,
    to: ItemState,
    reason: Option<String>,
    changed: i64,
) -> QueryResult<usize> {
    let items = job_items::table
        .filter(job_items::job_id.eq(job))
        .filter(job_items::state.eq(from.as_str()));
    let to = job_items::state.eq(to.as_str());
    let reason = job_items::reason.eq(reason.map(text));
    diesel::update(items)
        .set((to, job_items::attempts.eq(0), reason, job_items::changed.eq(changed)))
        .execute(conn)
}
