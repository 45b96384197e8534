//! Lists of documents by title, one page at a time.
use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{DocumentId, DocumentPath, Folder, Page, Result, Warnings, WorkspaceId};

/// The part of a title that queries compare, in characters.
pub const LONGEST_TITLE_QUERY: usize = 200;

/// The documents a query searches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DocumentScope {
    /// The whole library.
    Everything,
    /// One folder.
    Folder(Folder),
    /// One workspace.
    Workspace(WorkspaceId),
}

/// A search for documents by title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentQuery {
    /// The folder or workspace to list.
    pub scope: DocumentScope,
    /// Part of the title in any case; an empty text matches every document.
    pub title: String,
}

/// Returns a title, or part of one, in the form queries compare: lower case, cut to
/// [`LONGEST_TITLE_QUERY`].
pub fn comparable(title: &str) -> String {
    title.to_lowercase().chars().take(LONGEST_TITLE_QUERY).collect()
}

/// A document as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentSummary {
    /// See [`crate::document::Document::id`].
    pub id: DocumentId,
    /// The path of its file.
    pub path: DocumentPath,
    /// The title as given.
    pub title: String,
    /// See [`crate::document::Document::words`].
    pub words: i32,
    /// See [`crate::document::Document::tokens`].
    pub tokens: i32,
    /// See [`crate::document::Document::warnings`].
    pub warnings: Warnings,
    /// When it was added to the library, or to the workspace of the query.
    pub added_at: DateTime<Utc>,
    /// Whether it is pinned in the workspace of the query.
    pub is_pinned: bool,
    /// The workspaces it is in, by id.
    pub workspaces: Vec<WorkspaceId>,
}

impl DocumentSummary {
    /// About how many words a person would count: writing without spaces between words, and tables, have few
    /// pieces between spaces.
    pub fn estimated_words(&self) -> i32 {
        self.words.max(words_from_tokens(self.tokens))
    }
}

/// About how many words so many tokens are.
pub fn words_from_tokens(tokens: i32) -> i32 {
    tokens / 4 * 3
}

/// Lists documents. Each method is one transaction. Without a title, it reads only the rows it
/// returns.
#[async_trait]
pub trait DocumentList: Send + Sync {
    /// Returns `limit` documents after the first `offset`, newest first.
    async fn list(
        &self,
        query: &DocumentQuery,
        offset: u64,
        limit: u32,
    ) -> Result<Page<DocumentSummary>>;
    /// Returns folders by name with the number of documents in each.
    async fn counted_folders(&self, offset: u64, limit: u32) -> Result<Vec<(Folder, u64)>>;
    /// Returns the titles of the documents that exist.
    async fn titles(&self, of: &[DocumentPath]) -> Result<HashMap<DocumentPath, String>>;
    /// Returns the workspaces that contain a document, by id.
    async fn workspaces_of(&self, of: DocumentId) -> Result<Vec<WorkspaceId>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_compared_in_small_letters_of_any_script() {
        assert_eq!(comparable("Über ÄRGER.txt"), "über ärger.txt");
        assert_eq!(comparable(&"É".repeat(500)).chars().count(), LONGEST_TITLE_QUERY);
    }
}
