//! Documents that take the place of others: of the same key, with everything that hangs on them.
use std::collections::HashMap;

use carrel_domain::audit::Event;
use carrel_domain::document::Document;
use carrel_domain::library::{IndexedDocument, RelatedDocuments, Replacement};
use carrel_domain::{DocumentId, DocumentPath, Result, WorkspaceDocumentId, WorkspaceId};
use diesel::prelude::*;
use uuid::Uuid;

use crate::audit;
use crate::database::connection::AnyConnection;
use crate::database::convert::{IDS_AT_ONCE, text, time, unreadable};
use crate::database::schema::documents;
use crate::database::tx_error::{OrRefused, TxError};
use crate::documents::folders;
use crate::documents::indexing::{self, CarriedOver};
use crate::documents::originals;
use crate::documents::pending_files;
use crate::documents::remove::{places_of, withdraw};
use crate::documents::rows::{DocumentRow, lock_to_remove, stored_path};

pub(crate) fn of(
    conn: &mut AnyConnection,
    kin: RelatedDocuments,
) -> Result<Vec<(Document, Vec<WorkspaceId>)>, TxError> {
    let all = documents::table.select(DocumentRow::as_select());
    let rows: Vec<DocumentRow> = match kin {
        RelatedDocuments::Key(key) => {
            all.filter(documents::external_key.eq(text(key))).load(conn)?
        }
        RelatedDocuments::Request(request) => {
            all.filter(documents::request.eq(request.to_vec())).load(conn)?
        }
        RelatedDocuments::Content(digest, folder) => {
            let same = all.filter(documents::upload_digest.eq(digest.to_vec()));
            let found = match folder {
                Some(folder) => {
                    same.filter(documents::folder.eq(folder.as_str().to_owned())).load(conn)
                }
                None => same.load(conn),
            };
            first_of_each_part(found?)
        }
    };
    let ids: Vec<String> = rows.iter().map(|row| row.id.clone()).collect();
    let mut workspaces: HashMap<String, Vec<WorkspaceId>> = HashMap::new();
    for (workspace, _, document) in places_of(conn, &ids)? {
        workspaces.entry(document).or_default().push(WorkspaceId(workspace));
    }
    let found = rows.into_iter().map(|row| {
        let workspaces = workspaces.remove(&row.id).unwrap_or_default();
        Ok((Document::try_from(row)?, workspaces))
    });
    let mut found = found.collect::<Result<Vec<(Document, Vec<WorkspaceId>)>>>()?;
    found.sort_by(|(a, _), (b, _)| a.path.cmp(&b.path));
    Ok(found)
}

/// Of documents made of the same content, the one that was made first of each part of it.
fn first_of_each_part(mut rows: Vec<DocumentRow>) -> Vec<DocumentRow> {
    rows.sort_by(|a, b| a.by_part().cmp(&b.by_part()));
    rows.dedup_by(|next, first| next.part == first.part);
    rows
}

/// The documents of a key, which nobody can place, replace or remove until the transaction ends.
/// `None` when one goes at the same moment.
fn lock(conn: &mut AnyConnection, key: &str) -> Result<Option<Vec<OldRow>>, TxError> {
    let mut rows: Vec<OldRow> = documents::table
        .filter(documents::external_key.eq(key))
        .select((documents::id, documents::folder, documents::name, documents::part))
        .load(conn)?;
    rows.sort_by(|a, b| (&a.folder, &a.name).cmp(&(&b.folder, &b.name)));
    for row in &rows {
        let path = stored_path(&row.folder, &row.name)?;
        if lock_to_remove(conn, &path)?.as_ref() != Some(&row.id) {
            return Ok(None);
        }
    }
    Ok(Some(rows))
}

#[derive(Queryable)]
struct OldRow {
    id: String,
    folder: String,
    name: String,
    part: String,
}

