//! Vectors as indexes read them.
use async_trait::async_trait;
use carrel_domain::vector::{Code, CodeRow, NamespaceVersion, VectorRows};
use carrel_domain::{ChunkId, Result, WorkspaceDocumentId, WorkspaceId};
use diesel::prelude::*;

use crate::Database;
use crate::connection::AnyConnection;
use crate::convert::{IDS_AT_ONCE, code_of, vector_of};
use crate::schema::{namespaces, vector_codes, vectors};

/// A workspace that is gone holds what one that was never filled holds: nothing.
fn version(conn: &mut AnyConnection, within: WorkspaceId) -> QueryResult<NamespaceVersion> {
    let found: Option<(i64, i64)> = namespaces::table
        .find(within.0)
        .select((namespaces::additions, namespaces::removals))
        .first(conn)
        .optional()?;
    let (additions, removals) = found.unwrap_or_default();
    Ok(NamespaceVersion { additions, removals })
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
        let wanted: Vec<i64> = chunks.iter().map(|chunk| chunk.0).collect();
        self.snapshot(move |conn| {
            let mut found = Vec::with_capacity(wanted.len());
            for some in wanted.chunks(IDS_AT_ONCE) {
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
}
