//! Uploads: stores documents in pieces, with the jobs that index them, and rolls back unfinished
//! uploads.
use std::collections::BTreeMap;

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::job::{Job, JobKind};
use carrel_domain::library::RemovedDocument;
use carrel_domain::upload::{
    IndexTarget, Replaced, Replacement, StoredDocument, UploadId, UploadPiece, Uploads,
};
use carrel_domain::{DocumentPath, Error, JobId, Result};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::AnyConnection;
use crate::database::convert::{rows, time, unreadable};
use crate::database::schema::{documents, jobs, uploads};
use crate::database::tx_error::{OrRefused, TxError};
use crate::documents::rows::{DocumentRow, lock_to_refer};
use crate::documents::{folders, parts, pending_files, remove, replace};
use crate::jobs::rows as job_rows;

/// The maximum number of items a job may have when an upload joins it.
const MAX_ITEMS: usize = 100_000;

/// Locks the row of an upload. Returns whether it exists.
fn lock(conn: &mut AnyConnection, upload: &str) -> QueryResult<bool> {
    let row = uploads::table.find(upload.to_owned()).select(uploads::id);
    let found: Option<String> = match conn {
        AnyConnection::Postgres(conn) => row.for_update().first(conn).optional()?,
        AnyConnection::Sqlite(conn) => row.first(conn).optional()?,
    };
    Ok(found.is_some())
}

/// Opens the upload with its first piece and closes it with its last. An upload of a single piece
/// leaves no row.
fn advance(
    conn: &mut AnyConnection,
    upload: &str,
    is_first: bool,
    is_last: bool,
    now: NaiveDateTime,
) -> Result<(), TxError> {
    if !is_first && !lock(conn, upload)? {
        let reason = "it took too long to store and was undone; send it again";
        return Err(Error::unavailable("the upload", reason).into());
    }
    match (is_first, is_last) {
        (true, false) => {
            let row = (uploads::id.eq(upload.to_owned()), uploads::begun_at.eq(now));
            diesel::insert_into(uploads::table).values(row).execute(conn)?;
        }
        (false, true) => {
            diesel::delete(uploads::table.find(upload.to_owned())).execute(conn)?;
        }
        _ => {}
    }
    Ok(())
}

/// Returns the job that indexes an upload for a workspace: the job of its earlier pieces, the job
/// to join, or a new one.
fn job_of(
    conn: &mut AnyConnection,
    upload: &str,
    target: &IndexTarget,
    awaited: bool,
    more: usize,
) -> Result<job_rows::Row, TxError> {
    let filling: Option<i64> = jobs::table
        .filter(jobs::upload.eq(upload.to_owned()))
        .filter(jobs::workspace_id.eq(target.workspace.0))
        .select(jobs::id)
        .first(conn)
        .optional()?;
    if let Some(id) = filling.map(JobId)
        && let Some(row) = job_rows::lock(conn, id)?
    {
        return Ok(row);
    }
    if let Some(existing_job) = target.existing_job
        && let Some(row) = job_rows::lock(conn, existing_job)?
    {
        let has_room = row.total.unsigned_abs() as usize + more <= MAX_ITEMS;
        if row.workspace_id == target.workspace.0 && row.is_open() && has_room {
            return Ok(row);
        }
    }
    let by = &target.event.by;
    let mut row = job_rows::insert(conn, JobKind::Embed, target.workspace, 0, None, awaited, by)?;
    (row.upload, row.due_at) = (Some(upload.to_owned()), None);
    Ok(row)
}

