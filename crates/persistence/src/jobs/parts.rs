//! Job steps that store or remove some passages of a single document.
use carrel_domain::job::queue::{
    FinishedItem, ItemOutcome, JobQueue, Lease, PartResult, PartialIndexing, PassagePart,
    Superseded,
};
use carrel_domain::library::IndexedDocument;
use carrel_domain::{DocumentPath, Error, Result, WorkspaceId};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::Database;
use crate::database::connection::AnyConnection;
use crate::database::convert::time;
use crate::database::schema::jobs;
use crate::database::tx_error::TxError;
use crate::documents::indexing::Placing;
use crate::documents::{parts, passages, remove, rows, vector_versions};
use crate::jobs::queue::leased;
use crate::jobs::rows::{Row, save};

/// Stores the items whose documents already have more passages than one transaction removes: stores
/// their new passages and removes the earlier ones, in transactions of bounded size. Leaves the
/// other items unchanged. Returns `None` if the lease is lost.
pub(crate) async fn index_large_separately(
    db: &Database,
    lease: &Lease,
    mut finished: Vec<FinishedItem>,
    until: DateTime<Utc>,
) -> Result<Option<Vec<FinishedItem>>> {
    let paths = finished.iter().filter(|one| matches!(one.outcome, ItemOutcome::Indexed(_)));
    let paths: Vec<DocumentPath> = paths.map(|one| one.item.path.clone()).collect();
    if paths.is_empty() {
        return Ok(Some(finished));
    }
    let job = lease.job.0;
    let large = db.read(move |conn| Ok(with_large_places(conn, job, &paths)?)).await?;
    for FinishedItem { item, outcome } in &mut finished {
        if !large.contains(&item.path) {
            continue;
        }
        let ItemOutcome::Indexed(passages) = std::mem::replace(outcome, ItemOutcome::Unchanged)
        else {
            continue;
        };
        let recipe = passages.recipe.clone();
        let part = PassagePart { item: item.clone(), passages, before: None };
        *outcome = match db.store_part(lease, part, until).await? {
            None => return Ok(None),
            Some(PartResult::Ended(outcome)) => outcome,
            Some(PartResult::Stored(stored)) => {
                let (which, limit) = (Superseded::Earlier, parts::PASSAGES_AT_ONCE as u32);
                loop {
                    match db.remove_part(lease, stored, which, limit, until).await? {
                        None => return Ok(None),
                        Some(true) => {}
                        Some(false) => break,
                    }
                }
                ItemOutcome::IndexedInParts { stored, recipe }
            }
        };
    }
    Ok(Some(finished))
}

/// Returns the documents that have many passages in the job's workspace.
fn with_large_places(
    conn: &mut AnyConnection,
    job: i64,
    paths: &[DocumentPath],
) -> QueryResult<Vec<DocumentPath>> {
    let workspace: Option<i32> =
        jobs::table.find(job).select(jobs::workspace_id).first(conn).optional()?;
    let Some(workspace) = workspace.map(WorkspaceId) else { return Ok(Vec::new()) };
    let mut large = Vec::new();
    for path in paths {
        let places = remove::places_in(conn, workspace, std::slice::from_ref(path))?;
        let most = parts::PASSAGES_AT_ONCE;
        if passages::ids(conn, &places, most + 1)?.len() as i64 > most {
            large.push(path.clone());
        }
    }
    Ok(large)
}

/// Returns the job and its workspace and locks both, if the lease is still valid.
fn locked(conn: &mut AnyConnection, lease: &Lease) -> Result<Option<(Row, i32)>, TxError> {
    let workspace: Option<i32> =
        jobs::table.find(lease.job.0).select(jobs::workspace_id).first(conn).optional()?;
    let Some(workspace) = workspace else { return Ok(None) };
    if !vector_versions::lock(conn, workspace)? {
        return Ok(None);
    }
    Ok(leased(conn, lease)?.map(|row| (row, workspace)))
}

pub(crate) fn store(
    conn: &mut AnyConnection,
    lease: &Lease,
    part: PassagePart,
    until: NaiveDateTime,
) -> Result<Option<PartResult>, TxError> {
    let PassagePart { item, passages, before } = part;
    // Documents are locked before the workspace in every transaction that locks both.
    let document = rows::lock_to_refer(conn, &item.path)?;
    let Some((mut row, workspace)) = locked(conn, lease)? else { return Ok(None) };
    let Some(document) = document else {
        let reason = Error::not_found("document", item.path).to_string();
        return Ok(Some(PartResult::Ended(ItemOutcome::Failed(reason))));
    };
    let passages = IndexedDocument { workspace: WorkspaceId(workspace), ..passages };
    let (placing, now) = (Placing::of(row.kind()?), time(Utc::now()));
    let result = parts::store(conn, document, passages, before, placing, now)?;
    row.due_at = Some(until);
    save(conn, row)?;
    Ok(Some(result))
}

pub(crate) fn remove(
    conn: &mut AnyConnection,
    lease: &Lease,
    stored: PartialIndexing,
    which: Superseded,
    limit: u32,
    until: NaiveDateTime,
) -> Result<Option<bool>, TxError> {
    let Some((mut row, workspace)) = locked(conn, lease)? else { return Ok(None) };
    let are_left = parts::remove(conn, workspace, stored, which, limit)?;
    row.due_at = Some(until);
    save(conn, row)?;
    Ok(Some(are_left))
}
