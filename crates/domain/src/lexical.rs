//! Full-text search: text analysis, and the port that finds passages by words.
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

/// The version of the text analysis. An index built by another version is rebuilt.
pub const VERSION: i32 = 2;

/// The maximum number of query words that are searched.
pub const MAX_QUERY_WORDS: usize = 32;

/// A query to the index.
#[derive(Clone, Copy, Debug)]
pub struct PostingsQuery<'a> {
    /// The workspace to search.
    pub workspace: WorkspaceId,
    /// Groups of terms, such as those of [`LexicalQuery`]. A passage matches a group if it contains
    /// all of its terms.
    pub groups: &'a [Vec<String>],
    /// The maximum number of passages per group.
    pub most: usize,
    /// The documents to search, in any order. Unknown ids are ignored.
    pub among: DocumentSelection<&'a [WorkspaceDocumentId]>,
}

/// The passages that match one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Postings {
    /// Chunk ids in ascending order.
    pub chunks: Vec<ChunkId>,
    /// Whether more passages match than were requested.
    pub cut: bool,
}

/// Finds passages by their words, one workspace at a time.
///
/// The index is part of the database and changes in the same transaction as the passages. A passage
/// matches by the words of its text and of its document's title. Queries have no syntax.
#[async_trait]
pub trait Lexical: Send + Sync {
    /// Returns the number of passages in the workspace, and the postings of each group in order.
    async fn postings(&self, query: PostingsQuery<'_>) -> Result<(u64, Vec<Postings>)>;
}
