//! Stores and removes documents with too many passages for one transaction, in parts.
use std::collections::BTreeMap;

use carrel_domain::job::queue::{ItemOutcome, PartResult, PartialIndexing, Superseded};
use carrel_domain::library::IndexedDocument;
use carrel_domain::{ChunkId, Result, WorkspaceDocumentId};
use chrono::NaiveDateTime;
use diesel::dsl::max;
use diesel::prelude::*;
use uuid::Uuid;

use crate::Database;
use crate::database::connection::AnyConnection;
use crate::database::convert::{rows, text};
use crate::database::schema::{chunks, workspace_documents};
use crate::database::tx_error::TxError;
use crate::documents::indexing::{self, CarriedOver, PlaceRow, Placing, REPLACED};
use crate::documents::passages;
use crate::documents::rows::DocumentRow;
use crate::documents::vector_versions::{self, Change};
use crate::jobs::stale;

/// Stores the next passages of a document in a workspace whose row in `namespaces` is locked.
pub(crate) fn store(
    conn: &mut AnyConnection,
    document: DocumentRow,
    embedded: IndexedDocument,
    before: Option<PartialIndexing>,
    placing: Placing,
    now: NaiveDateTime,
) -> Result<PartResult, TxError> {
    let (workspace, title) = (embedded.workspace.0, document.title.clone());
    let mut stored = match before {
        Some(stored) if is_there(conn, stored.place)? => stored,
        Some(_) => {
            let reason = "it was removed from the workspace while it was being indexed";
            return Ok(PartResult::Ended(ItemOutcome::Failed(reason.to_owned())));
        }
        None => match begin(conn, document, &embedded, placing, now)? {
            Some(stored) => stored,
            None => return Ok(PartResult::Ended(ItemOutcome::Unchanged)),
        },
    };
    let count = embedded.passages.len();
    let first = i32::try_from(stored.stored).unwrap_or(i32::MAX);
    passages::insert(conn, workspace, stored.place.0, &title, first, embedded.passages)?;
    let change = Change { additions: 1, removals: 0, vectors: count as i64 };
    vector_versions::record(conn, workspace, change)?;
    stored.stored = stored.stored.saturating_add(count as u32);
    Ok(PartResult::Stored(stored))
}

