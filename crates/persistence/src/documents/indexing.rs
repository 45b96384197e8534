//! Documents in workspaces, and their passages.
use std::collections::HashMap;

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::document::Span;
use carrel_domain::job::JobKind;
use carrel_domain::library::{IndexedDocument, Passage, WorkspaceDocument, WorkspaceDocuments};
use carrel_domain::{ChunkId, DocumentPath, Error, Result, WorkspaceDocumentId, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::dsl::count_star;
use diesel::prelude::*;
use uuid::Uuid;

use crate::Database;
use crate::audit;
use crate::database::connection::AnyConnection;
use crate::database::convert::{IDS_AT_ONCE, text, unreadable};
use crate::database::schema::{chunks, documents as document_table, workspace_documents};
use crate::database::tx_error::{OrRefused, TxError};
use crate::documents::parts;
use crate::documents::passages;
use crate::documents::remove;
use crate::documents::rows::DocumentRow;
use crate::documents::vector_versions::{self, Change};

#[derive(Queryable, Selectable)]
#[diesel(table_name = workspace_documents)]
pub(crate) struct PlaceRow {
    pub(crate) id: i64,
    workspace_id: i32,
    key: String,
    pinned: bool,
    watched: bool,
    pub(crate) recipe: String,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

/// The recipe of passages made from an earlier text of their document. They stay searchable until a
/// job replaces them.
pub(crate) const REPLACED: &str = "replaced";

/// The attributes that a workspace document takes over from the one it replaces.
#[derive(Default)]
pub(crate) struct CarriedOver {
    pinned: bool,
    watched: bool,
    /// Its key and time of creation. `None` if clients see the new one as a different workspace
    /// document.
    identity: Option<(String, NaiveDateTime)>,
}

impl PlaceRow {
    pub(crate) fn of(self, document: DocumentRow) -> Result<WorkspaceDocument> {
        Ok(WorkspaceDocument {
            id: WorkspaceDocumentId(self.id),
            workspace: WorkspaceId(self.workspace_id),
            document: document.try_into()?,
            key: Uuid::parse_str(&self.key).map_err(|_| unreadable("docId"))?,
            pinned: self.pinned,
            watched: self.watched,
            recipe: self.recipe,
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

/// Returns whether a document is in a workspace.
pub(crate) fn is_placed(
    conn: &mut AnyConnection,
    workspace: WorkspaceId,
    document: &str,
) -> QueryResult<bool> {
    let place = workspace_documents::table
        .filter(workspace_documents::workspace_id.eq(workspace.0))
        .filter(workspace_documents::document_id.eq(document.to_owned()))
        .select(workspace_documents::id);
    Ok(place.first::<i64>(conn).optional()?.is_some())
}

/// Returns the row of a document in a workspace.
pub(crate) fn place_of(
    conn: &mut AnyConnection,
    workspace: WorkspaceId,
    document: &str,
) -> QueryResult<Option<PlaceRow>> {
    workspace_documents::table
        .filter(workspace_documents::workspace_id.eq(workspace.0))
        .filter(workspace_documents::document_id.eq(document.to_owned()))
        .select(PlaceRow::as_select())
        .first(conn)
        .optional()
}

/// Adds a document to a workspace whose row in `namespaces` is locked. The caller records the
/// change of the vectors.
pub(crate) fn insert(
    conn: &mut AnyConnection,
    document: DocumentRow,
    embedded: IndexedDocument,
    carried_over: CarriedOver,
    now: NaiveDateTime,
) -> Result<WorkspaceDocument, TxError> {
    let IndexedDocument { workspace, recipe, passages } = embedded;
    let CarriedOver { pinned, watched, identity } = carried_over;
    let (key, created_at) = identity.unwrap_or_else(|| (Uuid::new_v4().to_string(), now));
    let recipe = text(recipe);
    let id: i64 = diesel::insert_into(workspace_documents::table)
        .values((
            workspace_documents::workspace_id.eq(workspace.0),
            workspace_documents::document_id.eq(document.id.clone()),
            workspace_documents::key.eq(key.clone()),
            workspace_documents::pinned.eq(pinned),
            workspace_documents::watched.eq(watched),
            workspace_documents::recipe.eq(recipe.clone()),
            workspace_documents::created_at.eq(created_at),
            workspace_documents::updated_at.eq(now),
        ))
        .returning(workspace_documents::id)
        .get_result(conn)
        .or_taken("place of the document in workspace", workspace)?;
    passages::insert(conn, workspace.0, id, &document.title, 0, passages)?;
    let row = PlaceRow {
        id,
        workspace_id: workspace.0,
        key,
        pinned,
        watched,
        recipe,
        created_at,
        updated_at: now,
    };
    Ok(row.of(document)?)
}

/// Adds a document like [`insert`] and records the change of the vectors.
pub(crate) fn add(
    conn: &mut AnyConnection,
    document: &DocumentRow,
    embedded: IndexedDocument,
    carried_over: CarriedOver,
    now: NaiveDateTime,
) -> Result<WorkspaceDocument, TxError> {
    let (workspace, vectors) = (embedded.workspace.0, embedded.passages.len() as i64);
    let place = insert(conn, document.clone(), embedded, carried_over, now)?;
    vector_versions::record(conn, workspace, Change { additions: 1, removals: 0, vectors })?;
    Ok(place)
}

/// How a document is added to a workspace that may contain it already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placing {
    /// Creates a new workspace document for clients and keeps the flags of an earlier one.
    New,
    /// Replaces the passages of the existing workspace document. Does nothing if the document is
    /// not in the workspace or its passages have the same recipe.
    Refresh,
}

impl Placing {
    pub(crate) fn of(kind: JobKind) -> Self {
        match kind {
            JobKind::Embed => Self::New,
            JobKind::Refresh => Self::Refresh,
        }
    }
}

/// The result of adding a document.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct UpsertOutcome {
    pub(crate) place: Option<WorkspaceDocumentId>,
    pub(crate) replaced: Option<WorkspaceDocumentId>,
    pub(crate) change: Change,
}

/// Adds a document to a workspace whose row in `namespaces` is locked, replacing an earlier
/// workspace document. The caller records the change of the vectors.
pub(crate) fn put(
    conn: &mut AnyConnection,
    document: DocumentRow,
    embedded: IndexedDocument,
    placing: Placing,
    now: NaiveDateTime,
) -> Result<UpsertOutcome, TxError> {
    let existing = place_of(conn, embedded.workspace, &document.id)?;
    let mut change = Change { additions: 1, removals: 0, vectors: embedded.passages.len() as i64 };
    let (mut carried_over, mut replaced) = (CarriedOver::default(), None);
    match existing {
        None if placing == Placing::Refresh => return Ok(UpsertOutcome::default()),
        Some(old) if placing == Placing::Refresh && old.recipe == text(&*embedded.recipe) => {
            return Ok(UpsertOutcome::default());
        }
        None => {}
        Some(PlaceRow { id, key, pinned, watched, recipe, created_at, .. }) => {
            change.removals = 1;
            change.vectors -= passages::count(conn, &[id])?;
            // A document whose text was replaced keeps its key for clients.
            let is_same = placing == Placing::Refresh || recipe == REPLACED;
            let identity = is_same.then_some((key, created_at));
            (carried_over, replaced) =
                (CarriedOver { pinned, watched, identity }, Some(WorkspaceDocumentId(id)));
            passages::remove_places(conn, &[id])?;
        }
    }
    let place = insert(conn, document, embedded, carried_over, now)?;
    Ok(UpsertOutcome { place: Some(place.id), replaced, change })
}

/// Locks the workspace's row in `namespaces`. Fails if the workspace does not exist.
pub(crate) fn lock(conn: &mut AnyConnection, workspace: WorkspaceId) -> Result<(), TxError> {
    if vector_versions::lock(conn, workspace.0)? {
        return Ok(());
    }
    Err(Error::not_found("workspace", workspace).into())
}

#[async_trait]
impl WorkspaceDocuments for Database {
    async fn withdraw(
        &self,
        workspace: WorkspaceId,
        paths: &[DocumentPath],
        event: Event,
    ) -> Result<Vec<WorkspaceDocumentId>> {
        let mut paths = paths.to_vec();
        paths.sort();
        paths.dedup();
        let named = paths.clone();
        let places = self.read(move |conn| Ok(remove::places_in(conn, workspace, &named)?)).await?;
        parts::remove_passages_first(
            self,
            places.into_iter().map(|place| (workspace.0, place)).collect(),
        )
        .await?;
        self.write(move |conn| {
            if !vector_versions::lock(conn, workspace.0)? {
                return Ok(Vec::new());
            }
            let places = remove::places_in(conn, workspace, &paths)?;
            if !places.is_empty() {
                remove::withdraw(conn, places.iter().map(|place| (workspace.0, *place)))?;
                audit::record(conn, event)?;
            }
            Ok(places.into_iter().map(WorkspaceDocumentId).collect())
        })
        .await
    }

    async fn paths_in_workspaces(
        &self,
        workspaces: &[WorkspaceId],
        paths: &[DocumentPath],
    ) -> Result<Vec<DocumentPath>> {
        let workspaces: Vec<i32> = workspaces.iter().map(|workspace| workspace.0).collect();
        let paths = paths.to_vec();
        self.read(move |conn| {
            let mut found = Vec::new();
            for path in paths {
                let place = workspace_documents::table
                    .inner_join(document_table::table)
                    .filter(document_table::folder.eq(path.folder().to_owned()))
                    .filter(document_table::name.eq(path.name().to_owned()))
                    .filter(workspace_documents::workspace_id.eq_any(workspaces.clone()))
                    .select(workspace_documents::id);
                let place: Option<i64> = place.first(conn).optional()?;
                found.extend(place.map(|_| path));
            }
            Ok(found)
        })
        .await
    }

    async fn counts(&self) -> Result<Vec<(WorkspaceId, u64)>> {
        self.read(|conn| {
            let counts: Vec<(i32, i64)> = workspace_documents::table
                .group_by(workspace_documents::workspace_id)
                .select((workspace_documents::workspace_id, count_star()))
                .load(conn)?;
            let count = |(id, count)| (WorkspaceId(id), u64::try_from(count).unwrap_or(0));
            Ok(counts.into_iter().map(count).collect())
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
        let ids: Vec<i64> = chunks.iter().map(|chunk| chunk.0).collect();
        self.snapshot(move |conn| {
            let mut found = HashMap::with_capacity(ids.len());
            for some in ids.chunks(IDS_AT_ONCE) {
                for passage in passages_among(conn, workspace, some.to_vec())? {
                    found.insert(passage.chunk.0, passage);
                }
            }
            Ok(ids.iter().filter_map(|chunk| found.get(chunk).cloned()).collect())
        })
        .await
    }
}

/// Returns the distinct recipes of workspace documents. There are many rows and few recipes, so
/// this seeks each recipe in the index instead of scanning all rows.
pub(crate) fn recipes(conn: &mut AnyConnection) -> QueryResult<Vec<String>> {
    let recipe = workspace_documents::recipe;
    let recipes = || workspace_documents::table.select(recipe).order(recipe);
    let mut found: Vec<String> = Vec::new();
    loop {
        let next = match found.last() {
            Some(last) => recipes().filter(recipe.gt(last.clone())).first(conn),
            None => recipes().filter(recipe.ge("")).first(conn),
        };
        match next.optional()? {
            Some(next) => found.push(next),
            None => return Ok(found),
        }
    }
}

/// Returns the workspaces of the documents with a recipe, once per document.
pub(crate) fn workspaces_with(
    conn: &mut AnyConnection,
    recipe: &str,
) -> QueryResult<Vec<WorkspaceId>> {
    let found: Vec<i32> = workspace_documents::table
        .filter(workspace_documents::recipe.eq(recipe.to_owned()))
        .select(workspace_documents::workspace_id)
        .load(conn)?;
    Ok(found.into_iter().map(WorkspaceId).collect())
}

/// Loads passages in no particular order.
fn passages_among(
    conn: &mut AnyConnection,
    workspace: WorkspaceId,
    ids: Vec<i64>,
) -> Result<Vec<Passage>, TxError> {
    type At = (Option<i32>, Option<i32>, Option<String>, Option<String>);
    type Row = (i64, i64, i32, String, At, String, DocumentRow);
    let rows: Vec<Row> = chunks::table
        .inner_join(workspace_documents::table.inner_join(document_table::table))
        .filter(chunks::id.eq_any(ids))
        .filter(chunks::workspace_id.eq(workspace.0))
        .select((
            chunks::id,
            chunks::workspace_document_id,
            chunks::ordinal,
            chunks::text,
            (chunks::span_start, chunks::span_end, chunks::headings, chunks::locator),
            workspace_documents::recipe,
            DocumentRow::as_select(),
        ))
        .load(conn)?;
    let passages = rows.into_iter().map(|(chunk, place, ordinal, text, at, recipe, document)| {
        let (start, end, headings, locator) = at;
        // The offsets refer to a text that no longer exists.
        let start = start.filter(|_| recipe != REPLACED);
        let place_of = |at: Option<i32>| u32::try_from(at?).ok();
        Ok(Passage {
            chunk: ChunkId(chunk),
            place: WorkspaceDocumentId(place),
            ordinal,
            span: place_of(start).zip(place_of(end)).map(|(start, end)| Span { start, end }),
            provenance: passages::provenance(headings.as_deref(), locator.as_deref()),
            text,
            document: document.try_into()?,
        })
    });
    Ok(passages.collect::<Result<_>>()?)
}
