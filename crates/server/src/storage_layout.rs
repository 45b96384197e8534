//! The files and folders of the storage directory.
use std::path::{Path, PathBuf};

use carrel_services::backup;

/// The paths of the storage directory.
#[derive(Clone, Debug)]
pub struct StorageLayout {
    root: PathBuf,
}

impl StorageLayout {
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    pub fn database(&self) -> PathBuf {
        self.root.join("carrel.db")
    }

    /// The text of every document, one file each.
    pub fn documents(&self) -> PathBuf {
        self.root.join("documents")
    }

    /// The originals of documents.
    pub fn originals(&self) -> PathBuf {
        self.root.join(backup::ORIGINALS)
    }

    /// Images of the originals' pages, which can be rendered again.
    pub fn page_images(&self) -> PathBuf {
        self.root.join("page-images")
    }

    /// The files of embedding models, each model in a directory of its name.
    pub fn models(&self) -> PathBuf {
        self.root.join("models")
    }

    /// The tables of LanceDB, in a build with it, which can be filled again.
    pub fn lancedb(&self) -> PathBuf {
        self.root.join("lancedb")
    }

    /// Uploads in progress.
    pub fn uploads(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Recordings that wait for their jobs.
    pub fn recordings(&self) -> PathBuf {
        self.root.join("recordings")
    }

    /// Transcripts that are not complete yet.
    pub fn transcripts(&self) -> PathBuf {
        self.root.join("transcripts")
    }

    /// Copies of installations that can be imported while the server runs.
    pub fn imports(&self) -> PathBuf {
        self.root.join("import")
    }

    pub fn settings_file(&self) -> PathBuf {
        self.root.join(".env")
    }

    /// The secret key, if the operator gives none.
    pub fn secret_key(&self) -> PathBuf {
        self.root.join("secret.key")
    }

    /// Exists once the audit log has a seal.
    pub fn audit_mark(&self) -> PathBuf {
        self.root.join("audit.sealed")
    }

    /// Locked by the processes that use the directory.
    pub fn lock(&self) -> PathBuf {
        self.root.join("carrel.lock")
    }
}
