//! Rows of documents, and the port that creates and removes documents.
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::document::{Document, DocumentOrigin, Published};
use carrel_domain::library::{
    Documents, IndexedDocument, NewDocument, RelatedDocuments, RemovedDocument, WorkspaceDocument,
};
use carrel_domain::{
    DocumentId, DocumentPath, Error, Result, Warnings, WorkspaceDocumentId, WorkspaceId,
};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::Database;
use crate::audit;
use crate::database::connection::AnyConnection;
use crate::database::convert::{digest, some_text, some_time, text, time, unreadable, utc};
use crate::database::schema::documents;
use crate::database::tx_error::OrRefused;
use crate::documents::folders;
use crate::documents::indexing;
use crate::documents::parts;
use crate::documents::pending_files;
use crate::documents::remove;
use crate::documents::replace;
use crate::documents::title_search::normalized_title;

#[derive(Clone, Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = documents, treat_none_as_default_value = false, treat_none_as_null = true)]
pub(crate) struct DocumentRow {
    pub(crate) id: String,
    folder: String,
    name: String,
    pub(crate) title: String,
    url: String,
    author: String,
    description: String,
    source: String,
    chunk_source: String,
    published_at: Option<NaiveDateTime>,
    words: i32,
    tokens: i32,
    digest: Vec<u8>,
    created_at: NaiveDateTime,
    metadata: String,
    external_key: Option<String>,
    pub(crate) part: String,
    upload_digest: Option<Vec<u8>>,
    request: Option<Vec<u8>>,
    /// The normalized title for searches.
    sought: Option<String>,
    /// One warning per line. NULL if there are none, and in rows of earlier versions.
    warnings: Option<String>,
}

impl DocumentRow {
    /// A sort key that groups documents by part, the oldest first.
    pub(crate) fn by_part(&self) -> impl Ord {
        (&self.part, self.created_at, &self.folder, &self.name)
    }
}

impl From<Document> for DocumentRow {
    fn from(document: Document) -> Self {
        let Document {
            id,
            path,
            title,
            url,
            author,
            description,
            source,
            chunk_source,
            published: Published(published),
            words,
            tokens,
            digest,
            created_at,
            metadata,
            origin: DocumentOrigin { key, part, digest: upload_digest, request },
            warnings,
        } = document;
        Self {
            id: id.to_string(),
            folder: path.folder().to_owned(),
            name: path.name().to_owned(),
            sought: Some(normalized_title(&title)),
            title: text(title),
            url: text(url),
            author: text(author),
            description: text(description),
            source: text(source),
            chunk_source: text(chunk_source),
            published_at: some_time(published),
            words,
            tokens,
            digest: digest.to_vec(),
            created_at: time(created_at),
            metadata: text(metadata),
            external_key: some_text(key),
            part: text(part),
            upload_digest: upload_digest.map(Vec::from),
            request: request.map(Vec::from),
            warnings: (!warnings.is_empty()).then(|| text(warnings.as_lines())),
        }
    }
}

impl TryFrom<DocumentRow> for Document {
    type Error = Error;

    fn try_from(row: DocumentRow) -> Result<Self> {
        Ok(Self {
            id: DocumentId(Uuid::parse_str(&row.id).map_err(|_| unreadable("id"))?),
            path: stored_path(&row.folder, &row.name)?,
            title: row.title,
            url: row.url,
            author: row.author,
            description: row.description,
            source: row.source,
            chunk_source: row.chunk_source,
            published: Published(utc(row.published_at)),
            words: row.words,
            tokens: row.tokens,
            digest: digest(row.digest)?,
            created_at: row.created_at.and_utc(),
            metadata: row.metadata,
            origin: DocumentOrigin {
                key: row.external_key,
                part: row.part,
                digest: row.upload_digest.map(digest).transpose()?,
                request: row.request.map(digest).transpose()?,
            },
            warnings: Warnings::from_lines(row.warnings.unwrap_or_default()),
        })
    }
}

pub(crate) fn stored_path(folder: &str, name: &str) -> Result<DocumentPath> {
    DocumentPath::new(folder, name).map_err(Error::internal)
}

/// Returns the document at `path` and locks it against removal until the transaction ends.
pub(crate) fn lock_to_refer(
    conn: &mut AnyConnection,
    path: &DocumentPath,
) -> QueryResult<Option<DocumentRow>> {
    let row = documents::table
        .filter(documents::folder.eq(path.folder()))
        .filter(documents::name.eq(path.name()));
    match conn {
        AnyConnection::Postgres(conn) => {
            row.select(DocumentRow::as_select()).for_key_share().first(conn).optional()
        }
        AnyConnection::Sqlite(conn) => row.select(DocumentRow::as_select()).first(conn).optional(),
    }
}

