//! Lists of documents by title, one page at a time.
use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{DocumentId, DocumentPath, Folder, Page, Result, Warnings, WorkspaceId};

/// The number of characters of a title that queries compare.
pub const LONGEST_TITLE_QUERY: usize = 200;

/// The documents that a query lists.
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
    /// Part of the title, ignoring case. An empty text matches every document.
    pub title: String,
}

/// Returns a title, or part of one, in the form queries compare: lower case, cut to
/// [`LONGEST_TITLE_QUERY`].
pub fn comparable(title: &str) -> String {
    title.to_lowercase().chars().take(LONGEST_TITLE_QUERY).collect()
}

/// A document in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct DocumentSummary {
    /// See [`crate::document::Document::id`].
    pub id: DocumentId,
    /// The path of its file.
    pub path: DocumentPath,
    /// The title.
    pub title: String,
    /// See [`crate::document::Document::words`].
    pub words: i32,
    /// See [`crate::document::Document::tokens`].
    pub tokens: i32,
    /// See [`crate::document::Document::warnings`].
    pub warnings: Warnings,
    /// The time it was added to the library, or to the queried workspace.
    pub added_at: DateTime<Utc>,
    /// Whether it is pinned in the queried workspace.
    pub is_pinned: bool,
    /// The workspaces that contain it, by id.
    pub workspaces: Vec<WorkspaceId>,
}

impl DocumentSummary {
    /// Estimates the number of words as a person would count them. Tables and scripts without
    /// spaces have few space-separated words, so the token count sets a minimum.
    pub fn estimated_words(&self) -> i32 {
        self.words.max(words_from_tokens(self.tokens))
    }
}

/// Estimates the number of words from a number of tokens.
pub fn words_from_tokens(tokens: i32) -> i32 {
    tokens / 4 * 3
}

/// Lists documents. Each method is one transaction. Without a title filter, only the returned rows
/// are read.
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
    /// Returns the titles of those documents that exist.
    async fn titles(&self, of: &[DocumentPath]) -> Result<HashMap<DocumentPath, String>>;
    /// Returns the workspaces that contain a document, by id.
    async fn workspaces_of(&self, of: DocumentId) -> Result<Vec<WorkspaceId>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_compare_in_lower_case_in_any_script() {
        assert_eq!(comparable("Über ÄRGER.txt"), "über ärger.txt");
        assert_eq!(comparable(&"É".repeat(500)).chars().count(), LONGEST_TITLE_QUERY);
    }
}
