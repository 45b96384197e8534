//! Backups: all data that cannot be recreated, in one file, without stopping the server.
pub mod archive;
pub mod check;
pub mod restore;
pub(crate) mod staging;
mod stream;

use std::path::PathBuf;
use std::sync::Arc;

use carrel_domain::audit::{AuditLog, By};
use carrel_domain::backup::{Copies, Inventory};
use carrel_domain::{Error, Result};
use serde_json::json;
use tempfile::TempDir;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use archive::Contents;

/// The name of the database file in an archive and in a restored storage directory.
pub const DATABASE: &str = "carrel.db";

/// The folder of document files, in an archive and in the storage directory.
pub(crate) const DOCUMENTS: &str = "documents";

/// The folder of originals, in an archive and in the storage directory.
pub const ORIGINALS: &str = "originals";

/// The number of documents processed at a time.
const PAGE_SIZE: u32 = 500;

/// The number of database copies made if documents are deleted in the meantime.
const MAX_ATTEMPTS: usize = 5;

/// The parts of the storage directory that go into a backup.
#[derive(Clone, Debug)]
pub struct BackupPaths {
    /// The storage directory.
    pub root: PathBuf,
    /// The directory for temporary copies. Must be on the file system of `root`.
    pub scratch: PathBuf,
    /// Paths excluded from every backup: recreatable data, runtime files, and the database, which
    /// is copied separately.
    pub excluded: Vec<PathBuf>,
    /// Paths included only in backups with secrets.
    pub secrets: Vec<PathBuf>,
}

/// Whether a backup contains the key that opens the secrets in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// The archive contains the files in [`BackupPaths::secrets`].
    Included,
    /// The archive can be stored where others can read it. Restoring it needs the key from
    /// elsewhere.
    Excluded,
}

/// Makes backups, one at a time.
pub struct Backups {
    copies: Arc<dyn Copies>,
    audit: Arc<dyn AuditLog>,
    paths: BackupPaths,
    semaphore: Arc<Semaphore>,
}

/// A consistent snapshot, ready to be written to an archive. Dropping it deletes the temporary
/// files.
pub struct StagedBackup {
    directory: TempDir,
    contents: Contents,
    _permit: OwnedSemaphorePermit,
}

impl Backups {
    /// Creates the backup service of one server.
    pub fn new(copies: Arc<dyn Copies>, audit: Arc<dyn AuditLog>, paths: BackupPaths) -> Self {
        Self { copies, audit, paths, semaphore: Arc::new(Semaphore::new(1)) }
    }

    /// Prepares a consistent snapshot of everything committed before the call. On PostgreSQL, the
    /// database is not included, and the files are those of the documents stored in it.
    ///
    /// # Errors
    /// [`Error::Exhausted`] while this process makes another backup, [`Error::Unavailable`] if the
    /// disk is full or documents change too fast.
    pub async fn stage(&self, secrets: Secrets, by: &By) -> Result<StagedBackup> {
        let permit = Arc::clone(&self.semaphore).try_acquire_owned();
        let permit = permit.map_err(|_| Error::exhausted("a backup is being made already"))?;
        let has_secrets = secrets == Secrets::Included;
        let details = json!({ "secrets": has_secrets }).to_string();
        self.audit.add(by.event("backup_made", details)).await?;
        let directory = staging::create_scratch(&self.paths.scratch).await?;
        let staging = staging::Staging::new(&self.paths, directory.path(), secrets);
        // Files are linked both before and after the database is copied. Files deleted in between
        // are still linked, and files added in between are included.
        staging.link().await?;
        for attempt in 0..MAX_ATTEMPTS {
            let copy = staging.database(attempt);
            let database_copy = self.copies.copy_to(&copy).await?;
            staging.link().await?;
            let database = database_copy.is_some();
            let inventory: &dyn Inventory = match &database_copy {
                Some(copy) => &**copy,
                None => &*self.copies,
            };
            if staging.documents(attempt, inventory).await? {
                staging.originals(attempt, inventory).await?;
                let contents = staging.contents(attempt, database, has_secrets);
                return Ok(StagedBackup { directory, contents, _permit: permit });
            }
        }
        Err(Error::unavailable("the backup", "documents are added and removed too fast; try again"))
    }
}

impl StagedBackup {
    /// Returns whether the backup contains the database. A database server is not included.
    pub fn has_database(&self) -> bool {
        self.contents.database
    }

    /// Writes the archive incrementally. Blocking.
    pub fn write(self, to: impl std::io::Write) -> std::io::Result<archive::BackupSummary> {
        archive::write(self.directory.path(), &self.contents, to)
    }
}
