//! Which file and folder of the storage directory is for what.
use std::path::{Path, PathBuf};

use carrel_services::backup;

/// Where everything lies beneath one root.
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

    /// The files that documents were made of.
    pub fn originals(&self) -> PathBuf {
        self.root.join(backup::ORIGINALS)
    }

    /// Pictures of their pages, which can be drawn again.
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

    /// Uploads that are on their way in.
    pub fn uploads(&self) -> PathBuf {
        self.root.join("tmp")
    }

    /// Recordings that jobs are to transcribe.
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

    /// The key of secrets, where the operator gives none.
    pub fn secret_key(&self) -> PathBuf {
        self.root.join("secret.key")
    }

    /// There once the audit log has a seal.
    pub fn audit_mark(&self) -> PathBuf {
        self.root.join("audit.sealed")
    }

    /// Held locked by the processes that use the directory.
    pub fn lock(&self) -> PathBuf {
        self.root.join("carrel.lock")
    }
}
