//! What a vector database has to be able to do, in the terms of the databases: named places that
//! hold points. What that means for searches is decided in [`crate::mirror`].
use std::collections::BTreeSet;

use async_trait::async_trait;
use carrel_domain::vector::{NamespaceVersion, VectorRow};
use carrel_domain::{ChunkId, Result, WorkspaceDocumentId, WorkspaceId};

/// The lengths that the vectors of a workspace have: one, or several while its documents are
/// embedded anew by another model.
pub type Dimensions = BTreeSet<usize>;

/// How far a store has come with a workspace, kept in the store itself: one that is emptied, or
/// that others fill too, always says so truly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mark {
    /// The state of the database that the store holds all of and nothing more.
    pub version: NamespaceVersion,
    /// Chunks up to this one have been stored, also those of a later state.
    pub last: i64,
    /// How many of them no store can hold: without dimensions, or with values that are no numbers.
    pub left_out: u64,
    /// How many the store held when it was last counted.
    pub vectors: u64,
    /// All that the store may have vectors of.
    pub dimensions: Dimensions,
}

impl Mark {
    /// Whether a search by this state finds what had been committed by the other.
    pub fn covers(&self, version: NamespaceVersion) -> bool {
        let ours = self.version;
        ours.additions >= version.additions && ours.removals >= version.removals
    }
}

/// What is to go.
#[derive(Clone, Copy, Debug)]
pub enum Doomed<'a> {
    Documents(&'a [WorkspaceDocumentId]),
    Chunks(&'a [ChunkId]),
}

/// A vector database. Every method may be repeated; a place that is not there is an empty one.
///
/// [`carrel_domain::Error::Unavailable`] when it does not answer, refuses the key, or answers
/// something else: always with words that help who set it up.
#[async_trait]
pub trait Store: Send + Sync {
    /// What people call it.
    fn name(&self) -> &'static str;
    async fn marks(&self) -> Result<Vec<(WorkspaceId, Mark)>>;
    async fn mark(&self, within: WorkspaceId) -> Result<Option<Mark>>;
    async fn set_mark(&self, within: WorkspaceId, mark: &Mark) -> Result<()>;
    /// Stores vectors of one length, in the place of those with the same chunks.
    async fn put(&self, within: WorkspaceId, dimensions: usize, rows: &[VectorRow]) -> Result<()>;
    /// Takes at most some hundred out.
    async fn remove(&self, within: WorkspaceId, of: &Dimensions, doomed: Doomed<'_>) -> Result<()>;
    /// Takes all vectors out, then the mark.
    async fn clear(&self, within: WorkspaceId, of: &Dimensions) -> Result<()>;
    async fn count(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64>;
    /// All chunks it holds vectors of, in any order.
    async fn chunks(&self, within: WorkspaceId, of: &Dimensions) -> Result<Vec<ChunkId>>;
    /// About the nearest by cosine, in any order; `only` names some thousand documents at most.
    async fn nearest(
        &self,
        within: WorkspaceId,
        to: &[f32],
        limit: usize,
        only: Option<&[WorkspaceDocumentId]>,
    ) -> Result<Vec<ChunkId>>;
}

/// Lengths of vectors as one text, for stores that keep no lists.
pub fn listed(dimensions: &Dimensions) -> String {
    let texts: Vec<_> = dimensions.iter().map(usize::to_string).collect();
    texts.join(",")
}

/// What [`listed`] listed.
pub fn unlisted(text: &str) -> Dimensions {
    text.split(',').filter_map(|length| length.parse().ok()).collect()
}
