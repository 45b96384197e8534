//! PostgreSQL with the extension pgvector: a table of vectors and a table of watermarks.
mod connections;
mod tables;

use std::time::Duration;

use async_trait::async_trait;
use carrel_domain::vector::{NamespaceVersion, VectorRow};
use carrel_domain::{ChunkId, DocumentSelection, Error, Result, WorkspaceDocumentId, WorkspaceId};
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{Array, BigInt, Integer, Text};

use crate::store::{Dimensions, Store, Tombstones, Watermark, listed, unlisted};
use crate::synced::ANSWER;
use connections::Connections;
use tables::Tables;

pub(crate) const NAME: &str = "pgvector";

/// Time limit of a statement, including the wait for a connection.
const PATIENCE: Duration = Duration::from_secs(60);
/// Time limit of a search's statement. It is shorter than the search's own limit, so that the error
/// says that this workspace takes too long and not that the server is unreachable.
const SEARCH: Duration = ANSWER.saturating_sub(Duration::from_secs(1));

pub(crate) struct PgVector {
    connections: Connections,
    tables: Tables,
    installation: String,
}

#[derive(QueryableByName)]
struct MarkRow {
    #[diesel(sql_type = Integer)]
    workspace: i32,
    #[diesel(sql_type = BigInt)]
    additions: i64,
    #[diesel(sql_type = BigInt)]
    removals: i64,
    #[diesel(sql_type = BigInt)]
    last: i64,
    #[diesel(sql_type = BigInt)]
    left_out: i64,
    #[diesel(sql_type = BigInt)]
    vectors: i64,
    #[diesel(sql_type = Text)]
    dimensions: String,
}

impl MarkRow {
    fn read(self) -> (WorkspaceId, Watermark) {
        let Self { workspace, additions, removals, last, left_out, vectors, dimensions } = self;
        let version = NamespaceVersion { additions, removals };
        let (left_out, vectors) = (count(left_out), count(vectors));
        let dimensions = unlisted(&dimensions);
        (WorkspaceId(workspace), Watermark { version, last, left_out, vectors, dimensions })
    }
}

#[derive(QueryableByName)]
struct Number {
    #[diesel(sql_type = BigInt)]
    n: i64,
}

impl PgVector {
    /// `table` is the name of the table of vectors, optionally with a schema. The name of the
    /// watermark table adds the suffix `_marks`. Both tables are created on first use.
    ///
    /// # Errors
    /// Fails with [`Error::Unavailable`] if the name is not a valid table name.
    pub fn new(url: &str, table: &str, installation: &str) -> Result<Self> {
        let tables = Tables::named(table).ok_or_else(|| {
            let reason = "PGVECTOR_TABLE_NAME must be a name of at most 50 letters, digits and _, \
                 optionally after a schema and a dot";
            Error::unavailable(NAME, reason)
        })?;
        let connections = Connections::new(url, tables.preparation(), tables.probe());
        Ok(Self { connections, tables, installation: installation.to_owned() })
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut PgConnection, &Tables, &str) -> QueryResult<T> + Send + 'static,
    ) -> Result<T> {
        self.run_within(PATIENCE, work).await
    }

    async fn run_within<T: Send + 'static>(
        &self,
        limit: Duration,
        work: impl FnOnce(&mut PgConnection, &Tables, &str) -> QueryResult<T> + Send + 'static,
    ) -> Result<T> {
        let (tables, installation) = (self.tables.clone(), self.installation.clone());
        self.connections.run(limit, move |conn| work(conn, &tables, &installation)).await
    }

    async fn find_marks(
        &self,
        limit: Duration,
        within: Option<WorkspaceId>,
    ) -> Result<Vec<(WorkspaceId, Watermark)>> {
        self.run_within(limit, move |conn, tables, installation| {
            let watermarks = &tables.watermarks;
            let text = format!(
                "SELECT workspace, additions, removals, last, left_out, vectors, dimensions \
                 FROM {watermarks} WHERE installation = $1 AND ($2 < 0 OR workspace = $2)"
            );
            let query = sql_query(text).bind::<Text, _>(installation);
            let rows: Vec<MarkRow> =
                query.bind::<Integer, _>(within.map_or(-1, |within| within.0)).load(conn)?;
            Ok(rows.into_iter().map(MarkRow::read).collect())
        })
        .await
    }
}

