//! What a vector database has to be able to do, in the terms of the databases: named places that
//! hold points. What that means for searches is decided in [`crate::synced`].
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;
use carrel_domain::vector::{NamespaceVersion, VectorRow};
use carrel_domain::{ChunkId, DocumentSelection, Error, Result, WorkspaceDocumentId, WorkspaceId};
use serde_json::{Value, json};

/// The lengths that the vectors of a workspace have: one, or several while its documents are
/// embedded anew by another model.
pub type Dimensions = BTreeSet<usize>;

/// How far a store has come with a workspace, kept in the store itself: one that is emptied, or
/// that others fill too, always says so truly.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watermark {
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

impl Watermark {
    /// Whether a search by this state finds what had been committed by the other.
    pub fn covers(&self, version: NamespaceVersion) -> bool {
        let ours = self.version;
        ours.additions >= version.additions && ours.removals >= version.removals
    }
}

/// What is to go.
#[derive(Clone, Copy, Debug)]
pub enum Tombstones<'a> {
    Documents(&'a [WorkspaceDocumentId]),
    Chunks(&'a [ChunkId]),
}

/// What one question to a store may ask for.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The most candidates it names.
    pub candidates: usize,
    /// The most documents that may be named to it.
    pub documents: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { candidates: 5_000, documents: 1_000 }
    }
}

/// A vector database. Every method may be repeated; a place that is not there is an empty one.
///
/// [`Error::Unavailable`] when it does not answer, refuses the key, or answers something else:
/// always with words that help who set it up. When it does answer, and only refuses what it was
/// asked, the error is one of [`refusal`]; one of [`busy`] when it could not be asked in time.
#[async_trait]
pub trait Store: Send + Sync {
    /// What people call it.
    fn name(&self) -> &'static str;
    /// What [`Store::nearest`] may be asked for.
    fn limits(&self) -> Limits {
        Limits::default()
    }
    /// Returns when searches find what this process has stored of the workspace, and nothing that it
    /// has taken out. Most stores answer a change no sooner, and have nothing to wait for; where
    /// that is not so, the watermark is moved only after this.
    async fn settle(&self, _within: WorkspaceId, _of: &Dimensions) -> Result<()> {
        Ok(())
    }
    async fn watermarks(&self) -> Result<Vec<(WorkspaceId, Watermark)>>;
    async fn watermark(&self, within: WorkspaceId) -> Result<Option<Watermark>>;
    async fn set_watermark(&self, within: WorkspaceId, watermark: &Watermark) -> Result<()>;
    /// Stores vectors of one length, in the place of those with the same chunks.
    async fn put(&self, within: WorkspaceId, dimensions: usize, rows: &[VectorRow]) -> Result<()>;
    /// Takes at most some hundred out.
    async fn remove(
        &self,
        within: WorkspaceId,
        of: &Dimensions,
        tombstones: Tombstones<'_>,
    ) -> Result<()>;
    /// Takes all vectors out, then the watermark.
    async fn clear(&self, within: WorkspaceId, of: &Dimensions) -> Result<()>;
    async fn count(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64>;
    /// As [`Store::count`], but given up before whoever searches is tired of waiting.
    async fn count_soon(&self, within: WorkspaceId, of: &Dimensions) -> Result<u64> {
        self.count(within, of).await
    }
    /// All chunks it holds vectors of, in any order.
    async fn chunks(&self, within: WorkspaceId, of: &Dimensions) -> Result<Vec<ChunkId>>;
    /// About the nearest by cosine, in any order. [`Store::limits`] bounds `limit` and how
    /// many documents `among` names, which is one at the least, or all.
    async fn nearest(
        &self,
        within: WorkspaceId,
        to: &[f32],
        limit: usize,
        among: DocumentSelection<&[WorkspaceDocumentId]>,
    ) -> Result<Vec<ChunkId>>;
}

/// What stands behind the error of a store of which nothing is wrong but that it has not done what
/// it was asked.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Answered,
    NotAsked,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Answered => "it answers, and refuses this request",
            Self::NotAsked => "others are asking it, so this request was not made",
        })
    }
}

impl std::error::Error for Refusal {}

/// A store will not do this: which says something of the workspace, and nothing of the store.
pub fn refusal(store: &'static str, reason: impl Into<Cow<'static, str>>) -> Error {
    refused(store, reason.into(), Refusal::Answered)
}

/// A refusal on our side: too many others are asking the store for this to have its turn. It says
/// nothing of the store, not even that it answers.
pub fn busy(store: &'static str, reason: impl Into<Cow<'static, str>>) -> Error {
    refused(store, reason.into(), Refusal::NotAsked)
}

fn refused(service: &'static str, reason: Cow<'static, str>, why: Refusal) -> Error {
    Error::Unavailable { service, reason, source: Some(Box::new(why)) }
}

/// Whether the error is one of [`refusal`] or [`busy`].
pub fn is_refusal(error: &Error) -> bool {
    why(error).is_some()
}

/// Whether the error is one of [`busy`].
pub fn is_busy(error: &Error) -> bool {
    why(error) == Some(&Refusal::NotAsked)
}

fn why(error: &Error) -> Option<&Refusal> {
    match error {
        Error::Unavailable { source: Some(source), .. } => source.downcast_ref(),
        _ => None,
    }
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

/// A vector for what has none, where a store keeps nothing without: one along the first axis.
pub(crate) fn unit(dimensions: usize) -> Vec<f32> {
    let mut unit = vec![0.0; dimensions];
    if let Some(first) = unit.first_mut() {
        *first = 1.0;
    }
    unit
}

/// A watermark as stores of JSON keep it.
pub(crate) fn said_of(watermark: &Watermark) -> Value {
    json!({
        "additions": watermark.version.additions,
        "removals": watermark.version.removals,
        "last": watermark.last,
        "left_out": watermark.left_out,
        "vectors": watermark.vectors,
        "dimensions": listed(&watermark.dimensions),
    })
}

/// What [`said_of`] said; `None` for anything else.
pub(crate) fn watermark_of(said: &Value) -> Option<Watermark> {
    let number = |name: &str| said[name].as_i64();
    Some(Watermark {
        version: NamespaceVersion {
            additions: number("additions")?,
            removals: number("removals")?,
        },
        last: number("last")?,
        left_out: number("left_out")?.try_into().ok()?,
        vectors: number("vectors")?.try_into().ok()?,
        dimensions: unlisted(said["dimensions"].as_str()?),
    })
}