pub(crate) fn replace(
    conn: &mut AnyConnection,
    key: &str,
    expected: &[DocumentPath],
    new: Vec<(Document, Vec<IndexedDocument>)>,
    event: Event,
) -> Result<Option<Replacement>, TxError> {
    let now = time(event.by.at);
    let mut targets: Vec<_> = new.iter().map(|(document, _)| document.path.folder()).collect();
    targets.sort_unstable();
    targets.dedup();
    for folder in targets {
        folders::use_or_make(conn, folder, now)?;
    }
    let Some(old) = lock(conn, key)? else { return Ok(None) };
    let mut paths: Vec<String> =
        old.iter().map(|row| format!("{}/{}", row.folder, row.name)).collect();
    let mut expected: Vec<String> = expected.iter().map(ToString::to_string).collect();
    paths.sort();
    expected.sort();
    if paths != expected {
        return Ok(None);
    }
    let ids: Vec<String> = old.iter().map(|row| row.id.clone()).collect();
    let digests = originals::digests_of(conn, &ids)?;
    let Some(mut flags) = clear_places(conn, &old, &ids, &new)? else { return Ok(None) };
    let kept: HashMap<String, String> = remaining(conn, old, &new, now)?;
    let mut replaced =
        Replacement { gone: std::mem::take(&mut flags.gone), ..Replacement::default() };
    for (mut document, places) in new {
        let path = document.path.clone();
        let id = kept.get(&document.origin.part);
        let earlier = id.map(|id| Uuid::parse_str(id).map_err(|_| unreadable("form of id")));
        if let Some(id) = earlier.transpose()? {
            document.id = DocumentId(id);
        }
        let row = DocumentRow::from(document.clone());
        match id {
            Some(id) => diesel::update(documents::table.find(id)).set(row.clone()).execute(conn),
            None => diesel::insert_into(documents::table).values(row.clone()).execute(conn),
        }
        .or_taken("document", &path)?;
        for embedded in places {
            let workspace = embedded.workspace;
            let carried_over =
                flags.carried_over.remove(&(document.origin.part.clone(), workspace.0));
            let place = indexing::add(conn, &row, embedded, carried_over.unwrap_or_default(), now)?;
            replaced.placed.push((workspace, place.id));
        }
        pending_files::forget(conn, &path)?;
        replaced.documents.push(document);
    }
    originals::release(conn, &digests, now)?;
    audit::record(conn, event)?;
    Ok(Some(replaced))
}

/// What is left of places that were taken away.
struct Flags {
    gone: Vec<(WorkspaceId, WorkspaceDocumentId)>,
    /// By part and workspace.
    carried_over: HashMap<(String, i32), CarriedOver>,
}

/// Takes the old documents out of their workspaces, all of which are locked, as are those of the new
/// ones. `None` when a workspace is not among these.
fn clear_places(
    conn: &mut AnyConnection,
    old: &[OldRow],
    ids: &[String],
    new: &[(Document, Vec<IndexedDocument>)],
) -> Result<Option<Flags>, TxError> {
    let embedded = |places: &Vec<IndexedDocument>| -> Vec<i32> {
        places.iter().map(|embedded| embedded.workspace.0).collect()
    };
    let mut covered: Vec<i32> = new.iter().flat_map(|(_, places)| embedded(places)).collect();
    covered.sort_unstable();
    covered.dedup();
    let is_covered =
        |workspace: i32| new.iter().all(|(_, places)| embedded(places).contains(&workspace));
    for &workspace in &covered {
        indexing::lock(conn, WorkspaceId(workspace))?;
    }
    // The old documents are locked, so no place of theirs comes any more; one may still go.
    let places = places_of(conn, ids)?;
    if !places.iter().all(|(workspace, ..)| is_covered(*workspace)) {
        return Ok(None);
    }
    let parts: HashMap<&str, &str> =
        old.iter().map(|row| (row.id.as_str(), row.part.as_str())).collect();
    let mut flags = Flags { gone: Vec::new(), carried_over: HashMap::new() };
    for (workspace, place, document) in &places {
        let carried_over = indexing::carried_over(conn, *place)?;
        let part = parts.get(document.as_str()).copied().unwrap_or_default();
        flags.carried_over.insert((part.to_owned(), *workspace), carried_over);
        flags.gone.push((WorkspaceId(*workspace), WorkspaceDocumentId(*place)));
    }
    withdraw(conn, places.iter().map(|(workspace, place, _)| (*workspace, *place)))?;
    Ok(Some(flags))
}

/// Removes the old documents that are none of the new parts, and notes the files of all. The ids
/// of the others, by part.
fn remaining(
    conn: &mut AnyConnection,
    old: Vec<OldRow>,
    new: &[(Document, Vec<IndexedDocument>)],
    now: chrono::NaiveDateTime,
) -> Result<HashMap<String, String>, TxError> {
    let (mut kept, mut gone) = (HashMap::new(), Vec::new());
    for OldRow { id, folder, name, part } in old {
        let path = stored_path(&folder, &name)?;
        pending_files::record_intent(conn, &path, now)?;
        match new.iter().any(|(document, _)| document.origin.part == part) {
            true => _ = kept.insert(part, id),
            false => gone.push(id),
        }
    }
    for ids in gone.chunks(IDS_AT_ONCE) {
        diesel::delete(documents::table.filter(documents::id.eq_any(ids.to_vec())))
            .execute(conn)?;
    }
    Ok(kept)
}
