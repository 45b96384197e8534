//! Which documents are in which workspace, and their passages there.
use std::collections::HashMap;

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::library::{Embedded, Passage, Placements, WorkspaceDocument};
use carrel_domain::{ChunkId, DocumentPath, Error, Result, WorkspaceDocumentId, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use uuid::Uuid;

use crate::abort::{Abort, OrRefused};
use crate::connection::AnyConnection;
use crate::convert::{IDS_AT_ONCE, text, time, unreadable};
use crate::documents::{self, DocumentRow};
use crate::namespaces::{self, Change};
use crate::schema::{chunks, documents as document_table, workspace_documents};
use crate::{Database, audit, passages};

#[derive(Queryable, Selectable)]
#[diesel(table_name = workspace_documents)]
struct PlaceRow {
    id: i64,
    workspace_id: i32,
    key: String,
    pinned: bool,
    watched: bool,
    recipe: String,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

/// What a place takes over from the one it replaces.
#[derive(Clone, Copy, Default)]
pub(crate) struct Flags {
    pinned: bool,
    watched: bool,
}

impl PlaceRow {
    fn of(self, document: DocumentRow) -> Result<WorkspaceDocument> {
        Ok(WorkspaceDocument {
            id: WorkspaceDocumentId(self.id),
            workspace: WorkspaceId(self.workspace_id),
            document: document.try_into()?,
            key: Uuid::parse_str(&self.key).map_err(|_| unreadable("form of docId"))?,
            pinned: self.pinned,
            watched: self.watched,
            recipe: self.recipe,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

/// Places a document in a workspace whose namespace is locked. Leaves the record to the caller.
pub(crate) fn insert(
    conn: &mut AnyConnection,
    document: DocumentRow,
    embedded: Embedded,
    flags: Flags,
    now: NaiveDateTime,
) -> Result<WorkspaceDocument, Abort> {
    let Embedded { workspace, recipe, passages } = embedded;
    let (key, recipe) = (Uuid::new_v4(), text(recipe));
    let id: i64 = diesel::insert_into(workspace_documents::table)
        .values((
            workspace_documents::workspace_id.eq(workspace.0),
            workspace_documents::document_id.eq(document.id.clone()),
            workspace_documents::key.eq(key.to_string()),
            workspace_documents::pinned.eq(flags.pinned),
            workspace_documents::watched.eq(flags.watched),
            workspace_documents::recipe.eq(recipe.clone()),
            workspace_documents::created_at.eq(now),
            workspace_documents::updated_at.eq(now),
        ))
        .returning(workspace_documents::id)
        .get_result(conn)
        .or_taken("place of the document in workspace", workspace)?;
    passages::insert(conn, workspace.0, id, passages)?;
    Ok(WorkspaceDocument {
        id: WorkspaceDocumentId(id),
        workspace,
        document: document.try_into()?,
        key,
        pinned: flags.pinned,
        watched: flags.watched,
        recipe,
        created_at: now.and_utc(),
        updated_at: now.and_utc(),
    })
}

/// Locks the namespace of a workspace, or refuses because there is no such workspace.
pub(crate) fn lock(conn: &mut AnyConnection, workspace: WorkspaceId) -> Result<(), Abort> {
    if namespaces::lock(conn, workspace.0)? {
        return Ok(());
    }
    Err(Error::not_found("workspace", workspace).into())
}

#[async_trait]
impl Placements for Database {
    async fn place(
        &self,
        path: &DocumentPath,
        embedded: Embedded,
        event: Event,
    ) -> Result<(WorkspaceDocument, Option<WorkspaceDocumentId>)> {
        let path = path.clone();
        self.write(move |conn| {
            let document = documents::lock_to_refer(conn, &path)?
                .ok_or_else(|| Error::not_found("document", &path))?;
            let workspace = embedded.workspace;
            lock(conn, workspace)?;
            let earlier: Option<(i64, bool, bool)> = workspace_documents::table
                .filter(workspace_documents::workspace_id.eq(workspace.0))
                .filter(workspace_documents::document_id.eq(document.id.clone()))
                .select((
                    workspace_documents::id,
                    workspace_documents::pinned,
                    workspace_documents::watched,
                ))
                .first(conn)
                .optional()?;
            let mut change =
                Change { additions: 1, removals: 0, vectors: embedded.passages.len() as i64 };
            let mut flags = Flags::default();
            if let Some((id, pinned, watched)) = earlier {
                change.removals = 1;
                change.vectors -= passages::count(conn, &[id])?;
                flags = Flags { pinned, watched };
                passages::remove_places(conn, &[id])?;
            }
            let place = insert(conn, document, embedded, flags, time(event.by.at))?;
            namespaces::record(conn, workspace.0, change)?;
            audit::record(conn, event)?;
            Ok((place, earlier.map(|(id, ..)| WorkspaceDocumentId(id))))
        })
        .await
    }

    async fn withdraw(
        &self,
        workspace: WorkspaceId,
        paths: &[DocumentPath],
        event: Event,
    ) -> Result<Vec<WorkspaceDocumentId>> {
        let mut paths = paths.to_vec();
        paths.sort();
        paths.dedup();
        self.write(move |conn| {
            if !namespaces::lock(conn, workspace.0)? {
                return Ok(Vec::new());
            }
            let mut places: Vec<i64> = Vec::new();
            for path in &paths {
                let place = workspace_documents::table
                    .inner_join(document_table::table)
                    .filter(document_table::folder.eq(path.folder().to_owned()))
                    .filter(document_table::name.eq(path.name().to_owned()))
                    .filter(workspace_documents::workspace_id.eq(workspace.0))
                    .select(workspace_documents::id);
                places.extend(place.first::<i64>(conn).optional()?);
            }
            if !places.is_empty() {
                let vectors = -passages::count(conn, &places)?;
                passages::remove_places(conn, &places)?;
                let change = Change { additions: 0, removals: places.len(), vectors };
                namespaces::record(conn, workspace.0, change)?;
                audit::record(conn, event)?;
            }
            Ok(places.into_iter().map(WorkspaceDocumentId).collect())
        })
        .await
    }

    async fn in_workspace(&self, workspace: WorkspaceId) -> Result<Vec<WorkspaceDocument>> {
        self.read(move |conn| {
            let rows: Vec<(PlaceRow, DocumentRow)> = workspace_documents::table
                .inner_join(document_table::table)
                .filter(workspace_documents::workspace_id.eq(workspace.0))
                .order(workspace_documents::id)
                .select((PlaceRow::as_select(), DocumentRow::as_select()))
                .load(conn)?;
            Ok(rows
                .into_iter()
                .map(|(place, document)| place.of(document))
                .collect::<Result<_>>()?)
        })
        .await
    }

    async fn passages(&self, workspace: WorkspaceId, chunks: &[ChunkId]) -> Result<Vec<Passage>> {
        let wanted: Vec<i64> = chunks.iter().map(|chunk| chunk.0).collect();
        self.snapshot(move |conn| {
            let mut found = HashMap::with_capacity(wanted.len());
            for some in wanted.chunks(IDS_AT_ONCE) {
                for passage in passages_among(conn, workspace, some.to_vec())? {
                    found.insert(passage.chunk.0, passage);
                }
            }
            Ok(wanted.iter().filter_map(|chunk| found.get(chunk).cloned()).collect())
        })
        .await
    }
}

/// In any order.
fn passages_among(
    conn: &mut AnyConnection,
    workspace: WorkspaceId,
    wanted: Vec<i64>,
) -> Result<Vec<Passage>, Abort> {
    let rows: Vec<(i64, i64, i32, String, DocumentRow)> = chunks::table
        .inner_join(workspace_documents::table.inner_join(document_table::table))
        .filter(chunks::id.eq_any(wanted))
        .filter(chunks::workspace_id.eq(workspace.0))
        .select((
            chunks::id,
            chunks::workspace_document_id,
            chunks::ordinal,
            chunks::text,
            DocumentRow::as_select(),
        ))
        .load(conn)?;
    let passages = rows.into_iter().map(|(chunk, place, ordinal, text, document)| {
        Ok(Passage {
            chunk: ChunkId(chunk),
            place: WorkspaceDocumentId(place),
            ordinal,
            text,
            document: document.try_into()?,
        })
    });
    Ok(passages.collect::<Result<_>>()?)
}
