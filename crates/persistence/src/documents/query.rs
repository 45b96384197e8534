//! Pages of documents, searched by title.
use std::collections::{HashMap, HashSet};

use async_trait::async_trait;
use carrel_domain::document_list::{DocumentList, DocumentQuery, DocumentScope, DocumentSummary};
use carrel_domain::{DocumentId, DocumentPath, Folder, Page, Result, Warnings, WorkspaceId};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::dsl::count_star;
use diesel::prelude::*;
use diesel::sql_types::Bool;
use uuid::Uuid;

use crate::Database;
use crate::database::connection::{AnyBackend, AnyConnection};
use crate::database::convert::{IDS_AT_ONCE, rows, time, unreadable};
use crate::database::schema::{documents, folders, workspace_documents};
use crate::database::tx_error::TxError;
use crate::documents::remove::places_of;
use crate::documents::rows::stored_path;
use crate::documents::title_search::pattern;

/// The document's columns, its time of creation, and whether it is pinned.
type Row = (Columns, NaiveDateTime, bool);

type Columns = (String, String, String, String, i32, i32, Option<String>);

type What = (
    documents::id,
    documents::folder,
    documents::name,
    documents::title,
    documents::words,
    documents::tokens,
    documents::warnings,
);

const WHAT: What = (
    documents::id,
    documents::folder,
    documents::name,
    documents::title,
    documents::words,
    documents::tokens,
    documents::warnings,
);

/// Selects the documents of the library or of one folder.
fn in_library<'a>(
    folder: Option<&Folder>,
    pattern: Option<&str>,
) -> documents::BoxedQuery<'a, AnyBackend> {
    // Always true, but makes SQLite use the index on `created_at` for the newest documents.
    let mut query = documents::table
        .filter(documents::created_at.le(time(DateTime::<Utc>::MAX_UTC)))
        .into_boxed();
    if let Some(folder) = folder {
        query = query.filter(documents::folder.eq(folder.as_str().to_owned()));
    }
    if let Some(pattern) = pattern {
        query = query.filter(documents::sought.like(pattern.to_owned()).escape('\\'));
    }
    query
}

fn library_page(
    conn: &mut AnyConnection,
    folder: Option<&Folder>,
    pattern: Option<&str>,
    offset: u64,
    limit: u32,
) -> QueryResult<(i64, Vec<Row>)> {
    let found = in_library(folder, pattern).select(count_star()).get_result(conn)?;
    let page = in_library(folder, pattern)
        .order((documents::created_at.desc(), documents::id.desc()))
        .offset(rows(offset))
        .limit(rows(limit))
        .select((WHAT, documents::created_at, false.into_sql::<Bool>()))
        .load(conn)?;
    Ok((found, page))
}

fn workspace_page(
    conn: &mut AnyConnection,
    within: WorkspaceId,
    pattern: Option<&str>,
    offset: u64,
    limit: u32,
) -> QueryResult<(i64, Vec<Row>)> {
    let places = workspace_documents::table.filter(workspace_documents::workspace_id.eq(within.0));
    let page = places
        .inner_join(documents::table)
        .order(workspace_documents::id.desc())
        .offset(rows(offset))
        .limit(rows(limit))
        .select((WHAT, workspace_documents::created_at, workspace_documents::pinned));
    let Some(pattern) = pattern else {
        return Ok((places.select(count_star()).get_result(conn)?, page.load(conn)?));
    };
    let is_like = || documents::sought.like(pattern.to_owned()).escape('\\');
    let found = places
        .inner_join(documents::table)
        .filter(is_like())
        .select(count_star())
        .get_result(conn)?;
    Ok((found, page.filter(is_like()).load(conn)?))
}

