//! What people look through: documents by their titles, a page at a time.
use std::collections::HashMap;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::{DocumentId, DocumentPath, Folder, Result, WorkspaceId};

/// How much of a title is looked through, in characters.
pub const SOUGHT_TITLE: usize = 200;

/// Which documents somebody looks through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Among {
    Everything,
    Folder(Folder),
    Workspace(WorkspaceId),
}

/// What somebody looks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sought {
    pub among: Among,
    /// Some of the title, in any case; everything has an empty one.
    pub title: String,
}

/// A title, or some of one, as it is compared: in small letters, and no more than is looked through.
pub fn comparable(title: &str) -> String {
    title.to_lowercase().chars().take(SOUGHT_TITLE).collect()
}

/// A document as a shelf shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Shelved {
    pub id: DocumentId,
    pub path: DocumentPath,
    pub title: String,
    /// As [`crate::document::Document::words`].
    pub words: i32,
    /// When it was taken in, or placed in the workspace that is looked through.
    pub since: DateTime<Utc>,
    /// Whether it is pinned in the workspace that is looked through.
    pub is_pinned: bool,
    /// The workspaces it is in, by id.
    pub places: Vec<WorkspaceId>,
}

/// A page of what was found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shelf {
    /// How many there are on all pages.
    pub found: u64,
    pub documents: Vec<Shelved>,
}

/// Where documents are looked through. Each method is one transaction, and reads no more rows of
/// documents than it gives back, unless a title is looked for.
#[async_trait]
pub trait Shelves: Send + Sync {
    /// The newest first: `limit` documents, leaving out the first `offset` of them.
    async fn seek(&self, sought: &Sought, offset: u64, limit: u32) -> Result<Shelf>;
    /// Folders by name, with the number of documents in each.
    async fn counted_folders(&self, offset: u64, limit: u32) -> Result<Vec<(Folder, u64)>>;
    /// The titles of those documents that there are.
    async fn titles(&self, of: &[DocumentPath]) -> Result<HashMap<DocumentPath, String>>;
    /// The workspaces a document is in, by id.
    async fn places(&self, of: DocumentId) -> Result<Vec<WorkspaceId>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_compared_in_small_letters_of_any_script() {
        assert_eq!(comparable("Über ÄRGER.txt"), "über ärger.txt");
        assert_eq!(comparable(&"É".repeat(500)).chars().count(), SOUGHT_TITLE);
    }
}
