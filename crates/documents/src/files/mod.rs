//! Stores the text of documents: one JSON file each, in an object store.
//!
//! By default the store is a local directory. People can read, copy and add files there, so the
//! content of files is not trusted.

mod json;
mod local;
pub mod originals;

use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use async_trait::async_trait;
use carrel_domain::document::{Document, DocumentFiles};
use carrel_domain::{DocumentPath, Error, Result};
use object_store::local::LocalFileSystem;
use object_store::{ObjectStore, ObjectStoreExt};

use crate::blocking;
use local::DocumentDirectory;

/// The default limit for the text of a document.
const LARGEST_TEXT: u64 = 256 << 20;
/// The maximum number of JSON bytes for one byte of text: `\u0001`.
const ESCAPED_BYTES: u64 = 6;
/// Room for everything but the text in a document's file.
const REST_BYTES: u64 = 1 << 20;

/// The files of documents in an object store.
#[derive(Clone, Debug)]
pub struct DocumentStore {
    store: Arc<dyn ObjectStore>,
    /// The directory of a local store.
    directory: Option<DocumentDirectory>,
    largest_text: u64,
}

impl DocumentStore {
    /// Keeps files in `store`, which must not support symbolic links. For a directory use
    /// [`DocumentStore::local`].
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, directory: None, largest_text: LARGEST_TEXT }
    }

    /// Keeps files in the directory `root`, which is created if needed, with the folder for
    /// uploads. `root` itself may be a symbolic link; nothing in it may.
    pub fn local(root: &Path) -> Result<Self> {
        let directory = DocumentDirectory::open(root)?;
        let store = LocalFileSystem::new_with_prefix(directory.root()).map_err(Error::internal)?;
        Ok(Self { store: Arc::new(store), directory: Some(directory), largest_text: LARGEST_TEXT })
    }

    /// Sets the limit of a document's text, in bytes; the default is 256 MiB.
    pub fn with_largest_text(self, bytes: u64) -> Self {
        Self { largest_text: bytes, ..self }
    }

    /// Deletes files that writes on this machine left unfinished before `before`, and returns their
    /// number. They are never read as documents, but take up space.
    pub async fn remove_unfinished(&self, before: SystemTime) -> Result<usize> {
        let Some(directory) = self.directory.clone() else { return Ok(0) };
        blocking(move || directory.remove_unfinished(before)).await
    }

    /// Refuses symbolic links. Returns whether the file exists.
    async fn check(&self, path: &DocumentPath) -> Result<bool> {
        let Some(directory) = self.directory.clone() else { return Ok(true) };
        let path = path.clone();
        blocking(move || directory.check(&path)).await
    }

    fn largest_file(&self) -> u64 {
        self.largest_text.saturating_mul(ESCAPED_BYTES).saturating_add(REST_BYTES)
    }
}

#[async_trait]
impl DocumentFiles for DocumentStore {
    async fn put(&self, document: &Document, text: &str) -> Result<()> {
        if text.len() as u64 > self.largest_text {
            let what = "the text of the document";
            return Err(Error::TooLarge { what, limit: self.largest_text });
        }
        let location = location(&document.path)?;
        let (document, text) = (document.clone(), text.to_owned());
        let directory = self.directory.clone();
        let file = blocking(move || {
            if let Some(directory) = directory {
                directory.check(&document.path)?;
            }
            json::write(&document, &text)
        });
        let file = file.await?;
        self.store.put(&location, file.into()).await.map_err(Error::of_file)?;
        Ok(())
    }

    async fn text(&self, path: &DocumentPath) -> Result<Option<String>> {
        let limit = self.largest_file();
        if let Some(directory) = self.directory.clone() {
            let path = path.clone();
            let text = move || {
                let file = directory.read(&path, limit)?;
                file.map(|file| json::text(&path, &file)).transpose()
            };
            return blocking(text).await;
        }
        let found = match self.store.get(&location(path)?).await {
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            found => found.map_err(Error::of_file)?,
        };
        if found.meta.size > limit {
            return Err(file_too_large(limit));
        }
        let file = found.bytes().await.map_err(Error::of_file)?;
        let path = path.clone();
        blocking(move || json::text(&path, &file)).await.map(Some)
    }

    async fn copy(&self, from: &DocumentPath, to: &DocumentPath) -> Result<()> {
        if !self.check(from).await? {
            return Err(Error::not_found("document", from));
        }
        self.check(to).await?;
        match self.store.copy_if_not_exists(&location(from)?, &location(to)?).await {
            Err(object_store::Error::NotFound { .. }) => Err(Error::not_found("document", from)),
            Err(object_store::Error::AlreadyExists { .. }) => {
                Err(Error::AlreadyExists { kind: "document", key: to.to_string() })
            }
            copied => copied.map_err(Error::of_file),
        }
    }

    async fn delete(&self, path: &DocumentPath) -> Result<()> {
        if let Some(directory) = self.directory.clone() {
            let path = path.clone();
            let is_there = blocking(move || {
                let is_there = directory.check(&path)?;
                directory.remove_temporary(&path).map(|()| is_there)
            });
            if !is_there.await? {
                return Ok(());
            }
        }
        match self.store.delete(&location(path)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(Error::of_file(error)),
        }
    }
}

fn file_too_large(limit: u64) -> Error {
    Error::TooLarge { what: "the document's file", limit }
}

/// Returns the name in the store: the unchanged path. Other constructors would encode `%` as `%25`.
fn location(path: &DocumentPath) -> Result<object_store::path::Path> {
    object_store::path::Path::parse(path.to_string()).map_err(Error::internal)
}