fn is_there(conn: &mut AnyConnection, place: WorkspaceDocumentId) -> QueryResult<bool> {
    let found: Option<i64> = workspace_documents::table
        .find(place.0)
        .select(workspace_documents::id)
        .first(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Returns the workspace document to store the passages for: the existing one, or a new one that
/// counts as stale until it is complete. Returns `None` if nothing needs to be done.
fn begin(
    conn: &mut AnyConnection,
    document: DocumentRow,
    embedded: &IndexedDocument,
    placing: Placing,
    now: NaiveDateTime,
) -> Result<Option<PartialIndexing>, TxError> {
    let workspace = embedded.workspace;
    let Some(old) = indexing::place_of(conn, workspace, &document.id)? else {
        if placing == Placing::Refresh {
            return Ok(None);
        }
        let empty =
            IndexedDocument { workspace, recipe: stale::NONE.to_owned(), passages: Vec::new() };
        let place = indexing::insert(conn, document, empty, CarriedOver::default(), now)?.id;
        return Ok(Some(PartialIndexing {
            place,
            is_new: true,
            last_before: ChunkId(0),
            stored: 0,
        }));
    };
    if placing == Placing::Refresh && old.recipe == text(&*embedded.recipe) {
        return Ok(None);
    }
    let newest: Option<i64> = chunks::table
        .filter(chunks::workspace_document_id.eq(old.id))
        .select(max(chunks::id))
        .first(conn)?;
    let (place, last_before) = (WorkspaceDocumentId(old.id), ChunkId(newest.unwrap_or_default()));
    Ok(Some(PartialIndexing { place, is_new: false, last_before, stored: 0 }))
}

/// Removes up to `limit` passages of a document in a workspace whose row in `namespaces` is locked.
/// Returns whether more remain.
pub(crate) fn remove(
    conn: &mut AnyConnection,
    workspace: i32,
    stored: PartialIndexing,
    which: Superseded,
    limit: u32,
) -> QueryResult<bool> {
    let chunks_of_place = chunks::table.filter(chunks::workspace_document_id.eq(stored.place.0));
    let (of_place, limit) = (chunks_of_place.select(chunks::id).limit(rows(limit)), rows(limit));
    let ids: Vec<i64> = match which {
        Superseded::Earlier => of_place.filter(chunks::id.le(stored.last_before.0)).load(conn)?,
        Superseded::New => of_place.filter(chunks::id.gt(stored.last_before.0)).load(conn)?,
    };
    let are_left = ids.len() as i64 == limit;
    passages::remove(conn, workspace, &ids)?;
    if which == Superseded::New && stored.is_new && !are_left {
        passages::remove_places(conn, &[stored.place.0])?;
    }
    Ok(are_left)
}

/// Completes a workspace document whose passages are all stored. Returns `None` if it was deleted.
pub(crate) fn finish(
    conn: &mut AnyConnection,
    stored: PartialIndexing,
    recipe: &str,
    placing: Placing,
    now: NaiveDateTime,
) -> Result<Option<WorkspaceDocumentId>, TxError> {
    let row = workspace_documents::table.find(stored.place.0);
    let old: Option<PlaceRow> = row.select(PlaceRow::as_select()).first(conn).optional()?;
    let Some(old) = old else { return Ok(None) };
    let recipe_of_parts =
        (workspace_documents::recipe.eq(text(recipe)), workspace_documents::updated_at.eq(now));
    diesel::update(row).set(recipe_of_parts).execute(conn)?;
    let is_another = placing == Placing::New && !stored.is_new && old.recipe != REPLACED;
    if is_another {
        let identity = (
            workspace_documents::key.eq(Uuid::new_v4().to_string()),
            workspace_documents::created_at.eq(now),
        );
        diesel::update(row).set(identity).execute(conn)?;
    }
    Ok(Some(stored.place))
}

/// The maximum number of passages that one transaction removes before their documents are removed.
pub(crate) const PASSAGES_AT_ONCE: i64 = 512;

/// Workspace documents per transaction.
const PLACES_AT_ONCE: usize = 500;

/// Removes the passages of workspace documents that will be removed, in transactions of bounded
/// size, unless there are few passages. The first transaction marks the workspace documents as
/// stale, so that they are indexed again if they are not removed after all.
pub(crate) async fn remove_passages_first(db: &Database, places: Vec<(i32, i64)>) -> Result<()> {
    let mut by_workspace: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for (workspace, place) in places {
        by_workspace.entry(workspace).or_default().push(place);
    }
    for (workspace, places) in by_workspace {
        for places in places.chunks(PLACES_AT_ONCE) {
            let some = places.to_vec();
            let most = PASSAGES_AT_ONCE;
            let is_small = db
                .read(move |conn| Ok(passages::ids(conn, &some, most + 1)?.len() as i64 <= most))
                .await?;
            let mut are_left = !is_small;
            while are_left {
                let some = places.to_vec();
                are_left = db.write(move |conn| remove_some(conn, workspace, &some)).await?;
            }
        }
    }
    Ok(())
}

fn remove_some(conn: &mut AnyConnection, workspace: i32, places: &[i64]) -> Result<bool, TxError> {
    if !vector_versions::lock(conn, workspace)? {
        return Ok(false);
    }
    stale::mark(conn, places)?;
    let ids = passages::ids(conn, places, PASSAGES_AT_ONCE)?;
    passages::remove(conn, workspace, &ids)?;
    Ok(ids.len() as i64 == PASSAGES_AT_ONCE)
}
