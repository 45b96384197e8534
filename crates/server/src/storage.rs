//! The storage directory in use: who may tidy it up, and what of it is kept elsewhere.
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use carrel_services::backup::BackupPaths;

use crate::config::Config;
use crate::settings;
use crate::storage_layout::StorageLayout;

/// What of it a backup holds: all but what can be made or fetched again.
pub fn to_keep(config: &Config) -> BackupPaths {
    let layout = &config.storage;
    let mut left_out = vec![layout.models(), layout.lock(), layout.imports(), layout.page_images()];
    // Of work that is under way; what is lost of it is handed in again.
    left_out.extend([layout.recordings(), layout.transcripts(), layout.lancedb()]);
    if let Some(database) = settings::file_of(&config.database.url) {
        // Beside the file itself, SQLite's journals.
        left_out.extend(["", "-wal", "-shm", "-journal"].map(|end| {
            let mut file = database.as_os_str().to_owned();
            file.push(end);
            PathBuf::from(file)
        }));
    }
    BackupPaths {
        root: layout.root().to_owned(),
        scratch: layout.uploads(),
        left_out,
        secrets: vec![layout.secret_key(), layout.settings_file()],
    }
}

/// What of it an archive holds: as a backup, less what belongs to the database that was archived.
pub fn to_archive(config: &Config) -> BackupPaths {
    let mut paths = to_keep(config);
    paths.left_out.extend([config.storage.audit_mark(), config.storage.database()]);
    paths
}

/// A storage directory in use. While it is, no other process takes itself to be alone there.
pub struct Storage {
    /// Held locked; the lock goes when the file is closed, also when the process is killed.
    lock: File,
    is_alone: bool,
}

impl Storage {
    /// Creates what is missing, for its owner's eyes only, and joins whoever else uses it. A
    /// process that finds itself alone keeps others waiting until it calls [`Storage::share`], and
    /// finds no leftovers of uploads.
    pub fn open(layout: &StorageLayout) -> anyhow::Result<Self> {
        let root = layout.root();
        let failure = || format!("failed to open the storage directory {}", root.display());
        let lock = prepare(layout).with_context(failure)?;
        let is_alone = match lock.try_lock() {
            Ok(()) => true,
            Err(TryLockError::WouldBlock) => {
                lock.lock_shared().with_context(failure)?;
                false
            }
            // Some network file systems know no locks. Not being alone is the careful guess.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "the storage directory cannot be locked");
                false
            }
        };
        if is_alone {
            empty(&layout.uploads()).with_context(failure)?;
        }
        Ok(Self { lock, is_alone })
    }

    /// Whether no other process uses the directory: whatever is half done there is left over.
    pub fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Lets others in. This process stays in until it ends.
    pub fn share(&mut self) -> io::Result<()> {
        if self.is_alone {
            // The change from one lock to the other is not atomic, but another process that is
            // alone in between finds nothing of ours half done: we have not begun.
            self.lock.lock_shared()?;
            self.is_alone = false;
        }
        Ok(())
    }
}

fn prepare(layout: &StorageLayout) -> io::Result<File> {
    for directory in [layout.root().to_owned(), layout.documents(), layout.uploads()] {
        private_directory(&directory)?;
    }
    let mut options = OpenOptions::new();
    options.create(true).truncate(false).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(layout.lock())
}

/// Creates a directory that only its owner may enter; one that exists is left as it is.
pub fn private_directory(path: &Path) -> io::Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Removes everything in a directory. Links are removed, not followed.
fn empty(directory: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            std::fs::remove_dir_all(entry.path())?;
        } else {
            std::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> (tempfile::TempDir, StorageLayout) {
        let directory = tempfile::tempdir().unwrap();
        let layout = StorageLayout::new(directory.path().join("a/b"));
        (directory, layout)
    }

    #[test]
    fn the_first_is_alone_and_empties_what_was_left_over() {
        let (_directory, layout) = layout();
        private_directory(&layout.uploads().join("deep")).unwrap();
        std::fs::write(layout.uploads().join("left-over"), "x").unwrap();
        let storage = Storage::open(&layout).unwrap();
        assert!(storage.is_alone());
        assert_eq!(std::fs::read_dir(layout.uploads()).unwrap().count(), 0);
    }

    #[test]
    fn a_second_joins_and_leaves_the_uploads_of_the_first_alone() {
        let (_directory, layout) = layout();
        let mut first = Storage::open(&layout).unwrap();
        first.share().unwrap();
        std::fs::write(layout.uploads().join("on-its-way"), "x").unwrap();
        let second = Storage::open(&layout).unwrap();
        assert!(!second.is_alone());
        assert!(layout.uploads().join("on-its-way").exists());
        drop(first);
        drop(second);
        assert!(Storage::open(&layout).unwrap().is_alone());
    }

    #[test]
    fn a_second_waits_while_the_first_tidies_up() {
        let (_directory, layout) = layout();
        let mut first = Storage::open(&layout).unwrap();
        let (sender, opened) = std::sync::mpsc::channel();
        let theirs = layout.clone();
        let second = std::thread::spawn(move || {
            let storage = Storage::open(&theirs).unwrap();
            sender.send(()).unwrap();
            storage
        });
        assert!(opened.try_recv().is_err());
        first.share().unwrap();
        opened.recv().unwrap();
        // Which of the two came to be alone after the first let go depends on the scheduler; that
        // both are in now does not.
        drop(second.join().unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_may_enter_a_new_storage() {
        use std::os::unix::fs::PermissionsExt;
        let (_directory, layout) = layout();
        let _storage = Storage::open(&layout).unwrap();
        let mode = std::fs::metadata(layout.root()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_storage_that_cannot_be_made_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let error = Storage::open(&StorageLayout::new(file.join("below"))).err().unwrap();
        assert!(format!("{error:#}").contains("file/below"), "{error:#}");
    }
}
