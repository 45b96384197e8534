//! Vectors of passages, their compact codes, and the index that finds the nearest.
use async_trait::async_trait;

use crate::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId, WorkspaceId};

/// A vector reduced to one byte a dimension: `value[i]` is about `scale * code[i]`.
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
    /// The size of one step of the code, >= 0.
    pub scale: f32,
    /// One value for each dimension, -127 to 127.
    pub values: Vec<i8>,
}

impl Code {
    /// The code of `vector`; a vector of zeros has scale 0.
    pub fn of(vector: &[f32]) -> Self {
        let largest = vector.iter().fold(0f32, |largest, value| largest.max(value.abs()));
        if largest == 0.0 || !largest.is_finite() {
            return Self { scale: 0.0, values: vec![0; vector.len()] };
        }
        let scale = largest / 127.0;
        Self { scale, values: vector.iter().map(|value| (value / scale).round() as i8).collect() }
    }
}

/// What is asked of the index.
#[derive(Clone, Debug)]
pub struct VectorQuery<'a> {
    /// The workspace that is searched.
    pub within: WorkspaceId,
    /// The vector to compare with, as long as those of the workspace.
    pub to: &'a [f32],
    /// How many at most; applied after `least_similarity` and `among`.
    pub limit: usize,
    /// Only passages at least this similar, 0 to 1.
    pub least_similarity: f32,
    /// Only passages of these documents, in any order; those that are unknown count for nothing.
    pub among: DocumentSelection<&'a [WorkspaceDocumentId]>,
}

/// A passage and how similar it is: the cosine of the angle, clamped to 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Neighbour {
    /// The passage.
    pub chunk: ChunkId,
    /// 0 to 1; 1 is the same direction.
    pub similarity: f32,
}

/// Finds passages by vector, one workspace at a time.
///
/// The database is the truth: it holds every vector beside its passage. An index is told of each
/// change after it is committed, may be told twice, and must then agree with the database.
#[async_trait]
pub trait VectorIndex: Send + Sync {
    /// A document's passages have been added.
    async fn upsert(&self, within: WorkspaceId, document: WorkspaceDocumentId) -> Result<()>;
    /// Documents' passages have been removed.
    async fn remove(&self, within: WorkspaceId, documents: &[WorkspaceDocumentId]) -> Result<()>;
    /// A workspace is gone with all its passages.
    async fn drop_workspace(&self, within: WorkspaceId) -> Result<()>;
    /// How many vectors there are, in one workspace or in all.
    async fn count(&self, within: Option<WorkspaceId>) -> Result<u64>;
    /// How many vectors the index holds itself, asked of whatever it keeps them in. Says whether
    /// that answers; while it is being filled it holds fewer than there are.
    async fn stored_count(&self) -> Result<u64>;
    /// The nearest passages, nearest first.
    async fn nearest(&self, query: VectorQuery<'_>) -> Result<Vec<Neighbour>>;
    /// How similar passages are that were found in another way, in any order. Those that are gone
    /// or cannot be compared are left out.
    async fn similarity(&self, to: &[f32], chunks: &[ChunkId]) -> Result<Vec<Neighbour>>;
}

/// The state of a workspace's vectors in the database. Equal states hold equal vectors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NamespaceVersion {
    /// Grows with every document added. Chunks added later have larger ids.
    pub additions: i64,
    /// Grows with every document removed.
    pub removals: i64,
}

/// One stored code.
#[derive(Clone, Debug)]
pub struct CodeRow {
    /// The passage.
    pub chunk: ChunkId,
    /// The place of its document.
    pub document: WorkspaceDocumentId,
    /// Its code.
    pub code: Code,
}

/// What the vectors of a workspace amount to at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// The state at that moment.
    pub version: NamespaceVersion,
    /// How many there are.
    pub vectors: u64,
}

/// One stored vector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorRow {
    /// The passage.
    pub chunk: ChunkId,
    /// The place of its document.
    pub document: WorkspaceDocumentId,
    /// The vector as the embedder made it.
    pub vector: Vec<f32>,
}

/// Vectors as the database keeps them, for indexes that read it.
#[async_trait]
pub trait VectorRows: Send + Sync {
    /// The state of a workspace now. A workspace that is gone has the version of an empty one.
    async fn version(&self, within: WorkspaceId) -> Result<NamespaceVersion>;
    /// Codes of chunks above `after` by id, at most `limit`, and the version they belong to.
    async fn codes(
        &self,
        within: WorkspaceId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<(NamespaceVersion, Vec<CodeRow>)>;
    /// Whole vectors. Chunks that are gone are left out; the order is not that of `chunks`.
    async fn vectors(&self, chunks: &[ChunkId]) -> Result<Vec<(ChunkId, Vec<f32>)>>;
    /// How many vectors there are, in one workspace or in all.
    async fn count(&self, within: Option<WorkspaceId>) -> Result<u64>;
    /// A name that no other database has: lower-case letters and digits. It tells the vectors of
    /// those apart that share a store.
    async fn name(&self) -> Result<String>;
    /// Every workspace there is, with what its vectors amount to.
    async fn vector_versions(&self) -> Result<Vec<(WorkspaceId, Tally)>>;
    /// Whole vectors of chunks above `after` by id, at most `limit` and as many as fit into 4 MiB
    /// but at least one, and what all vectors of the workspace amounted to at that moment. A
    /// workspace that is gone has none.
    async fn rows(
        &self,
        within: WorkspaceId,
        after: Option<ChunkId>,
        limit: usize,
    ) -> Result<(Tally, Vec<VectorRow>)>;
    /// The ids of chunks above `after`, in their order, at most `limit`.
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
