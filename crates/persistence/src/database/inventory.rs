//! Copies the database and checks its consistency.
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use carrel_domain::backup::{Copies, Inventory};
use carrel_domain::document::Document;
use carrel_domain::original::{Original, OriginalName};
use carrel_domain::{DocumentPath, Error, Result};
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

use crate::Database;
use crate::database::connection::AnyConnection;
use crate::database::schema::documents;
use crate::database::tx_error::TxError;
use crate::documents::originals;
use crate::documents::rows::DocumentRow;

/// The maximum number of faults reported.
const MAX_FAULTS: usize = 100;

/// How long a copy waits for another process that locks the database file.
const BUSY: &str = "PRAGMA busy_timeout = 10000";

/// Compares the recorded number of vectors of each workspace with the rows found. Passages that are
/// searchable by words only (`passages::UNEMBEDDED`) have no vectors yet.
const COUNTS: &str = "\
    SELECT n.workspace_id AS id, n.vectors AS counted, COALESCE(f.passages, 0) AS passages,
        COALESCE(f.codes, 0) AS codes, COALESCE(f.vectors, 0) AS vectors
    FROM namespaces n
    LEFT JOIN (
        SELECT c.workspace_id, COUNT(v.chunk_id) AS vectors, COUNT(k.chunk_id) AS codes,
            COUNT(CASE WHEN w.recipe <> 'words' THEN 1 END) AS passages
        FROM chunks c
        JOIN workspace_documents w ON w.id = c.workspace_document_id
        LEFT JOIN vector_codes k ON k.chunk_id = c.id
        LEFT JOIN vectors v ON v.chunk_id = c.id
        GROUP BY c.workspace_id
    ) f ON f.workspace_id = n.workspace_id
    ORDER BY n.workspace_id";

/// Gives a copy its own name. Otherwise a database restored from the copy would overwrite the
/// vectors of the original, or of another restored copy, in a vector database that they share.
const RENAME: &str = "UPDATE vector_name SET name = lower(hex(randomblob(8)))";

/// Counts passages of workspaces without a row in `namespaces`, which [`COUNTS`] does not cover.
const STRAYS: &str = "\
    SELECT COUNT(*) AS n FROM chunks c
    WHERE NOT EXISTS (SELECT 1 FROM namespaces n WHERE n.workspace_id = c.workspace_id)";

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

#[derive(QueryableByName)]
struct Counts {
    #[diesel(sql_type = diesel::sql_types::Integer)]
    id: i32,
    #[diesel(sql_type = BigInt)]
    counted: i64,
    #[diesel(sql_type = BigInt)]
    passages: i64,
    #[diesel(sql_type = BigInt)]
    codes: i64,
    #[diesel(sql_type = BigInt)]
    vectors: i64,
}

#[derive(QueryableByName)]
struct Checked {
    #[diesel(sql_type = Text)]
    integrity_check: String,
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

#[async_trait]
impl Inventory for Database {
    async fn documents(&self, after: Option<&DocumentPath>, limit: u32) -> Result<Vec<Document>> {
        let after = after.cloned();
        self.read(move |conn| documents_after(conn, after.as_ref(), limit)).await
    }

    async fn originals(&self, after: Option<OriginalName>, limit: u32) -> Result<Vec<Original>> {
        self.read(move |conn| originals::kept_after(conn, after, limit)).await
    }