#[async_trait]
impl Store for PgVector {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>> {
        self.find_marks(SEARCH, None).await
    }

    async fn watermark(&self, within: WorkspaceId) -> Result<Option<Watermark>> {
        Ok(self
            .find_marks(PATIENCE, Some(within))
            .await?
            .into_iter()
            .next()
            .map(|(_, watermark)| watermark))
    }

    async fn set_watermark(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()> {
        let Watermark { version, last, left_out, vectors, dimensions } = watermark.clone();
        self.run(move |conn, tables, installation| {
            sql_query(format!(
                "INSERT INTO {} VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
                 ON CONFLICT (installation, workspace) DO UPDATE SET additions = $3, \
                 removals = $4, last = $5, left_out = $6, vectors = $7, dimensions = $8",
                tables.watermarks
            ))
            .bind::<Text, _>(installation)
            .bind::<Integer, _>(within.0)
            .bind::<BigInt, _>(version.additions)
            .bind::<BigInt, _>(version.removals)
            .bind::<BigInt, _>(last)
            .bind::<BigInt, _>(i64::try_from(left_out).unwrap_or(i64::MAX))
            .bind::<BigInt, _>(i64::try_from(vectors).unwrap_or(i64::MAX))
            .bind::<Text, _>(listed(&dimensions))
            .execute(conn)
            .map(drop)
        })
        .await
    }

    async fn put(&self, within: WorkspaceId, dimensions: usize, rows: &[VectorRow]) -> Result<()> {
        let chunks: Vec<i64> = rows.iter().map(|row| row.chunk.0).collect();
        let documents: Vec<i64> = rows.iter().map(|row| row.document.0).collect();
        let vectors: Vec<String> = rows.iter().map(|row| text_of(&row.vector)).collect();
        self.run(move |conn, tables, installation| {
            sql_query(format!(
                "INSERT INTO {} (installation, workspace, chunk, document, dimensions, embedding) \
                 SELECT $1, $2, r.chunk, r.document, $3, r.embedding::vector \
                 FROM unnest($4, $5, $6) AS r (chunk, document, embedding) \
                 ON CONFLICT (installation, workspace, chunk) DO UPDATE SET \
                 document = EXCLUDED.document, dimensions = EXCLUDED.dimensions, \
                 embedding = EXCLUDED.embedding",
                tables.vectors
            ))
            .bind::<Text, _>(installation)
            .bind::<Integer, _>(within.0)
            .bind::<Integer, _>(length(dimensions))
            .bind::<Array<BigInt>, _>(chunks)
            .bind::<Array<BigInt>, _>(documents)
            .bind::<Array<Text>, _>(vectors)
            .execute(conn)
            .map(drop)
        })
        .await
    }

    async fn remove(
        &self,
        within: WorkspaceId,
        _: &Dimensions,
        tombstones: Tombstones<'_>,
    ) -> Result<()> {
        let (column, ids) = tombstones.field();
        self.run(move |conn, tables, installation| {
            let vectors = &tables.vectors;
            let text = format!(
                "DELETE FROM {vectors} WHERE installation = $1 AND workspace = $2 \
                 AND {column} = ANY($3)"
            );
            let query = sql_query(text).bind::<Text, _>(installation);
            let query = query.bind::<Integer, _>(within.0).bind::<Array<BigInt>, _>(ids);
            query.execute(conn).map(drop)
        })
        .await
    }

    async fn clear(&self, within: WorkspaceId, _: &Dimensions) -> Result<()> {
        self.run(move |conn, tables, installation| {
            for table in [&tables.vectors, &tables.watermarks] {
                sql_query(format!(
                    "DELETE FROM {table} WHERE installation = $1 AND workspace = $2"
                ))
                .bind::<Text, _>(installation)
                .bind::<Integer, _>(within.0)
                .execute(conn)?;
            }
            Ok(())
        })
        .await
    }

    async fn count(&self, within: WorkspaceId, _: &Dimensions) -> Result<u64> {
        self.counted(PATIENCE, within).await
    }

    async fn count_soon(&self, within: WorkspaceId, _: &Dimensions) -> Result<u64> {
        self.counted(SEARCH, within).await
    }

    async fn chunks(&self, within: WorkspaceId, _: &Dimensions) -> Result<Vec<ChunkId>> {
        Ok(self.numbers(PATIENCE, within, "chunk").await?.into_iter().map(ChunkId).collect())
    }

    /// Compares the query with every selected vector of the workspace, so the result is exact.
    async fn nearest(
        &self,
        within: WorkspaceId,
        to: &[f32],
        limit: usize,
        among: DocumentSelection<&[WorkspaceDocumentId]>,
    ) -> Result<Vec<ChunkId>> {
        let (size, to) = (length(to.len()), text_of(to));
        let (chosen, listed) = match among {
            DocumentSelection::All => ("$4 IS NOT NULL", &[][..]),
            DocumentSelection::Only(documents) => ("document = ANY($4)", documents),
            DocumentSelection::Except(documents) => ("document <> ALL($4)", documents),
        };
        let listed: Vec<i64> = listed.iter().map(|document| document.0).collect();
        self.run_within(SEARCH, move |conn, tables, installation| {
            let vectors = &tables.vectors;
            let text = format!(
                "SELECT chunk AS n FROM {vectors} WHERE installation = $1 AND workspace = $2 \
                 AND dimensions = $3 AND {chosen} ORDER BY embedding <=> $5::vector LIMIT $6"
            );
            let found: Vec<Number> = sql_query(text)
                .bind::<Text, _>(installation)
                .bind::<Integer, _>(within.0)
                .bind::<Integer, _>(size)
                .bind::<Array<BigInt>, _>(listed)
                .bind::<Text, _>(to)
                .bind::<BigInt, _>(i64::try_from(limit).unwrap_or(i64::MAX))
                .load(conn)?;
            Ok(found.into_iter().map(|row| ChunkId(row.n)).collect())
        })
        .await
    }
}

impl PgVector {
    async fn counted(&self, limit: Duration, within: WorkspaceId) -> Result<u64> {
        let found = self.numbers(limit, within, "COUNT(*)").await?;
        Ok(found.first().map_or(0, |n| count(*n)))
    }

    /// Returns the values of an expression over the vectors of a workspace.
    async fn numbers(
        &self,
        limit: Duration,
        within: WorkspaceId,
        expression: &'static str,
    ) -> Result<Vec<i64>> {
        self.run_within(limit, move |conn, tables, installation| {
            let vectors = &tables.vectors;
            let text = format!(
                "SELECT {expression} AS n FROM {vectors} WHERE installation = $1 AND workspace = $2"
            );
            let query = sql_query(text).bind::<Text, _>(installation);
            let found: Vec<Number> = query.bind::<Integer, _>(within.0).load(conn)?;
            Ok(found.into_iter().map(|row| row.n).collect())
        })
        .await
    }
}

fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

fn length(dimensions: usize) -> i32 {
    i32::try_from(dimensions).unwrap_or(i32::MAX)
}

/// Formats a vector for pgvector.
fn text_of(vector: &[f32]) -> String {
    let values: Vec<_> = vector.iter().map(f32::to_string).collect();
    format!("[{}]", values.join(","))
}
