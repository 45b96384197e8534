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
const PAGE: u32 = 500;

/// The number of database copies made if documents are deleted in the meantime.
const ATTEMPTS: usize = 5;

/// The parts of the storage directory that go into a backup.
#[derive(Clone, Debug)]
pub struct BackupPaths {
    /// The storage directory.
    pub root: PathBuf,
    /// The directory for temporary copies. Must be on the file system of `root`.
    pub scratch: PathBuf,
    /// Paths excluded from every backup: recreatable data, runtime files, and the database, which
    /// is copied separately.
    pub left_out: Vec<PathBuf>,
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
    LeftOut,
}

/// Makes backups, one at a time.
pub struct Backups {
    copies: Arc<dyn Copies>,
    audit: Arc<dyn AuditLog>,
    place: BackupPaths,
    turn: Arc<Semaphore>,
}

/// A consistent snapshot, ready to be written to an archive. Dropping it deletes the temporary
/// files.
pub struct Staged {
    directory: TempDir,
    contents: Contents,
    _turn: OwnedSemaphorePermit,
}

impl Backups {
    /// Creates the backup service of one server.
    pub fn new(copies: Arc<dyn Copies>, audit: Arc<dyn AuditLog>, place: BackupPaths) -> Self {
        Self { copies, audit, place, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Prepares a consistent snapshot of everything committed before the call. On PostgreSQL, the
    /// database is not included, and the files are those of the documents stored in it.
    ///
    /// # Errors
    /// [`Error::Exhausted`] while this process makes another backup, [`Error::Unavailable`] if the
    /// disk is full or documents change too fast.
    pub async fn stage(&self, secrets: Secrets, by: &By) -> Result<Staged> {
        let turn = Arc::clone(&self.turn).try_acquire_owned();
        let turn = turn.map_err(|_| Error::exhausted("a backup is being made already"))?;
        let included = secrets == Secrets::Included;
        let details = json!({ "secrets": included }).to_string();
        self.audit.add(by.event("backup_made", details)).await?;
        let directory = staging::make(&self.place.scratch).await?;
        let staging = staging::Staging::new(&self.place, directory.path(), secrets);
        // Files are linked both before and after the database is copied. Files deleted in between
        // are still linked, and files added in between are included.
        staging.link().await?;
        for attempt in 0..ATTEMPTS {
            let copy = staging.database(attempt);
            let copied = self.copies.copy_to(&copy).await?;
            staging.link().await?;
            let database = copied.is_some();
            let inventory: &dyn Inventory = match &copied {
                Some(copy) => &**copy,
                None => &*self.copies,
            };
            if staging.documents(attempt, inventory).await? {
                staging.originals(attempt, inventory).await?;
                let contents = staging.contents(attempt, database, included);
                return Ok(Staged { directory, contents, _turn: turn });
            }
        }
        Err(Error::unavailable("the backup", "documents are added and removed too fast; try again"))
    }
}

impl Staged {
    /// Returns whether the backup contains the database. A database server is not included.
    pub fn has_database(&self) -> bool {
        self.contents.database
    }

    /// Writes the archive incrementally. Blocking.
    pub fn write(self, to: impl std::io::Write) -> std::io::Result<archive::Written> {
        archive::write(self.directory.path(), &self.contents, to)
    }
}