fn with_workspaces(
    conn: &mut AnyConnection,
    found: Vec<Row>,
) -> Result<Vec<DocumentSummary>, TxError> {
    let ids: Vec<String> = found.iter().map(|((id, ..), ..)| id.clone()).collect();
    let mut places: HashMap<String, Vec<WorkspaceId>> = HashMap::new();
    for (workspace, _, document) in places_of(conn, &ids)? {
        places.entry(document).or_default().push(WorkspaceId(workspace));
    }
    let summaries = found.into_iter().map(|(columns, added_at, is_pinned)| {
        let (id, folder, name, title, words, tokens, warnings) = columns;
        let mut workspaces = places.remove(&id).unwrap_or_default();
        workspaces.sort_unstable();
        Ok(DocumentSummary {
            id: DocumentId(Uuid::parse_str(&id).map_err(|_| unreadable("id"))?),
            path: stored_path(&folder, &name)?,
            title,
            words,
            tokens,
            warnings: Warnings::from_lines(warnings.unwrap_or_default()),
            added_at: added_at.and_utc(),
            is_pinned,
            workspaces,
        })
    });
    Ok(summaries.collect::<Result<_>>()?)
}

#[async_trait]
impl DocumentList for Database {
    async fn list(
        &self,
        query: &DocumentQuery,
        offset: u64,
        limit: u32,
    ) -> Result<Page<DocumentSummary>> {
        let DocumentQuery { scope, title } = query.clone();
        self.snapshot(move |conn| {
            let pattern = pattern(&title);
            let pattern = pattern.as_deref();
            let (found, page) = match scope {
                DocumentScope::Everything => library_page(conn, None, pattern, offset, limit)?,
                DocumentScope::Folder(folder) => {
                    library_page(conn, Some(&folder), pattern, offset, limit)?
                }
                DocumentScope::Workspace(within) => {
                    workspace_page(conn, within, pattern, offset, limit)?
                }
            };
            let total = found.try_into().unwrap_or_default();
            Ok(Page { total, items: with_workspaces(conn, page)? })
        })
        .await
    }

    async fn counted_folders(&self, offset: u64, limit: u32) -> Result<Vec<(Folder, u64)>> {
        self.snapshot(move |conn| {
            let names: Vec<String> = folders::table
                .order(folders::name)
                .offset(rows(offset))
                .limit(rows(limit))
                .select(folders::name)
                .load(conn)?;
            let (Some(first), Some(last)) = (names.first(), names.last()) else {
                return Ok(Vec::new());
            };
            let counts: Vec<(String, i64)> = documents::table
                .filter(documents::folder.ge(first.clone()))
                .filter(documents::folder.le(last.clone()))
                .group_by(documents::folder)
                .select((documents::folder, count_star()))
                .load(conn)?;
            let mut counts: HashMap<String, i64> = counts.into_iter().collect();
            let counted = names.into_iter().map(|name| {
                let count = counts.remove(&name).unwrap_or_default();
                let folder = Folder::parse(&name).map_err(carrel_domain::Error::internal)?;
                Ok((folder, count.try_into().unwrap_or_default()))
            });
            Ok(counted.collect::<Result<_>>()?)
        })
        .await
    }

    async fn titles(&self, of: &[DocumentPath]) -> Result<HashMap<DocumentPath, String>> {
        let paths: HashSet<DocumentPath> = of.iter().cloned().collect();
        let names: Vec<String> = paths.iter().map(|path| path.name().to_owned()).collect();
        self.snapshot(move |conn| {
            let mut titles = HashMap::with_capacity(paths.len());
            for names in names.chunks(IDS_AT_ONCE) {
                let some: Vec<(String, String, String)> = documents::table
                    .filter(documents::name.eq_any(names.to_vec()))
                    .select((documents::folder, documents::name, documents::title))
                    .load(conn)?;
                for (folder, name, title) in some {
                    let path = stored_path(&folder, &name)?;
                    if paths.contains(&path) {
                        titles.insert(path, title);
                    }
                }
            }
            Ok(titles)
        })
        .await
    }

    async fn workspaces_of(&self, of: DocumentId) -> Result<Vec<WorkspaceId>> {
        self.read(move |conn| {
            let places = places_of(conn, &[of.to_string()])?.into_iter();
            let mut places: Vec<_> = places.map(|(workspace, ..)| WorkspaceId(workspace)).collect();
            places.sort_unstable();
            Ok(places)
        })
        .await
    }
}
