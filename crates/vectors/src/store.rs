//! The interface to vector databases, in their terms: collections of points. [`crate::synced`]
//! implements searches with it.
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use carrel_domain::vector::{NamespaceVersion, VectorRow};
use carrel_domain::{ChunkId, DocumentSelection, Error, Result, WorkspaceDocumentId, WorkspaceId};
use serde_json::{Value, json};

/// The lengths of a workspace's vectors: usually one, and several while its documents are indexed
/// again with another model.
pub type Dimensions = BTreeSet<usize>;

/// How far a store is in sync with a workspace. It is stored in the vector database itself, so it
/// stays correct if that is emptied or filled by another process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watermark {
    /// The version of the database whose vectors the store contains completely.
    pub version: NamespaceVersion,
    /// All chunks up to this id are stored, even those of later versions.
    pub last: i64,
    /// Number of chunks that no store can contain, because their vectors are empty or have values
    /// that are not finite.
    pub left_out: u64,
    /// Number of vectors in the store at the last count.
    pub vectors: u64,
    /// All lengths of vectors that the store may contain.
    pub dimensions: Dimensions,
}

impl Watermark {
    /// Returns true if a search in this state finds everything that was committed in the other.
    pub fn covers(&self, version: NamespaceVersion) -> bool {
        let synced = self.version;
        synced.additions >= version.additions && synced.removals >= version.removals
    }
}

/// The vectors to delete.
#[derive(Clone, Copy, Debug)]
pub enum Tombstones<'a> {
    Documents(&'a [WorkspaceDocumentId]),
    Chunks(&'a [ChunkId]),
}

impl Tombstones<'_> {
    /// Returns the field that identifies what to delete, `document` or `chunk`, and its values.
    pub fn field(self) -> (&'static str, Vec<i64>) {
        match self {
            Self::Documents(documents) => {
                ("document", documents.iter().map(|document| document.0).collect())
            }
            Self::Chunks(chunks) => ("chunk", chunks.iter().map(|chunk| chunk.0).collect()),
        }
    }
}

/// Limits of a single search request.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Maximum number of candidates that a search returns.
    pub candidates: usize,
    /// Maximum number of documents that a request may list.
    pub documents: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { candidates: 5_000, documents: 1_000 }
    }
}

/// A vector database. All methods are idempotent, and a missing collection counts as empty.
///
/// Methods return [`Error::Unavailable`] if the store does not answer, refuses the key, or sends an
/// unexpected response. The message tells the operator what to do. The error is a [`refusal`] if
/// the store answers but refuses this request, and [`busy`] if the request could not be sent in
/// time.
/// [`refusal`]; if the request could not be sent in time, it is [`busy`].
#[async_trait]
pub trait Store: Send + Sync {
    /// Returns the store's display name.
    fn name(&self) -> &'static str;
    /// Returns the limits of [`Store::nearest`].
    fn limits(&self) -> Limits {
        Limits::default()
    }
    /// Waits until searches see all changes of this process in the workspace. Most stores
    /// acknowledge a change only when it is visible and need no wait. For the others, the watermark
    /// advances only after this call.
    async fn wait_until_visible(&self, _within: WorkspaceId, _of: &Dimensions) -> Result<()> {
        Ok(())
    }
    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>>;
    async fn watermark(&self, within: WorkspaceId) -> Result<Option<Watermark>>;
    async fn set_watermark(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()>;
    /// Stores vectors of one length. Replaces existing vectors of the same chunks.
    async fn put(&self, within: WorkspaceId, dimensions: usize, rows: &[VectorRow]) -> Result<()>;
    /// Removes at most a few hundred documents or chunks.
    async fn remove(
        &self,
        within: WorkspaceId,
        of: &Dimensions,
        tombstones: Tombstones<'_>,
    ) -> Result<()>;
    /// Removes all vectors of the workspace, then its watermark.
    async fn clear(&self, within: WorkspaceId, of: &Dimensions) -> Result<()>;
    async fn count(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64>;
    /// Like [`Store::count`], but with a shorter timeout than a search.
    async fn count_soon(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64> {
        self.count(within, of).await
    }
    /// Returns all chunks that have vectors here, in any order.
    async fn chunks(&self, within: WorkspaceId, of: &Dimensions) -> Result<Vec<ChunkId>>;
    /// Returns approximately the nearest chunks by cosine similarity, in any order.
    /// [`Store::limits`] bounds `limit` and the number of documents in `among`. A list in `among`
    /// is not empty.
    async fn nearest(
        &self,
        within: WorkspaceId,
        to: &[f32],
        limit: usize,
        among: DocumentSelection<&[WorkspaceDocumentId]>,
    ) -> Result<Vec<ChunkId>>;
}

/// The reason why a working store did not execute a request.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Answered,
    NotAsked,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "it refuses this request",
            Self::NotAsked => "it is busy, so this request was not sent",
        })
    }
}

impl std::error::Error for Refusal {}

/// Returns the error for a store that refuses a request. It concerns the workspace, not the store.
pub fn refusal(store: &'static str, reason: impl Into<Cow<'static, str>>) -> Error {
    refused(store, reason.into(), Refusal::Answered)
}

/// Returns the error for a request that was not sent, because too many others are waiting. It says
/// nothing about the store.
pub fn busy(store: &'static str, reason: impl Into<Cow<'static, str>>) -> Error {
    refused(store, reason.into(), Refusal::NotAsked)
}

fn refused(service: &'static str, reason: Cow<'static, str>, why: Refusal) -> Error {
    Error::Unavailable { service, reason, source: Some(Box::new(why)) }
}

/// Returns true if the error is a [`refusal`] or [`busy`].
pub fn is_refusal(error: &Error) -> bool {
    why(error).is_some()
}

/// Returns true if the error is [`busy`].
pub fn is_busy(error: &Error) -> bool {
    why(error) == Some(&Refusal::NotAsked)
}

fn why(error: &Error) -> Option<&Refusal> {
    match error {
        Error::Unavailable { source: Some(source), .. } => source.downcast_ref(),
        _ => None,
    }
}

/// Formats vector lengths as one text, for stores without lists.
pub fn listed(dimensions: &Dimensions) -> String {
    let texts: Vec<_> = dimensions.iter().map(usize::to_string).collect();
    texts.join(",")
}

/// Parses the output of [`listed`].
pub fn unlisted(text: &str) -> Dimensions {
    text.split(',').filter_map(|length| length.parse().ok()).collect()
}

/// Returns a unit vector along the first axis, for stores that require a vector in every record.
pub(crate) fn unit(dimensions: usize) -> Vec<f32> {
    let mut unit = vec![0.0; dimensions];
    if let Some(first) = unit.first_mut() {
        *first = 1.0;
    }
    unit
}

/// Converts a watermark to JSON.
pub(crate) fn watermark_json(watermark: &Watermark) -> Value {
    json!({
        "additions": watermark.version.additions,
        "removals": watermark.version.removals,
        "last": watermark.last,
        "left_out": watermark.left_out,
        "vectors": watermark.vectors,
        "dimensions": listed(&watermark.dimensions),
    })
}

/// Parses the output of [`watermark_json`]. Returns `None` for anything else.
pub(crate) fn watermark_of(value: &Value) -> Option<Watermark> {
    let number = |name: &str| value[name].as_i64();
    Some(Watermark {
        version: NamespaceVersion {
            additions: number("additions")?,
            removals: number("removals")?,
        },
        last: number("last")?,
        left_out: number("left_out")?.try_into().ok()?,
        vectors: number("vectors")?.try_into().ok()?,
        dimensions: unlisted(value["dimensions"].as_str()?),
    })
}
