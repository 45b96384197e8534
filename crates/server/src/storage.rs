//! The storage directory in use: its lock, and the files that backups and archives contain.
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use carrel_services::backup::BackupPaths;

use crate::config::Config;
use crate::settings;
use crate::storage_layout::StorageLayout;

/// Returns the files that a backup holds: all but those that can be created or fetched again.
pub fn to_keep(config: &Config) -> BackupPaths {
    let layout = &config.storage;
    let mut excluded = vec![layout.models(), layout.lock(), layout.imports(), layout.page_images()];
    // Work in progress; whoever loses it by a restore uploads the file again.
    excluded.extend([layout.recordings(), layout.transcripts(), layout.lancedb()]);
    if let Some(database) = settings::file_of(&config.database.url) {
        // The database file and SQLite's journals.
        excluded.extend(["", "-wal", "-shm", "-journal"].map(|end| {
            let mut file = database.as_os_str().to_owned();
            file.push(end);
            PathBuf::from(file)
        }));
    }
    BackupPaths {
        root: layout.root().to_owned(),
        scratch: layout.uploads(),
        excluded,
        secrets: vec![layout.secret_key(), layout.settings_file()],
    }
}

/// Returns the files that an archive holds: those of a backup, without the files that belong to the
/// archived database.
pub fn to_archive(config: &Config) -> BackupPaths {
    let mut paths = to_keep(config);
    paths.excluded.extend([config.storage.audit_mark(), config.storage.database()]);
    paths
}

/// A storage directory in use. While this value exists, no other process considers itself alone
/// there.
pub struct Storage {
    /// The locked file. The lock is released when the file is closed, even if the process is
    /// killed.
    lock: File,
    is_alone: bool,
}

impl Storage {
    /// Creates the directories that are missing, accessible only to their owner, and takes the
    /// lock. A process that is alone empties the folder of uploads and makes other processes wait
    /// until it calls [`Storage::share`].
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
            // Some network file systems do not support locks. The safe assumption is that others
            // use the directory.
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

    /// Whether no other process uses the directory. If so, unfinished work in it is left over.
    pub fn is_alone(&self) -> bool {
        self.is_alone
    }

    /// Lets other processes use the directory. This process keeps using it until it ends.
    pub fn share(&mut self) -> io::Result<()> {
        if self.is_alone {
            // Changing from one lock to the other is not atomic. A process that is alone in between
            // finds no unfinished work of ours, because we have not started any.
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

/// Creates a directory that only its owner can enter. Leaves an existing one unchanged.
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
    fn the_first_process_is_alone_and_empties_the_uploads() {
        let (_directory, layout) = layout();
        private_directory(&layout.uploads().join("deep")).unwrap();
        std::fs::write(layout.uploads().join("left-over"), "x").unwrap();
        let storage = Storage::open(&layout).unwrap();
        assert!(storage.is_alone());
        assert_eq!(std::fs::read_dir(layout.uploads()).unwrap().count(), 0);
    }

    #[test]
    fn a_second_process_joins_and_keeps_the_uploads_of_the_first() {
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
    fn a_second_process_waits_while_the_first_cleans_up() {
        let (_directory, layout) = layout();
        let mut first = Storage::open(&layout).unwrap();
        let (sender, opened) = std::sync::mpsc::channel();
        let layout_of_second = layout.clone();
        let second = std::thread::spawn(move || {
            let storage = Storage::open(&layout_of_second).unwrap();
            sender.send(()).unwrap();
            storage
        });
        assert!(opened.try_recv().is_err());
        first.share().unwrap();
        opened.recv().unwrap();
        // Which of the two was alone after the first released its lock depends on the scheduler.
        drop(second.join().unwrap());
    }

    #[cfg(unix)]
    #[test]
    fn only_the_owner_can_enter_a_new_storage_directory() {
        use std::os::unix::fs::PermissionsExt;
        let (_directory, layout) = layout();
        let _storage = Storage::open(&layout).unwrap();
        let mode = std::fs::metadata(layout.root()).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_storage_directory_that_cannot_be_created_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let error = Storage::open(&StorageLayout::new(file.join("below"))).err().unwrap();
        assert!(format!("{error:#}").contains("file/below"), "{error:#}");
    }
}
