//! Search by words: how a text is split into words, and the port that finds passages by them.
mod compounds;
mod fold;
mod language;
mod question;
mod terms;
mod words;

use async_trait::async_trait;

use crate::{ChunkId, DocumentSelection, Result, WorkspaceDocumentId, WorkspaceId};

pub use question::{LexicalQuery, Likeness, Matcher, Occurrence, Occurrences, QuestionWord};
pub use terms::{index_terms, rough_terms};

/// The version of the analysis. An index made by another version is filled again.
pub const VERSION: i32 = 2;

/// The most words of a query that are looked for.
pub const MOST_QUERY_WORDS: usize = 32;

/// What is asked of the index.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The workspace that is searched.
    pub within: WorkspaceId,
    /// Groups of terms, such as those of [`LexicalQuery`]. A passage belongs to a group when it holds all of
    /// its words.
    pub groups: &'a [Vec<String>],
    /// How many passages at most for each group.
    pub most: usize,
    /// Only passages of these documents, in any order; those that are unknown count for nothing.
    pub among: DocumentSelection<&'a [WorkspaceDocumentId]>,
}

/// The passages of one group, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Postings {
    /// By id, the smallest first.
    pub chunks: Vec<ChunkId>,
    /// There are more than were asked for.
    pub cut: bool,
}

/// Finds passages by the words they hold, one workspace at a time.
///
/// The index is part of the database: it is changed in the transaction that changes the passages. A
/// passage is found by the words of its text and of its document's title. Nothing in a query has a
/// meaning of its own to the index: there is no syntax.
#[async_trait]
pub trait Lexical: Send + Sync {
    /// How many passages the workspace has, and those of each group, in the order of the groups.
    async fn postings(&self, wanted: Wanted<'_>) -> Result<(u64, Vec<Postings>)>;
}
