//! Reads the rows of document lists.
//!
//! Lists are long, so rows are read through the connection of the concrete database: each value
//! takes several times as long through a `MultiConnection`. The texts of a row are copied once,
//! into one allocation.
use std::array;
use std::collections::HashMap;

use carrel_domain::document::Published;
use carrel_domain::folder::{ListedDocument, Texts};
use carrel_domain::{DocumentId, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::dsl::Select;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::row::{Field, Row};
use diesel::sql_types::{Integer, Nullable, Text, Timestamp};
use diesel::sqlite::Sqlite;
use uuid::Uuid;

use crate::database::connection::AnyConnection;
use crate::database::convert::{IDS_AT_ONCE, unreadable};
use crate::database::schema::{documents, workspace_documents};
use crate::database::sql::StaticSql;
use crate::database::timestamp::StoredTimestamp;

/// A row selected by [`all`].
pub(crate) struct ListedRow {
    listed: ListedDocument,
    /// The document's stored id, if it is pinned or watched in any workspace.
    marked: Option<String>,
}

type Columns = (
    documents::id,
    documents::folder,
    documents::name,
    documents::title,
    documents::url,
    documents::author,
    documents::description,
    documents::source,
    documents::chunk_source,
    documents::metadata,
    documents::warnings,
    documents::external_key,
    documents::published_at,
    documents::words,
    documents::tokens,
    StaticSql<Nullable<Integer>>,
);

const WHAT: Columns = (
    documents::id,
    documents::folder,
    documents::name,
    documents::title,
    documents::url,
    documents::author,
    documents::description,
    documents::source,
    documents::chunk_source,
    documents::metadata,
    documents::warnings,
    documents::external_key,
    documents::published_at,
    documents::words,
    documents::tokens,
    MARKS,
);

type Types = (
    Text,
    Text,
    Text,
    Text,
    Text,
    Text,
    Text,
    Text,
    Text,
    Text,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Timestamp>,
    Integer,
    Integer,
    Nullable<Integer>,
);

/// The number of columns.
const COLUMNS: usize = 16;

/// NULL if the document is in no workspace, 1 if it is pinned or watched in any, otherwise 0.
const MARKS: StaticSql<Nullable<Integer>> = StaticSql::new(
    "(SELECT MAX(CASE WHEN place.pinned OR place.watched THEN 1 ELSE 0 END) \
     FROM workspace_documents place WHERE place.document_id = documents.id)",
);

/// Selects all documents with the columns of [`ListedRow`].
pub(crate) fn all() -> Select<documents::table, Columns> {
    documents::table.select(WHAT)
}

/// A database whose text values can be borrowed from the row.
pub(crate) trait LendsText: Backend {
    fn text<'v>(value: &'v mut Self::RawValue<'_>) -> deserialize::Result<&'v str>;
}

impl LendsText for Sqlite {
    fn text<'v>(value: &'v mut Self::RawValue<'_>) -> deserialize::Result<&'v str> {
        Ok(value.read_text())
    }
}

impl LendsText for Pg {
    fn text<'v>(value: &'v mut Self::RawValue<'_>) -> deserialize::Result<&'v str> {
        Ok(std::str::from_utf8(value.as_bytes())?)
    }
}

impl FromSqlRow<Types, Sqlite> for ListedRow {
    fn build_from_row<'a>(row: &impl Row<'a, Sqlite>) -> deserialize::Result<Self> {
        Self::read(row)
    }
}

impl FromSqlRow<Types, Pg> for ListedRow {
    fn build_from_row<'a>(row: &impl Row<'a, Pg>) -> deserialize::Result<Self> {
        Self::read(row)
    }
}

impl ListedRow {
    fn read<'a, DB>(row: &impl Row<'a, DB>) -> deserialize::Result<Self>
    where
        DB: LendsText,
        i32: FromSql<Integer, DB>,
        StoredTimestamp: FromSql<Timestamp, DB>,
    {
        let fields: [_; COLUMNS] = array::from_fn(|column| row.get(column));
        let values = fields.each_ref().map(|field| field.as_ref().and_then(Field::value));
        let [texts @ .., published, words, tokens, marks] = values;
        let mut texts: [_; COLUMNS - 4] = texts;
        let mut borrowed = [None; COLUMNS - 4];
        for (value, borrowed) in texts.iter_mut().zip(&mut borrowed) {
            *borrowed = value.as_mut().map(DB::text).transpose()?;
        }
        let [id, texts @ .., key] = borrowed;
        let texts = Texts::new(texts.map(Option::unwrap_or_default), key);
        let id = id.unwrap_or_default();
        let published =
            published.map(StoredTimestamp::from_sql).transpose()?.map(NaiveDateTime::from);
        let marks = marks.map(i32::from_sql).transpose()?;
        let listed = ListedDocument {
            id: DocumentId(Uuid::parse_str(id).map_err(|_| unreadable("id"))?),
            texts: texts.into(),
            published: Published(published.map(|time| time.and_utc())),
            words: words.map_or(Ok(0), i32::from_sql)?,
            tokens: tokens.map_or(Ok(0), i32::from_sql)?,
            is_placed: marks.is_some(),
            pinned_in: Vec::new(),
            is_watched: false,
        };
        let marked = marks.is_some_and(|marks| marks > 0).then(|| id.to_owned());
        Ok(Self { listed, marked })
    }
}

/// Sorts rows by folder and name.
pub(crate) fn in_order(mut rows: Vec<ListedRow>) -> Vec<ListedRow> {
    rows.sort_unstable_by(|a, b| {
        let (a, b) = (a.listed.texts(), b.listed.texts());
        (a.folder, a.name).cmp(&(b.folder, b.name))
    });
    rows
}

/// Adds the workspaces in which documents are pinned, and whether they are watched anywhere.
pub(crate) fn with_marks(
    conn: &mut AnyConnection,
    found: Vec<ListedRow>,
) -> QueryResult<Vec<ListedDocument>> {
    let marked: Vec<&String> = found.iter().filter_map(|row| row.marked.as_ref()).collect();
    let mut marks: HashMap<String, Vec<(i32, bool, bool)>> = HashMap::new();
    for ids in marked.chunks(IDS_AT_ONCE) {
        let ids: Vec<String> = ids.iter().map(|id| (*id).clone()).collect();
        let some: Vec<(String, i32, bool, bool)> = workspace_documents::table
            .filter(workspace_documents::document_id.eq_any(ids))
            .filter(workspace_documents::pinned.or(workspace_documents::watched))
            .select((
                workspace_documents::document_id,
                workspace_documents::workspace_id,
                workspace_documents::pinned,
                workspace_documents::watched,
            ))
            .load(conn)?;
        for (document, workspace, pinned, watched) in some {
            marks.entry(document).or_default().push((workspace, pinned, watched));
        }
    }
    let listed = found.into_iter().map(|ListedRow { mut listed, marked }| {
        let marks = marked.and_then(|id| marks.remove(&id)).unwrap_or_default();
        let pinned = marks.iter().filter(|(_, pinned, _)| *pinned);
        listed.pinned_in = pinned.map(|(workspace, ..)| WorkspaceId(*workspace)).collect();
        listed.pinned_in.sort_unstable();
        listed.is_watched = marks.iter().any(|(.., watched)| *watched);
        listed
    });
    Ok(listed.collect())
}
