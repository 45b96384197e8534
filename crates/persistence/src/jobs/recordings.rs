//! Recordings in jobs: queues them, records their progress, and turns them into ordinary items.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::job::queue::Lease;
use carrel_domain::job::recordings::{JobRecordings, NewRecording, RecordingProgress};
use carrel_domain::job::{ItemState, Job, JobKind};
use carrel_domain::{DocumentPath, JobId, Result};
use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::AnyConnection;
use crate::database::convert::{text, time};
use crate::database::schema::job_items;
use crate::database::tx_error::TxError;
use crate::jobs::queue::leased;
use crate::jobs::rows::{Row, append, insert, lock, save};

/// Returns the given job if it belongs to the workspace and accepts items, otherwise a new one.
fn job_for(conn: &mut AnyConnection, new: &NewRecording, event: &Event) -> Result<Row, TxError> {
    if let Some(id) = new.existing_job
        && let Some(row) = lock(conn, id)?
        && row.workspace_id == new.workspace.0
        && row.is_open()
    {
        return Ok(row);
    }
    insert(conn, JobKind::Embed, new.workspace, 0, None, false, &event.by)
}

fn queue(conn: &mut AnyConnection, new: NewRecording, event: Event) -> Result<Job, TxError> {
    let now = time(event.by.at);
    let mut row = job_for(conn, &new, &event)?;
    let number = i64::from(row.total);
    append(conn, &mut row, std::slice::from_ref(&new.path), now)?;
    let NewRecording { name, details, .. } = new;
    diesel::update(job_items::table.find((row.id, number)))
        .set((
            job_items::recording.eq(Some(text(name))),
            job_items::recording_details.eq(Some(text(details))),
        ))
        .execute(conn)?;
    let job = save(conn, row)?;
    audit::record(conn, event)?;
    Ok(job)
}

fn record_progress(
    conn: &mut AnyConnection,
    lease: &Lease,
    item: i64,
    progress: RecordingProgress,
    until: DateTime<Utc>,
) -> Result<Option<Job>, TxError> {
    let Some(mut row) = leased(conn, lease)? else { return Ok(None) };
    let changed = row.change(time(Utc::now()));
    let seconds = |seconds: u32| i32::try_from(seconds).unwrap_or(i32::MAX);
    diesel::update(job_items::table.find((row.id, item)))
        .set((
            job_items::heard.eq(Some(seconds(progress.transcribed))),
            job_items::duration.eq(progress.duration.map(seconds)),
            job_items::changed.eq(changed),
        ))
        .execute(conn)?;
    (row.attempts, row.error, row.due_at) = (0, None, Some(time(until)));
    Ok(Some(save(conn, row)?))
}

fn transcribed(
    conn: &mut AnyConnection,
    lease: &Lease,
    item: i64,
    path: &DocumentPath,
    until: DateTime<Utc>,
) -> Result<Option<Job>, TxError> {
    let Some(mut row) = leased(conn, lease)? else { return Ok(None) };
    let changed = row.change(time(Utc::now()));
    diesel::update(job_items::table.find((row.id, item)))
        .set((
            job_items::recording_details.eq(None::<String>),
            job_items::folder.eq(text(path.folder())),
            job_items::name.eq(text(path.name())),
            job_items::changed.eq(changed),
        ))
        .execute(conn)?;
    (row.attempts, row.error, row.due_at) = (0, None, Some(time(until)));
    Ok(Some(save(conn, row)?))
}

#[async_trait]
impl JobRecordings for Database {
    async fn queue(&self, new: NewRecording, event: Event) -> Result<Job> {
        self.write(move |conn| queue(conn, new, event)).await
    }

    async fn pending(&self) -> Result<Vec<String>> {
        self.read(|conn| {
            let pending: Vec<Option<String>> = job_items::table
                .filter(job_items::recording_details.is_not_null())
                .filter(job_items::state.eq(ItemState::Queued.as_str()))
                .select(job_items::recording_details)
                .load(conn)?;
            Ok(pending.into_iter().flatten().collect())
        })
        .await
    }

    async fn details(&self, job: JobId, item: i64) -> Result<Option<String>> {
        self.read(move |conn| {
            let details: Option<Option<String>> = job_items::table
                .find((job.0, item))
                .select(job_items::recording_details)
                .first(conn)
                .optional()?;
            Ok(details.flatten())
        })
        .await
    }

    async fn record_progress(
        &self,
        lease: &Lease,
        item: i64,
        progress: RecordingProgress,
        until: DateTime<Utc>,
    ) -> Result<Option<Job>> {
        let lease = *lease;
        self.write(move |conn| record_progress(conn, &lease, item, progress, until)).await
    }

    async fn transcribed(
        &self,
        lease: &Lease,
        item: i64,
        path: DocumentPath,
        until: DateTime<Utc>,
    ) -> Result<Option<Job>> {
        let lease = *lease;
        self.write(move |conn| transcribed(conn, &lease, item, &path, until)).await
    }
}
