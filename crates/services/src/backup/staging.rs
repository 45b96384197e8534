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
use super::{BackupPaths, DATABASE, DOCUMENTS, ORIGINALS, PAGE, Secrets};

/// Creates a temporary directory below `scratch`.
pub async fn make(scratch: &Path) -> Result<TempDir> {
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
    left_out: Vec<PathBuf>,
}

impl Staging {
    /// Creates a staging area below `directory`.
    pub fn new(place: &BackupPaths, directory: &Path, secrets: Secrets) -> Self {
        let mut left_out = place.left_out.clone();
        left_out.push(place.scratch.clone());
        if secrets == Secrets::LeftOut {
            left_out.extend(place.secrets.iter().cloned());
        }
        let (root, directory) = (place.root.clone(), directory.to_owned());
        Self { root, snapshot: directory.join("held"), directory, left_out }
    }

    /// Links every file that is not linked yet.
    pub async fn link(&self) -> Result<()> {
        let (root, snapshot, left_out) =
            (self.root.clone(), self.snapshot.clone(), self.left_out.clone());
        blocking(move || {
            let linked = link_tree(&root, &snapshot, &left_out);
            linked.map_err(|error| failed("link the files", error))
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

    fn known(&self, attempt: usize) -> PathBuf {
        self.directory.join(format!("{attempt}-{DOCUMENTS}"))
    }

    /// Links the files of the documents in `inventory` into their own folder. Returns `false` if a
    /// file is missing.
    pub async fn documents(&self, attempt: usize, inventory: &dyn Inventory) -> Result<bool> {
        let mut last: Option<DocumentPath> = None;
        loop {
            let page = inventory.documents(last.as_ref(), PAGE).await?;
            let Some(end) = page.last() else { return Ok(true) };
            last = Some(end.path.clone());
            let (snapshot, known) = (self.snapshot.join(DOCUMENTS), self.known(attempt));
            let paths: Vec<_> = page.into_iter().map(|document| document.path).collect();
            let whole = blocking(move || {
                let set_apart = set_apart(&paths, &snapshot, &known);
                set_apart.map_err(|error| failed("link the documents", error))
            });
            if !whole.await? {
                return Ok(false);
            }
        }
    }

    /// Links the originals in `inventory` into their own folder. A missing original does not fail the
    /// backup; `carrel verify` reports it.
    pub async fn originals(&self, attempt: usize, inventory: &dyn Inventory) -> Result<()> {
        let mut last: Option<OriginalName> = None;
        loop {
            let page = inventory.originals(last, PAGE).await?;
            let Some(end) = page.last() else { return Ok(()) };
            last = Some(end.name);
            let (snapshot, known) = (self.snapshot.join(ORIGINALS), self.known_originals(attempt));
            let names: Vec<_> = page.into_iter().map(|original| original.name).collect();
            blocking(move || {
                let set_apart = set_originals_apart(&names, &snapshot, &known);
                set_apart.map_err(|error| failed("link the originals", error))
            })
            .await?;
        }
    }

    fn known_originals(&self, attempt: usize) -> PathBuf {
        self.directory.join(format!("{attempt}-{ORIGINALS}"))
    }

    /// Returns the files to write to the archive.
    pub fn contents(&self, attempt: usize, database: bool, secrets: bool) -> Contents {
        Contents {
            database_file: self.database(attempt),
            database,
            secrets,
            documents: self.known(attempt),
            originals: self.known_originals(attempt),
            rest: self.snapshot.clone(),
        }
    }
}

/// Links the files of documents into `known`. Returns whether all of them existed.
fn set_apart(paths: &[DocumentPath], snapshot: &Path, known: &Path) -> io::Result<bool> {
    for path in paths {
        let folder = known.join(path.folder());
        fs::create_dir_all(&folder)?;
        match hard_link(&snapshot.join(path.folder()).join(path.name()), &folder.join(path.name()))
        {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            result => result?,
        }
    }
    Ok(true)
}

fn set_originals_apart(names: &[OriginalName], snapshot: &Path, known: &Path) -> io::Result<()> {
    for location in names.iter().map(OriginalName::location) {
        let to = known.join(&location);
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
fn link_tree(root: &Path, snapshot: &Path, left_out: &[PathBuf]) -> io::Result<()> {
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
            if left_out.contains(&path) || !is_plain(&entry.file_name()) {
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
    let plain = |name: &str| !name.contains(|c: char| c.is_control() || c == '\\');
    let plain = name.to_str().is_some_and(plain);
    if !plain {
        tracing::warn!(?name, "left out of the backup because of its name");
    }
    plain
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
pub fn failed(to: &str, error: io::Error) -> Error {
    let text = format!("failed to {to}: {error}");
    Error::of_file(io::Error::new(error.kind(), text))
}

/// Runs `work` on a blocking thread.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
