//! Staging for backups: hard links that keep files alive while a backup is made.
use std::ffi::OsStr;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use carrel_domain::backup::Inventory;
use carrel_domain::original::OriginalName;
use carrel_domain::{DocumentPath, Error, Result};
use tempfile::TempDir;

use super::archive::Contents;
use super::{BackupPaths, DATABASE, DOCUMENTS, ORIGINALS, PAGE_SIZE, Secrets};

/// Creates a temporary directory below `scratch`.
pub async fn create_scratch(scratch: &Path) -> Result<TempDir> {
    let scratch = scratch.to_owned();
    let create = move || tempfile::Builder::new().prefix("backup-").tempdir_in(&scratch);
    blocking(move || create().map_err(|error| failed("create a directory for the backup", error)))
        .await
}

/// The hard links of one backup.
pub struct Staging {
    root: PathBuf,
    /// The directory of the links.
    snapshot: PathBuf,
    directory: PathBuf,
    excluded: Vec<PathBuf>,
}

impl Staging {
    /// Creates a staging area below `directory`.
    pub fn new(paths: &BackupPaths, directory: &Path, secrets: Secrets) -> Self {
        let mut excluded = paths.excluded.clone();
        excluded.push(paths.scratch.clone());
        if secrets == Secrets::Excluded {
            excluded.extend(paths.secrets.iter().cloned());
        }
        let (root, directory) = (paths.root.clone(), directory.to_owned());
        Self { root, snapshot: directory.join("held"), directory, excluded }
    }

    /// Links every file that is not linked yet.
    pub async fn link(&self) -> Result<()> {
        let (root, snapshot, excluded) =
            (self.root.clone(), self.snapshot.clone(), self.excluded.clone());
        blocking(move || {
            let result = link_tree(&root, &snapshot, &excluded);
            result.map_err(|error| failed("link the files", error))
        })
        .await
    }

    /// Returns the directory of the links.
    pub fn folder(&self) -> &Path {
        &self.snapshot
    }

    /// Returns the path for a copy of the database.
    pub fn database(&self, attempt: usize) -> PathBuf {
        self.directory.join(format!("{attempt}-{DATABASE}"))
    }

    fn documents_folder(&self, attempt: usize) -> PathBuf {
        self.directory.join(format!("{attempt}-{DOCUMENTS}"))
    }

    /// Links the files of the documents in `inventory` into their own folder. Returns `false` if a
    /// file is missing.
    pub async fn documents(&self, attempt: usize, inventory: &dyn Inventory) -> Result<bool> {
        let mut last: Option<DocumentPath> = None;
        loop {
            let page = inventory.documents(last.as_ref(), PAGE_SIZE).await?;
            let Some(last_row) = page.last() else { return Ok(true) };
            last = Some(last_row.path.clone());
            let (snapshot, target) =
                (self.snapshot.join(DOCUMENTS), self.documents_folder(attempt));
            let paths: Vec<_> = page.into_iter().map(|document| document.path).collect();
            let is_complete = blocking(move || {
                let result = link_documents(&paths, &snapshot, &target);
                result.map_err(|error| failed("link the documents", error))
            });
            if !is_complete.await? {
                return Ok(false);
            }
        }
    }

    /// Links the originals in `inventory` into their own folder. A missing original does not fail the
    /// backup; `carrel verify` reports it.
    pub async fn originals(&self, attempt: usize, inventory: &dyn Inventory) -> Result<()> {
        let mut last: Option<OriginalName> = None;
        loop {
            let page = inventory.originals(last, PAGE_SIZE).await?;
            let Some(last_row) = page.last() else { return Ok(()) };
            last = Some(last_row.name);
            let (snapshot, target) =
                (self.snapshot.join(ORIGINALS), self.originals_folder(attempt));
            let names: Vec<_> = page.into_iter().map(|original| original.name).collect();
            blocking(move || {
                let result = link_originals(&names, &snapshot, &target);
                result.map_err(|error| failed("link the originals", error))
            })
            .await?;
        }
    }

    fn originals_folder(&self, attempt: usize) -> PathBuf {
        self.directory.join(format!("{attempt}-{ORIGINALS}"))
    }

    /// Returns the files to write to the archive.
    pub fn contents(&self, attempt: usize, database: bool, secrets: bool) -> Contents {
        Contents {
            database_file: self.database(attempt),
            database,
            secrets,
            documents: self.documents_folder(attempt),
            originals: self.originals_folder(attempt),
            rest: self.snapshot.clone(),
        }
    }
}

/// Links the files of documents into `target`. Returns whether all of them existed.
fn link_documents(paths: &[DocumentPath], snapshot: &Path, target: &Path) -> io::Result<bool> {
    for path in paths {
        let folder = target.join(path.folder());
        fs::create_dir_all(&folder)?;
        match hard_link(&snapshot.join(path.folder()).join(path.name()), &folder.join(path.name()))
        {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            result => result?,
        }
    }
    Ok(true)
}

fn link_originals(names: &[OriginalName], snapshot: &Path, target: &Path) -> io::Result<()> {
    for location in names.iter().map(OriginalName::location) {
        let to = target.join(&location);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        match hard_link(&snapshot.join(&location), &to) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            result => result?,
        }
    }
    Ok(())
}

/// Links every file below `root` into `snapshot`. Skips symbolic links and files that are deleted in
/// the meantime.
fn link_tree(root: &Path, snapshot: &Path, excluded: &[PathBuf]) -> io::Result<()> {
    let mut pending = vec![PathBuf::new()];
    while let Some(folder) = pending.pop() {
        fs::create_dir_all(snapshot.join(&folder))?;
        let entries = match fs::read_dir(root.join(&folder)) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let entry = entry?;
            let path = entry.path();
            if excluded.contains(&path) || !is_plain(&entry.file_name()) {
                continue;
            }
            let name = folder.join(entry.file_name());
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => pending.push(name),
                Ok(kind) if kind.is_file() => match hard_link(&path, &snapshot.join(&name)) {
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    result => result?,
                },
                _ => {}
            }
        }
    }
    Ok(())
}

/// Returns whether a name can be archived by every tool. This program creates no other names.
fn is_plain(name: &OsStr) -> bool {
    let is_valid = |name: &str| !name.contains(|c: char| c.is_control() || c == '\\');
    let is_valid = name.to_str().is_some_and(is_valid);
    if !is_valid {
        tracing::warn!(?name, "left out of the backup because of its name");
    }
    is_valid
}

/// Links a file, or copies it if the file system has no hard links. Keeps an existing link.
fn hard_link(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
        Err(_) => fs::copy(from, to).map(drop),
    }
}

/// Creates the error for a failed file operation.
pub fn failed(action: &str, error: io::Error) -> Error {
    let text = format!("failed to {action}: {error}");
    Error::of_file(io::Error::new(error.kind(), text))
}

/// Runs `work` on a blocking thread.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
