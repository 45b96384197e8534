//! Documents of a workspace as search filters see them.
use async_trait::async_trait;
use carrel_domain::filter::{FilterHint, FilterRow, FilterRows};
use carrel_domain::{DocumentId, DocumentPath, Result, WorkspaceDocumentId, WorkspaceId};
use chrono::{NaiveDateTime, SecondsFormat};
use diesel::prelude::*;
use uuid::Uuid;

use crate::Database;
use crate::database::connection::{AnyBackend, AnyConnection};
use crate::database::convert::{IDS_AT_ONCE, rows, text, unreadable, utc};
use crate::database::schema::{documents, workspace_documents};
use crate::database::tx_error::TxError;
use crate::documents::rows::stored_path;

type Row = (i64, String, String, String, String, Details);
type Details = (String, String, String, String, String, String, Option<NaiveDateTime>, String);

#[async_trait]
impl FilterRows for Database {
    async fn filter_rows(
        &self,
        within: WorkspaceId,
        hint: FilterHint<'_>,
        after: Option<WorkspaceDocumentId>,
        limit: usize,
    ) -> Result<Vec<FilterRow>> {
        let named = hint.named.map(<[String]>::to_vec);
        // Matches a key in its JSON form. The database only preselects rows by it.
        let keys: Vec<_> = hint.keys.iter().map(|key| format!("%\"{key}\"%")).collect();
        let after = after.map_or(i64::MIN, |place| place.0);
        self.snapshot(move |conn| {
            let mut found = match named {
                None => placed_among(conn, within, None, &keys, after, limit)?,
                Some(named) => {
                    let mut ids = Vec::new();
                    for name in named {
                        ids.extend(named_by(conn, within, text(name))?);
                    }
                    ids.retain(|id| *id > after);
                    ids.sort_unstable();
                    ids.dedup();
                    ids.truncate(limit);
                    let mut found = Vec::new();
                    for some in ids.chunks(IDS_AT_ONCE) {
                        found.extend(placed_among(conn, within, Some(some), &keys, after, limit)?);
                    }
                    found
                }
            };
            found.truncate(limit);
            Ok(found)
        })
        .await
    }
}

/// Returns the workspace documents with this path, document id or key.
fn named_by(conn: &mut AnyConnection, within: WorkspaceId, name: String) -> QueryResult<Vec<i64>> {
    let places = workspace_documents::table
        .inner_join(documents::table)
        .filter(workspace_documents::workspace_id.eq(within.0))
        .select(workspace_documents::id);
    if let Ok(path) = DocumentPath::parse(&name) {
        let (folder, name) = (path.folder().to_owned(), path.name().to_owned());
        return places
            .filter(documents::folder.eq(folder))
            .filter(documents::name.eq(name))
            .load(conn);
    }
    let mut found: Vec<i64> = places.filter(documents::id.eq(name.clone())).load(conn)?;
    found.extend(places.filter(workspace_documents::key.eq(name)).load::<i64>(conn)?);
    Ok(found)
}

fn placed_among(
    conn: &mut AnyConnection,
    within: WorkspaceId,
    ids: Option<&[i64]>,
    keys: &[String],
    after: i64,
    limit: usize,
) -> Result<Vec<FilterRow>, TxError> {
    let mut places = workspace_documents::table
        .inner_join(documents::table)
        .filter(workspace_documents::workspace_id.eq(within.0))
        .filter(workspace_documents::id.gt(after))
        .order(workspace_documents::id)
        .limit(rows(limit))
        .select((
            workspace_documents::id,
            documents::id,
            documents::folder,
            documents::name,
            workspace_documents::key,
            (
                documents::title,
                documents::url,
                documents::author,
                documents::description,
                documents::source,
                documents::chunk_source,
                documents::published_at,
                documents::metadata,
            ),
        ))
        .into_boxed::<AnyBackend>();
    for key in keys {
        places = places.filter(documents::metadata.like(key.clone()));
    }
    if let Some(ids) = ids {
        places = places.filter(workspace_documents::id.eq_any(ids.to_vec()));
    }
    let found: Vec<Row> = places.load(conn)?;
    Ok(found.into_iter().map(placed).collect::<Result<_>>()?)
}

fn placed(row: Row) -> Result<FilterRow> {
    let (id, document, folder, name, key, details) = row;
    let (title, url, author, description, source, chunk_source, published, metadata) = details;
    let time =
        |time: chrono::DateTime<chrono::Utc>| time.to_rfc3339_opts(SecondsFormat::Secs, true);
    Ok(FilterRow {
        id: WorkspaceDocumentId(id),
        document: DocumentId(Uuid::parse_str(&document).map_err(|_| unreadable("id"))?),
        path: stored_path(&folder, &name)?.to_string(),
        key,
        title,
        url,
        author,
        description,
        source,
        chunk_source,
        published: utc(published).map(time),
        metadata,
    })
}
