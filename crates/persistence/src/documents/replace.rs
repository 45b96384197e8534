//! Replaces documents by new documents with the same external key.
use std::collections::{BTreeSet, HashMap, HashSet};

use carrel_domain::document::Document;
use carrel_domain::job::JobKind;
use carrel_domain::library::RelatedDocuments;
use carrel_domain::upload::{IndexTarget, Replaced, Replacement, UploadId};
use carrel_domain::{DocumentId, DocumentPath, Result, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use crate::audit;
use crate::database::connection::AnyConnection;
use crate::database::convert::{IDS_AT_ONCE, text, time, unreadable};
use crate::database::schema::{documents, uploads, workspace_documents};
use crate::database::tx_error::{OrRefused, TxError};
use crate::documents::folders;
use crate::documents::indexing::{self, REPLACED};
use crate::documents::originals;
use crate::documents::pending_files;
use crate::documents::remove::places_of;
use crate::documents::rows::{DocumentRow, lock_to_remove, stored_path};
use crate::jobs::rows as job_rows;

pub(crate) fn of(
    conn: &mut AnyConnection,
    related: RelatedDocuments,
) -> Result<Vec<(Document, Vec<WorkspaceId>)>, TxError> {
    let all = documents::table.select(DocumentRow::as_select());
    let rows: Vec<DocumentRow> = match related {
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

/// Keeps the oldest document of each part. All of them were made from the same content.
fn first_of_each_part(mut rows: Vec<DocumentRow>) -> Vec<DocumentRow> {
    rows.sort_by(|a, b| a.by_part().cmp(&b.by_part()));
    rows.dedup_by(|next, first| next.part == first.part);
    rows
}

/// Returns the documents of a key and locks them against any use until the transaction ends.
/// Returns `None` if another transaction removes one at the same time.
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

/// Replaces documents. Returns `None` if the documents, or the workspaces that contain them, have
/// changed since the caller read them.
pub(crate) fn replace(
    conn: &mut AnyConnection,
    replacement: Replacement,
) -> Result<Option<Replaced>, TxError> {
    let Replacement {
        key,
        replaced: replaced_paths,
        documents: new,
        targets,
        lease,
        obsolete,
        event,
    } = replacement;
    let now = time(event.by.at);
    let folders: BTreeSet<_> = new.iter().map(|document| document.path.folder()).collect();
    for folder in folders {
        folders::use_or_make(conn, folder, now)?;
    }
    let Some(old) = lock(conn, &text(key))? else { return Ok(None) };
    let paths: BTreeSet<String> =
        old.iter().map(|row| format!("{}/{}", row.folder, row.name)).collect();
    if paths != replaced_paths.iter().map(ToString::to_string).collect() {
        return Ok(None);
    }
    let workspaces: BTreeSet<_> = targets.iter().map(|target| target.workspace).collect();
    for workspace in &workspaces {
        indexing::lock(conn, *workspace)?;
    }
    // The documents are locked, so they cannot be added to workspaces now, but they may still be
    // removed from one.
    let ids: Vec<String> = old.iter().map(|row| row.id.clone()).collect();
    let places = places_of(conn, &ids)?;
    if !places.iter().all(|(workspace, ..)| workspaces.contains(&WorkspaceId(*workspace))) {
        return Ok(None);
    }
    let digests = originals::digests_of(conn, &ids)?;
    let kept_ids = keep(conn, old, &new, obsolete, now)?;
    let is_kept = |id: &String| kept_ids.values().any(|id_kept| id_kept == id);
    let renewed = places.iter().filter(|(_, _, id)| is_kept(id)).map(|(_, place, _)| *place);
    mark_outdated(conn, &renewed.collect::<Vec<_>>())?;
    let documents = insert(conn, new, &kept_ids)?;
    originals::release(conn, &digests, now)?;
    let paths: Vec<DocumentPath> = documents.iter().map(|new| new.path.clone()).collect();
    let mut jobs = Vec::with_capacity(targets.len());
    for IndexTarget { workspace, event, .. } in targets {
        let kind = JobKind::Embed;
        let mut row = job_rows::insert(conn, kind, workspace, 0, Some(lease), true, &event.by)?;
        job_rows::append(conn, &mut row, &paths, now)?;
        jobs.push(job_rows::save(conn, row)?);
        audit::record(conn, event)?;
    }
    audit::record(conn, event)?;
    Ok(Some(Replaced { documents, jobs }))
}

/// Records the files of the old documents as pending. Documents of parts that no longer exist are
/// left to the upload `obsolete`. Returns the ids of the others by part.
fn keep(
    conn: &mut AnyConnection,
    old: Vec<OldRow>,
    new: &[Document],
    obsolete: UploadId,
    now: NaiveDateTime,
) -> Result<HashMap<String, String>, TxError> {
    let parts: HashSet<&str> = new.iter().map(|document| document.origin.part.as_str()).collect();
    let (mut kept_ids, obsolete) = (HashMap::new(), obsolete.0.to_string());
    let mut is_begun = false;
    for OldRow { id, folder, name, part } in old {
        let path = stored_path(&folder, &name)?;
        pending_files::record_intent(conn, &path, now)?;
        if parts.contains(part.as_str()) {
            kept_ids.insert(part, id);
            continue;
        }
        if !is_begun {
            let row = (uploads::id.eq(obsolete.clone()), uploads::begun_at.eq(now));
            diesel::insert_into(uploads::table).values(row).execute(conn)?;
            is_begun = true;
        }
        pending_files::assign(conn, &path, &obsolete)?;
    }
    Ok(kept_ids)
}

/// Marks the passages of workspace documents as made from an earlier text.
fn mark_outdated(conn: &mut AnyConnection, places: &[i64]) -> QueryResult<()> {
    for places in places.chunks(IDS_AT_ONCE) {
        let places = workspace_documents::id.eq_any(places.to_vec());
        diesel::update(workspace_documents::table.filter(places))
            .set(workspace_documents::recipe.eq(REPLACED))
            .execute(conn)?;
    }
    Ok(())
}

/// Stores the new documents and forgets their pending files. Parts that existed before keep their
/// ids.
fn insert(
    conn: &mut AnyConnection,
    new: Vec<Document>,
    kept_ids: &HashMap<String, String>,
) -> Result<Vec<Document>, TxError> {
    let mut documents = Vec::with_capacity(new.len());
    for mut document in new {
        let path = document.path.clone();
        let id = kept_ids.get(&document.origin.part);
        let kept_id = id.map(|id| Uuid::parse_str(id).map_err(|_| unreadable("id")));
        if let Some(id) = kept_id.transpose()? {
            document.id = DocumentId(id);
        }
        let row = DocumentRow::from(document.clone());
        match id {
            Some(id) => diesel::update(documents::table.find(id)).set(row).execute(conn),
            None => diesel::insert_into(documents::table).values(row).execute(conn),
        }
        .or_taken("document", &path)?;
        pending_files::forget(conn, &path)?;
        documents.push(document);
    }
    Ok(documents)
}
