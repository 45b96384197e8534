//! The catalogue: folders and the documents listed in them.
mod texts;

use async_trait::async_trait;

use crate::audit::Event;
use crate::document::Published;
use crate::library::RemovedDocument;
use crate::{DocumentId, DocumentPath, Error, Folder, Result, WorkspaceId};

pub use texts::{Packed, Texts};

/// A document in a list.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedDocument {
    /// See [`crate::document::Document::id`].
    pub id: DocumentId,
    /// The texts of the document, packed.
    pub texts: Packed,
    /// The publication time of the original.
    pub published: Published,
    /// See [`crate::document::Document::words`].
    pub words: i32,
    /// See [`crate::document::Document::tokens`].
    pub tokens: i32,
    /// Whether it is in any workspace.
    pub is_placed: bool,
    /// The workspaces in which it is pinned, by id.
    pub pinned_in: Vec<WorkspaceId>,
    /// Whether a client has marked it as watched in any workspace.
    pub is_watched: bool,
}

impl ListedDocument {
    /// Returns the texts.
    pub fn texts(&self) -> Texts<'_> {
        self.texts.texts()
    }

    /// Returns the path of the file. [`crate::Error::Internal`] if the database holds an invalid
    /// path.
    pub fn path(&self) -> Result<DocumentPath> {
        let Texts { folder, name, .. } = self.texts();
        DocumentPath::new(folder, name).map_err(Error::internal)
    }
}

/// A position in a list of documents. Documents are ordered by folder and name, both compared as
/// bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListPosition {
    /// In one folder, at its first document or after a name.
    In {
        /// The folder.
        folder: Folder,
        /// Return only names after this one.
        after: Option<String>,
    },
    /// In every folder except the default one, at the first document or after a path.
    Elsewhere {
        /// Return only paths after this one.
        after: Option<DocumentPath>,
    },
}

/// Stores folders and the documents in them. Each method is one transaction.
#[async_trait]
pub trait Folders: Send + Sync {
    /// Returns every folder, by name.
    async fn folders(&self) -> Result<Vec<Folder>>;
    /// Returns the number of documents in a folder. Returns `None` if the folder does not exist.
    async fn documents_in(&self, folder: &Folder) -> Result<Option<u64>>;
    /// Returns `limit` documents after skipping `offset`.
    async fn list(
        &self,
        from: &ListPosition,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<ListedDocument>>;
    /// Returns the paths that belong to a document.
    async fn existing(&self, paths: &[DocumentPath]) -> Result<Vec<DocumentPath>>;
    /// Returns the paths whose document is in a workspace.
    async fn in_workspaces(&self, paths: &[DocumentPath]) -> Result<Vec<DocumentPath>>;
    /// Returns the document with a file name. If several folders have one, the first by folder
    /// name.
    async fn by_name(&self, name: &str) -> Result<Option<ListedDocument>>;
    /// Returns the document with an id, if it exists.
    async fn by_id(&self, id: DocumentId) -> Result<Option<ListedDocument>>;
    /// Creates a folder. [`crate::Error::AlreadyExists`] if the name is taken.
    async fn create_folder(&self, folder: &Folder, event: Event) -> Result<()>;
    /// Deletes a folder with its documents, as [`crate::library::Documents::remove`] does. Returns
    /// `None` if the folder does not exist.
    async fn remove_folder(
        &self,
        folder: &Folder,
        event: Event,
    ) -> Result<Option<Vec<RemovedDocument>>>;
    /// Moves documents, all or none. Their new files become settled and their old files are
    /// recorded as pending. [`crate::Error::NotFound`] if a document or folder does not exist,
    /// [`crate::Error::AlreadyExists`] if a path is taken.
    async fn relocate(&self, moves: &[DocumentMove], event: Event) -> Result<()>;
}

/// A move of a document from one path to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentMove {
    /// The current path.
    pub from: DocumentPath,
    /// The new path.
    pub to: DocumentPath,
}