    async fn faults(&self) -> Result<Vec<String>> {
        self.snapshot(faults).await
    }
}

fn documents_after(
    conn: &mut AnyConnection,
    after: Option<&DocumentPath>,
    limit: u32,
) -> Result<Vec<Document>, TxError> {
    let after = after.map(|path| (path.folder().to_owned(), path.name().to_owned()));
    let (folder, name) = after.unwrap_or_default();
    let above = documents::folder
        .gt(folder.clone())
        .or(documents::folder.eq(folder).and(documents::name.gt(name)));
    let rows: Vec<DocumentRow> = documents::table
        .filter(above)
        .order((documents::folder, documents::name))
        .limit(limit.into())
        .select(DocumentRow::as_select())
        .load(conn)?;
    Ok(rows.into_iter().map(Document::try_from).collect::<Result<_>>()?)
}

fn faults(conn: &mut AnyConnection) -> Result<Vec<String>, TxError> {
    let mut faults = Vec::new();
    if matches!(conn, AnyConnection::Sqlite(_)) {
        faults.extend(damage(conn)?);
    }
    faults.extend(miscounts(conn)?);
    faults.truncate(MAX_FAULTS);
    Ok(faults)
}

/// Returns the faults that SQLite finds in its file.
fn damage(conn: &mut AnyConnection) -> Result<Vec<String>, TxError> {
    let check = format!("PRAGMA integrity_check({MAX_FAULTS})");
    let lines: Vec<Checked> = sql_query(check).load(conn)?;
    let lines = lines.into_iter().map(|found| found.integrity_check).filter(|line| line != "ok");
    let mut faults: Vec<_> = lines.map(|line| format!("the database file: {line}")).collect();
    let check = format!(
        "SELECT \"table\" || ' refers to a row of ' || parent || ' that does not exist' AS line \
         FROM pragma_foreign_key_check LIMIT {MAX_FAULTS}"
    );
    let lines: Vec<Line> = sql_query(check).load(conn)?;
    faults.extend(lines.into_iter().map(|found| format!("a row of {}", found.line)));
    Ok(faults)
}

fn miscounts(conn: &mut AnyConnection) -> Result<Vec<String>, TxError> {
    let counts: Vec<Counts> = sql_query(COUNTS).load(conn)?;
    let differ = counts.into_iter().filter(|count| {
        [count.passages, count.codes, count.vectors].iter().any(|found| *found != count.counted)
    });
    let mut faults: Vec<_> = differ
        .map(|Counts { id, counted, passages, codes, vectors }| {
            format!(
                "workspace {id} counts {counted} vectors and has {passages} passages, {codes} \
                 codes and {vectors} vectors"
            )
        })
        .collect();
    let strays: Vec<Count> = sql_query(STRAYS).load(conn)?;
    let strays = strays.first().map_or(0, |count| count.n);
    if strays > 0 {
        faults.push(format!("{strays} passages belong to workspaces without a vector count"));
    }
    Ok(faults)
}

impl Database {
    /// Gives a SQLite database a new unique name, which a copy needs before it is used. Copies of
    /// PostgreSQL databases are made and renamed by other tools.
    ///
    /// # Errors
    /// Fails if the write fails, and always on PostgreSQL.
    pub async fn change_installation_id(&self) -> Result<()> {
        self.write(|conn| Ok(sql_query(RENAME).execute(conn).map(drop)?)).await
    }
}

#[async_trait]
impl Copies for Database {
    async fn copy_to(&self, to: &Path) -> Result<Option<Arc<dyn Inventory>>> {
        let Some(from) = self.file().map(str::to_owned) else { return Ok(None) };
        let to = to.to_str().map(str::to_owned);
        let to = to.ok_or_else(|| Error::invalid("path", "must be UTF-8"))?;
        // Uses its own connection, because a copy may take minutes and the pool has few
        // connections.
        let copy = move || {
            let failed = |error: diesel::result::Error| Error::from(TxError::from(error));
            let mut conn = SqliteConnection::establish(&from).map_err(Error::internal)?;
            conn.batch_execute(BUSY).map_err(failed)?;
            let copy = sql_query("VACUUM INTO ?").bind::<Text, _>(&to);
            copy.execute(&mut conn).map_err(failed)?;
            let mut copy = SqliteConnection::establish(&to).map_err(Error::internal)?;
            copy.batch_execute(RENAME).map_err(failed)?;
            Ok::<_, Error>(FileCopy(Arc::new(Mutex::new(AnyConnection::Sqlite(copy)))))
        };
        let copy = tokio::task::spawn_blocking(copy).await.map_err(Error::internal)??;
        Ok(Some(Arc::new(copy)))
    }
}

/// A copy of a database. It is only read from here on, so no journal appears beside its file.
#[derive(Clone)]
struct FileCopy(Arc<Mutex<AnyConnection>>);

impl FileCopy {
    async fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut AnyConnection) -> Result<T, TxError> + Send + 'static,
    ) -> Result<T> {
        let copy = self.clone();
        let read = move || {
            let mut conn = copy.0.lock().unwrap_or_else(PoisonError::into_inner);
            Ok(query(&mut conn)?)
        };
        tokio::task::spawn_blocking(read).await.map_err(Error::internal)?
    }
}

#[async_trait]
impl Inventory for FileCopy {
    async fn documents(&self, after: Option<&DocumentPath>, limit: u32) -> Result<Vec<Document>> {
        let after = after.cloned();
        self.read(move |conn| documents_after(conn, after.as_ref(), limit)).await
    }

    async fn originals(&self, after: Option<OriginalName>, limit: u32) -> Result<Vec<Original>> {
        self.read(move |conn| originals::kept_after(conn, after, limit)).await
    }

    async fn faults(&self) -> Result<Vec<String>> {
        self.read(faults).await
    }
}
