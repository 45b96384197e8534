//! Archives: a whole installation in a folder that people can read, to move it to another database.
//!
//! `tables/` holds a file of JSON Lines for each table, `documents/` and `files/` what the storage
//! directory holds, `archive.json` says what it is, and `SHA256SUMS` what every file must be.
//! docs/SWITCHING.md describes the format.
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

/// The folder of JSON Lines.
const TABLES: &str = "tables";

/// The folder of everything in the storage directory that is no document.
const FILES: &str = "files";

const ABOUT: &str = "archive.json";
const SUMS: &str = "SHA256SUMS";

/// Documents without a file, which an archive can only name.
const LEFT_OUT: &str = "left-out.jsonl";

/// The event of both directions names its kind.
const KIND: &str = "archive";

/// Writes archives, and reads them into an empty server.
#[derive(Clone)]
pub struct Archives {
    /// Reads and fills the database.
    pub store: Arc<dyn ArchiveStore>,
    /// Learns of each archive.
    pub audit: Arc<dyn AuditLog>,
    /// The store of documents.
    pub documents: Arc<dyn Documents>,
    /// Settings. The server that imports them seals them under its own key.
    pub settings: Arc<SettingsStore>,
    /// The storage directory.
    pub place: BackupPaths,
}

/// A summary of a written or read archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveSummary {
    /// The description in the archive.
    pub manifest: Manifest,
    /// Variables whose values are sealed with another secret key. They are not set.
    pub unreadable_secrets: Vec<String>,
}

impl Archives {
    /// Writes everything as it is at one moment to `folder`, which must be absent or empty. A server
    /// may be running.
    ///
    /// # Errors
    /// [`Error::Unprocessable`] when the folder cannot be used. After any other error,
    /// `folder.partial` holds what was written until then.
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

    /// Reads an archive into this server, which must be empty: everything, or nothing.
    ///
    /// # Errors
    /// [`Error::Unprocessable`] when the archive is damaged or newer than this program, or when this
    /// server is in use. Nothing is changed in the database then.
    pub async fn import(&self, folder: &Path, by: &By) -> Result<ArchiveSummary> {
        let there = self.store.occupied().await?;
        if !there.is_empty() {
            let there: Vec<_> =
                there.iter().map(|(name, count)| format!("{count} {name}")).collect();
            let there = there.join(", ");
            return Err(Error::unprocessable(format!(
                "this server is in use and has {there}; import into an empty storage directory"
            )));
        }
        let (place, tables) = (folder.to_owned(), self.store.tables());
        let manifest = blocking(move || manifest::read(&place, &tables)).await?;
        manifest.check_schema(&self.store.schema().await?)?;
        let place = folder.to_owned();
        blocking(move || read::verify(&place)).await?;
        let unreadable_secrets = self.read(folder, &manifest, by).await?;
        self.settings.reload().await?;
        Ok(ArchiveSummary { manifest, unreadable_secrets })
    }
}
