//! Backups: everything that cannot be made again, in one file, while the server goes on working.
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

/// The name of the database in an archive and in a restored storage directory.
pub const DATABASE: &str = "carrel.db";

/// The folder of documents' files, in an archive and in the storage directory.
pub(crate) const DOCUMENTS: &str = "documents";

/// The folder of originals, in an archive and in the storage directory.
pub const ORIGINALS: &str = "originals";

/// How many documents are looked at together.
const PAGE: u32 = 500;

/// How often a copy of the database is made anew because a document of it lost its file meanwhile.
const ATTEMPTS: usize = 5;

/// The parts of the storage directory that go into a backup.
#[derive(Clone, Debug)]
pub struct BackupPaths {
    /// The storage directory, which the backup is of.
    pub root: PathBuf,
    /// The directory for copies until they are in the archive; on the file system of `root`.
    pub scratch: PathBuf,
    /// Never in a backup: what can be made again, what only matters to a running process, and the
    /// database itself, of which a copy is made instead.
    pub left_out: Vec<PathBuf>,
    /// In a backup only if secrets are.
    pub secrets: Vec<PathBuf>,
}

/// Whether a backup holds what opens the secrets in the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Secrets {
    /// The files in [`BackupPaths::secrets`] are in the archive.
    Included,
    /// The archive can be stored where others read it. Restoring it needs the key from elsewhere.
    LeftOut,
}

/// Makes backups, one at a time.
pub struct Backups {
    copies: Arc<dyn Copies>,
    audit: Arc<dyn AuditLog>,
    place: BackupPaths,
    turn: Arc<Semaphore>,
}

/// Everything of one moment, ready to be written to an archive. Gone when this goes.
pub struct Staged {
    directory: TempDir,
    contents: Contents,
    _turn: OwnedSemaphorePermit,
}

impl Backups {
    /// Backups of one server. One is made at a time.
    pub fn new(copies: Arc<dyn Copies>, audit: Arc<dyn AuditLog>, place: BackupPaths) -> Self {
        Self { copies, audit, place, turn: Arc::new(Semaphore::new(1)) }
    }

    /// Puts together what belongs into a backup: whatever was committed before the call, and all
    /// of it as it was at one moment. On PostgreSQL the database itself is left out, and the files
    /// are those of the documents it knows.
    ///
    /// # Errors
    /// [`Error::Exhausted`] while another backup is being made by this process,
    /// [`Error::Unavailable`] when the disk is full or documents come and go too fast.
    pub async fn stage(&self, secrets: Secrets, by: &By) -> Result<Staged> {
        let turn = Arc::clone(&self.turn).try_acquire_owned();
        let turn = turn.map_err(|_| Error::exhausted("a backup is being made already"))?;
        let included = secrets == Secrets::Included;
        let details = json!({ "secrets": included }).to_string();
        self.audit.add(by.event("backup_made", details)).await?;
        let directory = staging::make(&self.place.scratch).await?;
        let staging = staging::Staging::new(&self.place, directory.path(), secrets);
        // Before the copy, so that what is deleted afterwards is still here, and after it, so that
        // what was added in between is here too.
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
    /// Whether the database is in it; one on a server is not.
    pub fn has_database(&self) -> bool {
        self.contents.database
    }

    /// Writes the archive. Blocks; reads and writes piece by piece.
    pub fn write(self, to: impl std::io::Write) -> std::io::Result<archive::Written> {
        archive::write(self.directory.path(), &self.contents, to)
    }
}