fn store(conn: &mut AnyConnection, piece: UploadPiece) -> Result<Vec<Job>, TxError> {
    let UploadPiece { upload, documents: new, is_first, is_last, targets, lease } = piece;
    let (upload, now) = (upload.0.to_string(), time(Utc::now()));
    advance(conn, &upload, is_first, is_last, now)?;
    // Locks are acquired in sorted order, whatever the order of the documents, to avoid deadlocks.
    let folders: BTreeMap<_, _> =
        new.iter().map(|new| (new.document.path.folder(), new.document.created_at)).collect();
    for (folder, created_at) in folders {
        folders::use_or_make(conn, folder, time(created_at))?;
    }
    let mut paths = Vec::with_capacity(new.len());
    for StoredDocument { document, event } in new {
        let path = document.path.clone();
        diesel::insert_into(documents::table)
            .values(DocumentRow::from(document))
            .execute(conn)
            .or_taken("document", &path)?;
        match is_last {
            true => pending_files::forget(conn, &path)?,
            false => pending_files::assign(conn, &path, &upload)?,
        }
        audit::record(conn, event)?;
        paths.push(path);
    }
    let mut jobs = Vec::new();
    for target in targets {
        let mut row = job_of(conn, &upload, &target, lease.is_some(), paths.len())?;
        job_rows::append(conn, &mut row, &paths, now)?;
        if is_last {
            if row.upload.is_some() {
                row.begin(lease, now);
            }
            audit::record(conn, target.event)?;
        }
        let job = job_rows::save(conn, row)?;
        jobs.extend(is_last.then_some(job));
    }
    Ok(jobs)
}

fn roll_back(
    conn: &mut AnyConnection,
    upload: UploadId,
    limit: u32,
    event: Event,
) -> Result<Option<Vec<RemovedDocument>>, TxError> {
    let upload = upload.0.to_string();
    if !lock(conn, &upload)? {
        return Ok(None);
    }
    let paths = pending_files::of_upload(conn, &upload, rows(limit))?;
    let is_through = paths.len() < limit as usize;
    let removed = remove::remove(conn, &paths, time(event.by.at))?;
    // A document that was removed or moved since leaves its pending file behind.
    for path in &paths {
        if !removed.iter().any(|removed| removed.path == *path) {
            pending_files::release(conn, path)?;
        }
    }
    if is_through {
        diesel::delete(jobs::table.filter(jobs::upload.eq(upload.clone()))).execute(conn)?;
        diesel::delete(uploads::table.find(upload)).execute(conn)?;
    }
    if !removed.is_empty() {
        audit::record(conn, event)?;
    }
    Ok(Some(removed))
}

#[async_trait]
impl Uploads for Database {
    async fn store(&self, piece: UploadPiece) -> Result<Vec<Job>> {
        self.write(move |conn| store(conn, piece)).await
    }

    async fn replace(&self, replacement: Replacement) -> Result<Option<Replaced>> {
        self.write(move |conn| replace::replace(conn, replacement)).await
    }

    async fn accept_existing(&self, paths: &[DocumentPath]) -> Result<Vec<DocumentPath>> {
        let mut paths = paths.to_vec();
        paths.sort();
        self.write(move |conn| {
            let mut known = Vec::with_capacity(paths.len());
            for path in paths {
                if lock_to_refer(conn, &path)?.is_some() {
                    pending_files::release(conn, &path)?;
                    known.push(path);
                }
            }
            Ok(known)
        })
        .await
    }

    async fn roll_back(
        &self,
        upload: UploadId,
        limit: u32,
        event: Event,
    ) -> Result<Option<Vec<RemovedDocument>>> {
        let name = upload.0.to_string();
        let places = self.read(move |conn| {
            let paths = pending_files::of_upload(conn, &name, rows(limit))?;
            Ok(remove::places_at(conn, &paths)?)
        });
        parts::remove_passages_first(self, places.await?).await?;
        self.write(move |conn| roll_back(conn, upload, limit, event)).await
    }

    async fn unfinished(&self, before: DateTime<Utc>) -> Result<Vec<UploadId>> {
        self.read(move |conn| {
            let ids: Vec<String> = uploads::table
                .filter(uploads::begun_at.lt(time(before)))
                .order(uploads::begun_at)
                .select(uploads::id)
                .load(conn)?;
            let ids = ids.iter().map(|id| {
                let id = id.parse().map_err(|_| unreadable("upload id"))?;
                Ok(UploadId(id))
            });
            Ok(ids.collect::<Result<_>>()?)
        })
        .await
    }
}