/// Returns the id of the document at `path` and locks it against any use until the transaction
/// ends.
pub(crate) fn lock_to_remove(
    conn: &mut AnyConnection,
    path: &DocumentPath,
) -> QueryResult<Option<String>> {
    let id = documents::table
        .filter(documents::folder.eq(path.folder()))
        .filter(documents::name.eq(path.name()))
        .select(documents::id);
    match conn {
        AnyConnection::Postgres(conn) => id.for_update().first(conn).optional(),
        AnyConnection::Sqlite(conn) => id.first(conn).optional(),
    }
}

#[async_trait]
impl Documents for Database {
    async fn record_intent(&self, paths: &[DocumentPath], now: DateTime<Utc>) -> Result<()> {
        let paths = paths.to_vec();
        self.write(move |conn| {
            paths
                .iter()
                .try_for_each(|path| Ok(pending_files::record_intent(conn, path, time(now))?))
        })
        .await
    }

    async fn create_all(&self, new: Vec<NewDocument>) -> Result<Vec<WorkspaceDocument>> {
        self.write(move |conn| {
            // Locks are acquired in sorted order, whatever the order of the documents, to avoid
            // deadlocks.
            let folders = new.iter().map(|new| (new.document.path.folder(), &new.document));
            for (folder, document) in folders.collect::<BTreeMap<_, _>>() {
                folders::use_or_make(conn, folder, time(document.created_at))?;
            }
            let places = new.iter().flat_map(|new| &new.places);
            for workspace in places.map(|place| place.workspace).collect::<BTreeSet<_>>() {
                indexing::lock(conn, workspace)?;
            }
            let mut placed = Vec::new();
            for NewDocument { document, places, event } in new {
                let path = document.path.clone();
                let row = DocumentRow::from(document);
                diesel::insert_into(documents::table)
                    .values(row.clone())
                    .execute(conn)
                    .or_taken("document", &path)?;
                for embedded in places {
                    let carried_over = indexing::CarriedOver::default();
                    placed.push(indexing::add(conn, &row, embedded, carried_over, row.created_at)?);
                }
                pending_files::forget(conn, &path)?;
                audit::record(conn, event)?;
            }
            Ok(placed)
        })
        .await
    }

    async fn add_to_workspaces(
        &self,
        path: &DocumentPath,
        mut places: Vec<IndexedDocument>,
        event: Event,
    ) -> Result<Vec<(WorkspaceId, WorkspaceDocumentId)>> {
        let path = path.clone();
        places.sort_by_key(|embedded| embedded.workspace);
        self.write(move |conn| {
            let row = lock_to_refer(conn, &path)?;
            let row = row.ok_or_else(|| Error::not_found("document", &path))?;
            let mut placed = Vec::new();
            for embedded in places {
                let workspace = embedded.workspace;
                indexing::lock(conn, workspace)?;
                if indexing::is_placed(conn, workspace, &row.id)? {
                    continue;
                }
                let (carried_over, now) = (indexing::CarriedOver::default(), time(event.by.at));
                placed
                    .push((workspace, indexing::add(conn, &row, embedded, carried_over, now)?.id));
            }
            if !placed.is_empty() {
                audit::record(conn, event)?;
            }
            Ok(placed)
        })
        .await
    }

    async fn by_path(&self, path: &DocumentPath) -> Result<Option<Document>> {
        let path = path.clone();
        self.read(move |conn| {
            let row: Option<DocumentRow> = documents::table
                .filter(documents::folder.eq(path.folder().to_owned()))
                .filter(documents::name.eq(path.name().to_owned()))
                .select(DocumentRow::as_select())
                .first(conn)
                .optional()?;
            Ok(row.map(Document::try_from).transpose()?)
        })
        .await
    }

    async fn related(
        &self,
        related: &RelatedDocuments,
    ) -> Result<Vec<(Document, Vec<WorkspaceId>)>> {
        let related = related.clone();
        self.snapshot(move |conn| replace::of(conn, related)).await
    }

    async fn remove(&self, paths: &[DocumentPath], event: Event) -> Result<Vec<RemovedDocument>> {
        let mut paths = paths.to_vec();
        paths.sort();
        paths.dedup();
        let named = paths.clone();
        let places = self.read(move |conn| Ok(remove::places_at(conn, &named)?)).await?;
        parts::remove_passages_first(self, places).await?;
        self.write(move |conn| {
            let removed = remove::remove(conn, &paths, time(event.by.at))?;
            if !removed.is_empty() {
                audit::record(conn, event)?;
            }
            Ok(removed)
        })
        .await
    }

    async fn pending_files(&self, before: DateTime<Utc>) -> Result<Vec<(DocumentPath, bool)>> {
        self.read(move |conn| pending_files::recorded_before(conn, time(before))).await
    }

    async fn reconcile(&self, path: &DocumentPath) -> Result<()> {
        let path = path.clone();
        self.write(move |conn| Ok(pending_files::forget(conn, &path)?)).await
    }
}
