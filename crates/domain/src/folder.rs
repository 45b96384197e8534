//! The catalogue: folders, and what lists of documents tell of each.
mod texts;

use async_trait::async_trait;

use crate::audit::Event;
use crate::document::Published;
use crate::library::RemovedDocument;
use crate::{DocumentId, DocumentPath, Error, Folder, Result, WorkspaceId};

pub use texts::{Packed, Texts};

/// A document as lists show it.
#[derive(Clone, Debug, PartialEq)]
pub struct ListedDocument {
    /// See [`crate::document::Document::id`].
    pub id: DocumentId,
    /// Its texts, packed.
    pub texts: Packed,
    /// When the original was made.
    pub published: Published,
    /// See [`crate::document::Document::words`].
    pub words: i32,
    /// See [`crate::document::Document::tokens`].
    pub tokens: i32,
    /// Whether it is in any workspace.
    pub is_placed: bool,
    /// Workspaces in which it is pinned, by id.
    pub pinned_in: Vec<WorkspaceId>,
    /// Whether a client has marked it as watched in any workspace.
    pub is_watched: bool,
}

impl ListedDocument {
    /// Its texts.
    pub fn texts(&self) -> Texts<'_> {
        self.texts.texts()
    }

    /// The path of its file. [`crate::Error::Internal`] when the database holds a path that no
    /// parser lets pass.
    pub fn path(&self) -> Result<DocumentPath> {
        let Texts { folder, name, .. } = self.texts();
        DocumentPath::new(folder, name).map_err(Error::internal)
    }
}

/// The position in a list of documents. Documents come by folder and name, both in the order of
/// their bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListPosition {
    /// In a folder, from its first document or after a name.
    In {
        /// The folder.
        folder: Folder,
        /// Only names after this one.
        after: Option<String>,
    },
    /// In every folder but the default one, from the first document or after a path.
    Elsewhere {
        /// Only paths after this one.
        after: Option<DocumentPath>,
    },
}

/// Stores folders and the documents in them. Each method is one transaction.
#[async_trait]
pub trait Folders: Send + Sync {
    /// Every folder, by name.
    async fn folders(&self) -> Result<Vec<Folder>>;
    /// How many documents a folder holds; `None` when there is no such folder.
    async fn documents_in(&self, folder: &Folder) -> Result<Option<u64>>;
    /// `limit` documents, leaving out the first `offset` of them.
    async fn list(
        &self,
        from: &ListPosition,
        offset: u64,
        limit: u32,
    ) -> Result<Vec<ListedDocument>>;
    /// Returns those paths that belong to a document.
    async fn existing(&self, paths: &[DocumentPath]) -> Result<Vec<DocumentPath>>;
    /// Returns those paths whose document is in a workspace.
    async fn in_workspaces(&self, paths: &[DocumentPath]) -> Result<Vec<DocumentPath>>;
    /// The document of that file name; the first by folder, where several have it.
    async fn by_name(&self, name: &str) -> Result<Option<ListedDocument>>;
    /// The document of an id; `None` when there is none.
    async fn by_id(&self, id: DocumentId) -> Result<Option<ListedDocument>>;
    /// [`crate::Error::AlreadyExists`] when there is one of that name.
    async fn create_folder(&self, folder: &Folder, event: Event) -> Result<()>;
    /// Removes a folder with its documents, those with every trace of them as
    /// [`crate::library::Documents::remove`] does. `None` when there is no such folder.
    async fn remove_folder(
        &self,
        folder: &Folder,
        event: Event,
    ) -> Result<Option<Vec<RemovedDocument>>>;
    /// Gives documents other paths, all or none. Their new files are settled and their old ones
    /// noted as unsettled. [`crate::Error::NotFound`] for a document or folder that does not
    /// exist, [`crate::Error::AlreadyExists`] for a path that is taken.
    async fn relocate(&self, moves: &[DocumentMove], event: Event) -> Result<()>;
}

/// A document's way from one path to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentMove {
    /// The current path.
    pub from: DocumentPath,
    /// The new path.
    pub to: DocumentPath,
}
