//! Reads vectors for vector indexes.
use async_trait::async_trait;
use carrel_domain::vector::{Code, CodeRow, NamespaceVersion, Tally, VectorRow, VectorRows};
use carrel_domain::{ChunkId, Error, Result, WorkspaceDocumentId, WorkspaceId};
use diesel::prelude::*;

use crate::Database;
use crate::database::connection::AnyConnection;
use crate::database::convert::{IDS_AT_ONCE, code_of, rows, vector_of};
use crate::database::schema::{namespaces, vector_codes, vector_name, vectors};

/// Returns the version of a workspace's vectors. A deleted workspace has the version of an empty
/// one.
fn version(conn: &mut AnyConnection, within: WorkspaceId) -> QueryResult<NamespaceVersion> {
    let found: Option<(i64, i64)> = namespaces::table
        .find(within.0)
        .select((namespaces::additions, namespaces::removals))
        .first(conn)
        .optional()?;
    let (additions, removals) = found.unwrap_or_default();
    Ok(NamespaceVersion { additions, removals })
}

/// The maximum bytes of full vectors read at once.
const MAX_BYTES: usize = 4 << 20;

/// Returns the version and the number of vectors.
fn tally(conn: &mut AnyConnection, within: WorkspaceId) -> QueryResult<Tally> {
    let found: Option<Row> = namespaces::table.find(within.0).first(conn).optional()?;
    Ok(found.map(|row| tally_of(row).1).unwrap_or_default())
}

/// A row of `namespaces`.
type Row = (i32, i64, i64, i64);

fn tally_of((id, additions, removals, vectors): Row) -> (WorkspaceId, Tally) {
    let version = NamespaceVersion { additions, removals };
    (WorkspaceId(id), Tally { version, vectors: u64::try_from(vectors).unwrap_or_default() })
}

/// Returns chunks of a workspace with ids above `after`, in order, each with its workspace
/// document.
fn above(
    conn: &mut AnyConnection,
    within: WorkspaceId,
    after: i64,
    limit: usize,
) -> QueryResult<Vec<(i64, i64)>> {
    vector_codes::table
        .filter(vector_codes::workspace_id.eq(within.0))
        .filter(vector_codes::chunk_id.gt(after))
        .order(vector_codes::chunk_id)
        .limit(rows(limit))
        .select((vector_codes::chunk_id, vector_codes::workspace_document_id))
        .load(conn)
}

#[async_trait]
impl VectorRows for Database {
    async fn version(&self, within: WorkspaceId) -> Result<NamespaceVersion> {
        self.read(move |conn| Ok(version(conn, within)?)).await
    }

    async fn codes(
        &self,
        within: WorkspaceId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<(NamespaceVersion, Vec<CodeRow>)> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        // Ids begin at 1.
        let after = after.map_or(0, |chunk| chunk.0);
        self.snapshot(move |conn| {
            let version = version(conn, within)?;
            let rows: Vec<(i64, i64, f32, Vec<u8>)> = vector_codes::table
                .filter(vector_codes::workspace_id.eq(within.0))
                .filter(vector_codes::chunk_id.gt(after))
                .order(vector_codes::chunk_id)
                .limit(limit)
                .select((
                    vector_codes::chunk_id,
                    vector_codes::workspace_document_id,
                    vector_codes::scale,
                    vector_codes::code,
                ))
                .load(conn)?;
            let rows = rows.into_iter().map(|(chunk, document, scale, code)| CodeRow {
                chunk: ChunkId(chunk),
                document: WorkspaceDocumentId(document),
                code: Code { scale, values: code_of(&code) },
            });
            Ok((version, rows.collect()))
        })
        .await
    }

    async fn vectors(&self, chunks: &[ChunkId]) -> Result<Vec<(ChunkId, Vec<f32>)>> {
        let ids: Vec<i64> = chunks.iter().map(|chunk| chunk.0).collect();
        self.snapshot(move |conn| {
            let mut found = Vec::with_capacity(ids.len());
            for some in ids.chunks(IDS_AT_ONCE) {
                let rows: Vec<(i64, Vec<u8>)> = vectors::table
                    .filter(vectors::chunk_id.eq_any(some.to_vec()))
                    .select((vectors::chunk_id, vectors::vector))
                    .load(conn)?;
                found.extend(
                    rows.into_iter().map(|(chunk, bytes)| (ChunkId(chunk), vector_of(&bytes))),
                );
            }
            Ok(found)
        })
        .await
    }

    async fn count(&self, within: Option<WorkspaceId>) -> Result<u64> {
        self.read(move |conn| {
            let counts: Vec<i64> = match within {
                Some(id) => namespaces::table.find(id.0).select(namespaces::vectors).load(conn)?,
                None => namespaces::table.select(namespaces::vectors).load(conn)?,
            };
            Ok(counts.into_iter().filter_map(|count| u64::try_from(count).ok()).sum())
        })
        .await
    }

    async fn name(&self) -> Result<String> {
        self.read(|conn| {
            let name: Option<String> =
                vector_name::table.select(vector_name::name).first(conn).optional()?;
            Ok(name.ok_or_else(|| Error::internal("the database has no name"))?)
        })
        .await
    }

    async fn vector_versions(&self) -> Result<Vec<(WorkspaceId, Tally)>> {
        self.read(|conn| {
            let found: Vec<Row> = namespaces::table.order(namespaces::workspace_id).load(conn)?;
            Ok(found.into_iter().map(tally_of).collect())
        })
        .await
    }

    async fn rows(
        &self,
        within: WorkspaceId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<(Tally, Vec<VectorRow>)> {
        let after = after.map_or(0, |chunk| chunk.0);
        self.snapshot(move |conn| {
            let tally = tally(conn, within)?;
            let (mut page, mut bytes) = (Vec::new(), 0);
            let chunks = above(conn, within, after, limit)?;
            for batch in chunks.chunks(16) {
                let ids: Vec<i64> = batch.iter().map(|(chunk, _)| *chunk).collect();
                let found: Vec<(i64, Vec<u8>)> = vectors::table
                    .filter(vectors::chunk_id.eq_any(ids))
                    .order(vectors::chunk_id)
                    .load(conn)?;
                for (chunk, vector) in found {
                    let at = batch.binary_search_by_key(&chunk, |(chunk, _)| *chunk);
                    let Some((_, document)) = at.ok().and_then(|at| batch.get(at)) else {
                        continue;
                    };
                    bytes += vector.len();
                    if bytes > MAX_BYTES && !page.is_empty() {
                        return Ok((tally, page));
                    }
                    page.push(VectorRow {
                        chunk: ChunkId(chunk),
                        document: WorkspaceDocumentId(*document),
                        vector: vector_of(&vector),
                    });
                }
            }
            Ok((tally, page))
        })
        .await
    }

    async fn chunks(
        &self,
        within: WorkspaceId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<Vec<ChunkId>> {
        let after = after.map_or(0, |chunk| chunk.0);
        self.read(move |conn| {
            let found = above(conn, within, after, limit)?;
            Ok(found.into_iter().map(|(chunk, _)| ChunkId(chunk)).collect())
        })
        .await
    }
}
