//! Archives: a complete server as a readable folder, used to move it to another database.
//!
//! `tables/` holds one JSON Lines file per table, `documents/` and `files/` hold the contents of
//! the storage directory, `archive.json` describes the archive, and `SHA256SUMS` lists the digest
//! of every file. docs/SWITCHING.md describes the format.
mod manifest;
mod read;
mod write;

use std::path::Path;
use std::sync::Arc;

use carrel_domain::archive::ArchiveStore;
use carrel_domain::audit::{AuditLog, By};
use carrel_domain::library::Documents;
use carrel_domain::{Error, Result};
use serde_json::json;

use crate::backup::BackupPaths;
use crate::backup::staging::blocking;
use crate::settings::SettingsStore;
pub use manifest::Manifest;

/// The folder of the JSON Lines files.
const TABLES: &str = "tables";

/// The folder of files from the storage directory other than documents.
const FILES: &str = "files";

const MANIFEST: &str = "archive.json";
const DIGESTS: &str = "SHA256SUMS";

/// The list of documents without a file.
const MISSING_FILES: &str = "left-out.jsonl";

/// The kind recorded in the audit events of exports and imports.
const KIND: &str = "archive";

/// Writes archives and imports them into an empty server.
#[derive(Clone)]
pub struct Archives {
    /// The database.
    pub store: Arc<dyn ArchiveStore>,
    /// Records an event for each archive.
    pub audit: Arc<dyn AuditLog>,
    /// The document store.
    pub documents: Arc<dyn Documents>,
    /// The settings. An importing server seals secrets with its own key.
    pub settings: Arc<SettingsStore>,
    /// The storage directory.
    pub paths: BackupPaths,
}

/// The result of writing or reading an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// The manifest of the archive.
    pub manifest: Manifest,
    /// The settings whose values are sealed with another secret key. They are not set.
    pub unreadable_secrets: Vec<String>,
}

impl Archives {
    /// Writes a consistent snapshot to `folder`, which must not exist or be empty. Can be used
    /// while a server is running.
    ///
    /// # Errors
    /// [`Error::Unprocessable`] if the folder cannot be used. After any other error,
    /// `folder.partial` holds the files written so far.
    pub async fn export(
        &self,
        folder: &Path,
        with_audit_log: bool,
        by: &By,
    ) -> Result<ArchiveSummary> {
        let target = crate::target_folder::TargetFolder::begin(folder)?;
        let details = json!({ "kind": KIND }).to_string();
        self.audit.add(by.event("data_exported", details)).await?;
        let manifest = write::write(self, target, with_audit_log, by.at).await?;
        Ok(ArchiveSummary { manifest, unreadable_secrets: Vec::new() })
    }

    /// Imports an archive into this server, which must be empty. Imports everything or nothing.
    ///
    /// # Errors
    /// [`Error::Unprocessable`] if the archive is damaged or newer than this program, or if this
    /// server is not empty. The database is then unchanged.
    pub async fn import(&self, folder: &Path, by: &By) -> Result<ArchiveSummary> {
        let rows = self.store.occupied().await?;
        if !rows.is_empty() {
            let rows: Vec<_> = rows.iter().map(|(name, count)| format!("{count} {name}")).collect();
            let rows = rows.join(", ");
            return Err(Error::unprocessable(format!(
                "this server is in use and has {rows}; import into an empty storage directory"
            )));
        }
        let (archive, tables) = (folder.to_owned(), self.store.tables());
        let manifest = blocking(move || manifest::read(&archive, &tables)).await?;
        manifest.check_schema(&self.store.schema().await?)?;
        let archive = folder.to_owned();
        blocking(move || read::verify(&archive)).await?;
        let unreadable_secrets = self.read(folder, &manifest, by).await?;
        self.settings.reload().await?;
        Ok(ArchiveSummary { manifest, unreadable_secrets })
    }
}
