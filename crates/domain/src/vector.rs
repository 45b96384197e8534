//! Vectors of passages, their compact codes, and the index that finds the nearest ones.
use async_trait::async_trait;

use crate::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId, WorkspaceId};

/// A vector quantized to one byte per dimension: `vector[i]` is about `scale * values[i]`.
///
/// ```
/// use carrel_domain::vector::Code;
///
/// let code = Code::of(&[0.5, -1.0, 0.0]);
/// assert_eq!(code.values, [64, -127, 0]);
/// assert!((code.scale * 64.0 - 0.5).abs() < code.scale);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Code {
    /// The quantization step, at least 0.
    pub scale: f32,
    /// One value per dimension, -127 to 127.
    pub values: Vec<i8>,
}

impl Code {
    /// Quantizes `vector`. A zero vector has scale 0.
    pub fn of(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        if largest == 0.0 || !largest.is_finite() {
            return Self { scale: 0.0, values: vec![0; vector.len()] };
        }
        let scale = largest / 127.0;
        Self { scale, values: vector.iter().map(|value| (value / scale).round() as i8).collect() }
    }
}

/// A query to a vector index.
#[derive(Clone, Debug)]
pub struct VectorQuery<'a> {
    /// The workspace to search.
    pub within: WorkspaceId,
    /// The query vector, with as many dimensions as those of the workspace.
    pub to: &'a [f32],
    /// The maximum number of results, applied after `least_similarity` and `among`.
    pub limit: usize,
    /// The minimum similarity, 0 to 1.
    pub least_similarity: f32,
    /// The documents to search, in any order. Unknown ids are ignored.
    pub among: DocumentSelection<&'a [WorkspaceDocumentId]>,
}

/// A passage and its similarity: the cosine, clamped to 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// The passage.
    pub chunk: ChunkId,
    /// The similarity, 0 to 1. 1 means the same direction.
    pub similarity: f32,
}

/// Finds passages by vector, one workspace at a time.
///
/// The database is authoritative: it stores every vector with its passage. An index is notified of
/// each change after the commit, possibly twice, and must then agree with the database.
#[async_trait]
pub trait VectorIndex: Send + Sync {
    /// Adds the passages of a document that has been stored.
    async fn upsert(&self, within: WorkspaceId, document: WorkspaceDocumentId) -> Result<()>;
    /// Removes the passages of documents that have been removed.
    async fn remove(&self, within: WorkspaceId, documents: &[WorkspaceDocumentId]) -> Result<()>;
    /// Removes a workspace that has been deleted.
    async fn drop_workspace(&self, within: WorkspaceId) -> Result<()>;
    /// Returns the number of vectors in one workspace or in all.
    async fn count(&self, within: Option<WorkspaceId>) -> Result<u64>;
    /// Returns the number of vectors in the index's own store. Fails if the store does not respond.
    /// The number is lower than that of the database while the index is being filled.
    async fn stored_count(&self) -> Result<u64>;
    /// Returns the nearest passages, nearest first.
    async fn nearest(&self, query: VectorQuery<'_>) -> Result<Vec<Neighbour>>;
    /// Returns the similarities of given passages, in any order. Skips passages that no longer
    /// exist or cannot be compared.
    async fn similarity(&self, to: &[f32], chunks: &[ChunkId]) -> Result<Vec<Neighbour>>;
}

/// The version of a workspace's vectors in the database. Equal versions hold equal vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamespaceVersion {
    /// Increases with every document added. Chunks added later have larger ids.
    pub additions: i64,
    /// Increases with every document removed.
    pub removals: i64,
}

/// A stored code.
#[derive(Clone, Debug)]
pub struct CodeRow {
    /// The passage.
    pub chunk: ChunkId,
    /// The workspace document.
    pub document: WorkspaceDocumentId,
    /// The code.
    pub code: Code,
}

/// The number of vectors of a workspace at one version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The version.
    pub version: NamespaceVersion,
    /// The number of vectors.
    pub vectors: u64,
}

/// A stored vector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorRow {
    /// The passage.
    pub chunk: ChunkId,
    /// The workspace document.
    pub document: WorkspaceDocumentId,
    /// The unmodified vector.
    pub vector: Vec<f32>,
}

/// Reads stored vectors, for indexes.
#[async_trait]
pub trait VectorRows: Send + Sync {
    /// Returns the current version of a workspace. A deleted workspace has the version of an empty
    /// one.
    async fn version(&self, within: WorkspaceId) -> Result<NamespaceVersion>;
    /// Returns at most `limit` codes by chunk id, starting after `after`, and their version.
    async fn codes(
        &self,
        within: WorkspaceId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<(NamespaceVersion, Vec<CodeRow>)>;
    /// Returns complete vectors in any order. Skips chunks that no longer exist.
    async fn vectors(&self, chunks: &[ChunkId]) -> Result<Vec<(ChunkId, Vec<f32>)>>;
    /// Returns the number of vectors in one workspace or in all.
    async fn count(&self, within: Option<WorkspaceId>) -> Result<u64>;
    /// Returns a globally unique name of this database: lower-case letters and digits. It separates
    /// the vectors of databases that share a store.
    async fn name(&self) -> Result<String>;
    /// Returns every workspace with the version and number of its vectors.
    async fn vector_versions(&self) -> Result<Vec<(WorkspaceId, Tally)>>;
    /// Returns complete vectors by chunk id, starting after `after`: at most `limit` and at most 4
    /// MiB, but at least one. Also returns the version and total number at that moment. A deleted
    /// workspace has none.
    async fn rows(
        &self,
        within: WorkspaceId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<(Tally, Vec<VectorRow>)>;
    /// Returns at most `limit` chunk ids in order, starting after `after`.
    async fn chunks(
        &self,
        within: WorkspaceId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<Vec<ChunkId>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_keeps_each_value_within_half_a_step() {
        let vector = [0.5, -1.0, 0.001, 0.0];
        let code = Code::of(&vector);
        for (value, byte) in vector.iter().zip(&code.values) {
            assert!((value - f32::from(*byte) * code.scale).abs() <= code.scale / 2.0 + 1e-6);
        }
        assert_eq!(Code::of(&[0.0; 3]), Code { scale: 0.0, values: vec![0; 3] });
    }
}
