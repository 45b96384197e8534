//! Removes documents from the library and from all workspaces.
use std::collections::{BTreeMap, HashMap};

use carrel_domain::library::RemovedDocument;
use carrel_domain::{DocumentPath, WorkspaceDocumentId, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::database::connection::AnyConnection;
use crate::database::convert::IDS_AT_ONCE;
use crate::database::schema::{documents, workspace_documents};
use crate::database::tx_error::TxError;
use crate::documents::originals;
use crate::documents::passages;
use crate::documents::pending_files;
use crate::documents::rows::lock_to_remove;
use crate::documents::vector_versions::{self, Change};

/// Removes the documents at some paths, in order, and records their files as pending. Skips paths
/// without a document.
pub(crate) fn remove(
    conn: &mut AnyConnection,
    paths: &[DocumentPath],
    now: NaiveDateTime,
) -> Result<Vec<RemovedDocument>, TxError> {
    let (mut removed, mut ids) = (Vec::new(), Vec::new());
    for path in paths {
        if let Some(id) = lock_to_remove(conn, path)? {
            removed.push(RemovedDocument { path: path.clone(), places: Vec::new() });
            ids.push(id);
        }
    }
    withdraw_everywhere(conn, &ids, &mut removed)?;
    let digests = originals::digests_of(conn, &ids)?;
    for ids in ids.chunks(IDS_AT_ONCE) {
        diesel::delete(documents::table.filter(documents::id.eq_any(ids.to_vec())))
            .execute(conn)?;
    }
    for RemovedDocument { path, .. } in &removed {
        pending_files::record_intent(conn, path, now)?;
    }
    originals::release(conn, &digests, now)?;
    Ok(removed)
}

/// Removes locked documents from all workspaces and adds these workspaces to `removed`, which
/// corresponds to `ids` by position.
pub(crate) fn withdraw_everywhere(
    conn: &mut AnyConnection,
    ids: &[String],
    removed: &mut [RemovedDocument],
) -> Result<(), TxError> {
    let mut workspaces: Vec<i32> = places_of(conn, ids)?.into_iter().map(|(w, ..)| w).collect();
    workspaces.sort_unstable();
    workspaces.dedup();
    for &workspace in &workspaces {
        vector_versions::lock(conn, workspace)?;
    }
    // Other transactions may have removed some of them before the locks were acquired.
    let places = places_of(conn, ids)?;
    withdraw(conn, places.iter().map(|(workspace, place, _)| (*workspace, *place)))?;
    let mut removed: HashMap<&str, &mut RemovedDocument> =
        ids.iter().map(String::as_str).zip(removed).collect();
    for (workspace, place, document) in places {
        if let Some(removed) = removed.get_mut(document.as_str()) {
            removed.places.push((WorkspaceId(workspace), WorkspaceDocumentId(place)));
        }
    }
    Ok(())
}

/// Removes workspace documents from workspaces that are locked.
pub(crate) fn withdraw(
    conn: &mut AnyConnection,
    places: impl IntoIterator<Item = (i32, i64)>,
) -> Result<(), TxError> {
    let mut by_workspace: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
    for (workspace, place) in places {
        by_workspace.entry(workspace).or_default().push(place);
    }
    for (workspace, places) in by_workspace {
        let vectors = -passages::count(conn, &places)?;
        passages::remove_places(conn, &places)?;
        let change = Change { additions: 0, removals: places.len(), vectors };
        vector_versions::record(conn, workspace, change)?;
    }
    Ok(())
}

/// Returns workspace, id and document of every workspace document, ordered by id.
pub(crate) fn places_of(
    conn: &mut AnyConnection,
    ids: &[String],
) -> QueryResult<Vec<(i32, i64, String)>> {
    let mut places = Vec::new();
    for ids in ids.chunks(IDS_AT_ONCE) {
        let some: Vec<(i32, i64, String)> = workspace_documents::table
            .filter(workspace_documents::document_id.eq_any(ids.to_vec()))
            .select((
                workspace_documents::workspace_id,
                workspace_documents::id,
                workspace_documents::document_id,
            ))
            .load(conn)?;
        places.extend(some);
    }
    places.sort_by_key(|(_, place, _)| *place);
    Ok(places)
}

/// Returns the ids of the documents at some paths within a workspace.
pub(crate) fn places_in(
    conn: &mut AnyConnection,
    workspace: WorkspaceId,
    paths: &[DocumentPath],
) -> QueryResult<Vec<i64>> {
    let mut places = Vec::new();
    for path in paths {
        let place = workspace_documents::table
            .inner_join(documents::table)
            .filter(documents::folder.eq(path.folder().to_owned()))
            .filter(documents::name.eq(path.name().to_owned()))
            .filter(workspace_documents::workspace_id.eq(workspace.0))
            .select(workspace_documents::id);
        places.extend(place.first::<i64>(conn).optional()?);
    }
    Ok(places)
}

/// Returns workspace and id of every workspace document at some paths.
pub(crate) fn places_at(
    conn: &mut AnyConnection,
    paths: &[DocumentPath],
) -> QueryResult<Vec<(i32, i64)>> {
    let mut places = Vec::new();
    for path in paths {
        let places_of_document = workspace_documents::table
            .inner_join(documents::table)
            .filter(documents::folder.eq(path.folder().to_owned()))
            .filter(documents::name.eq(path.name().to_owned()))
            .select((workspace_documents::workspace_id, workspace_documents::id));
        places.extend(places_of_document.load::<(i32, i64)>(conn)?);
    }
    Ok(places)
}
