//! Holding on to files while a backup is made: a second name for each, which stays when the first
//! goes.
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

/// A directory of its own beneath `scratch`.
pub async fn make(scratch: &Path) -> Result<TempDir> {
    let scratch = scratch.to_owned();
    let made = move || tempfile::Builder::new().prefix("backup-").tempdir_in(&scratch);
    blocking(move || made().map_err(|error| failed("create a directory for the backup", error)))
        .await
}

/// The files that are linked for one backup.
pub struct Staging {
    root: PathBuf,
    /// Second names of everything there is.
    held: PathBuf,
    directory: PathBuf,
    left_out: Vec<PathBuf>,
}

impl Staging {
    /// A staging area beneath `directory`.
    pub fn new(place: &BackupPaths, directory: &Path, secrets: Secrets) -> Self {
        let mut left_out = place.left_out.clone();
        left_out.push(place.scratch.clone());
        if secrets == Secrets::LeftOut {
            left_out.extend(place.secrets.iter().cloned());
        }
        let (root, directory) = (place.root.clone(), directory.to_owned());
        Self { root, held: directory.join("held"), directory, left_out }
    }

    /// Holds on to every file that is not held yet.
    pub async fn link(&self) -> Result<()> {
        let (root, held, left_out) = (self.root.clone(), self.held.clone(), self.left_out.clone());
        blocking(move || {
            let linked = link_tree(&root, &held, &left_out);
            linked.map_err(|error| failed("link the files", error))
        })
        .await
    }

    /// The folder of second names.
    pub fn folder(&self) -> &Path {
        &self.held
    }

    /// The path for a copy of the database.
    pub fn database(&self, attempt: usize) -> PathBuf {
        self.directory.join(format!("{attempt}-{DATABASE}"))
    }

    fn known(&self, attempt: usize) -> PathBuf {
        self.directory.join(format!("{attempt}-{DOCUMENTS}"))
    }

    /// Sets the files of the documents that `inventory` knows apart from the others. `false` when
    /// one of them is not held.
    pub async fn documents(&self, attempt: usize, inventory: &dyn Inventory) -> Result<bool> {
        let mut last: Option<DocumentPath> = None;
        loop {
            let page = inventory.documents(last.as_ref(), PAGE).await?;
            let Some(end) = page.last() else { return Ok(true) };
            last = Some(end.path.clone());
            let (held, known) = (self.held.join(DOCUMENTS), self.known(attempt));
            let paths: Vec<_> = page.into_iter().map(|document| document.path).collect();
            let whole = blocking(move || {
                let set_apart = set_apart(&paths, &held, &known);
                set_apart.map_err(|error| failed("link the documents", error))
            });
            if !whole.await? {
                return Ok(false);
            }
        }
    }

    /// Sets the originals that `inventory` knows apart from those that come or go. One that is lost does
    /// not keep the rest from being backed up; `carrel verify` tells of it.
    pub async fn originals(&self, attempt: usize, inventory: &dyn Inventory) -> Result<()> {
        let mut last: Option<OriginalName> = None;
        loop {
            let page = inventory.originals(last, PAGE).await?;
            let Some(end) = page.last() else { return Ok(()) };
            last = Some(end.name);
            let (held, known) = (self.held.join(ORIGINALS), self.known_originals(attempt));
            let names: Vec<_> = page.into_iter().map(|original| original.name).collect();
            blocking(move || {
                let set_apart = set_originals_apart(&names, &held, &known);
                set_apart.map_err(|error| failed("link the originals", error))
            })
            .await?;
        }
    }

    fn known_originals(&self, attempt: usize) -> PathBuf {
        self.directory.join(format!("{attempt}-{ORIGINALS}"))
    }

    /// The entries of the archive.
    pub fn contents(&self, attempt: usize, database: bool, secrets: bool) -> Contents {
        Contents {
            database_file: self.database(attempt),
            database,
            secrets,
            documents: self.known(attempt),
            originals: self.known_originals(attempt),
            rest: self.held.clone(),
        }
    }
}

/// Whether all were there.
fn set_apart(paths: &[DocumentPath], held: &Path, known: &Path) -> io::Result<bool> {
    for path in paths {
        let folder = known.join(path.folder());
        fs::create_dir_all(&folder)?;
        match hold(&held.join(path.folder()).join(path.name()), &folder.join(path.name())) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            held => held?,
        }
    }
    Ok(true)
}

fn set_originals_apart(names: &[OriginalName], held: &Path, known: &Path) -> io::Result<()> {
    for location in names.iter().map(OriginalName::location) {
        let to = known.join(&location);
        if let Some(folder) = to.parent() {
            fs::create_dir_all(folder)?;
        }
        match hold(&held.join(&location), &to) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            held => held?,
        }
    }
    Ok(())
}

/// Gives every file beneath `root` a second name beneath `held`. Links are passed over; so is what
/// goes away meanwhile.
fn link_tree(root: &Path, held: &Path, left_out: &[PathBuf]) -> io::Result<()> {
    let mut pending = vec![PathBuf::new()];
    while let Some(folder) = pending.pop() {
        fs::create_dir_all(held.join(&folder))?;
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
                Ok(kind) if kind.is_file() => match hold(&path, &held.join(&name)) {
                    Err(error) if error.kind() == ErrorKind::NotFound => {}
                    held => held?,
                },
                _ => {}
            }
        }
    }
    Ok(())
}

/// Names that every tool for archives can write and read. This program makes no others.
fn is_plain(name: &OsStr) -> bool {
    let plain = |name: &str| !name.contains(|c: char| c.is_control() || c == '\\');
    let plain = name.to_str().is_some_and(plain);
    if !plain {
        tracing::warn!(?name, "left out of the backup because of its name");
    }
    plain
}

/// A second name for a file, or a copy where the file system gives none. One that is held already
/// stays as it is.
fn hold(from: &Path, to: &Path) -> io::Result<()> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(error),
        Err(_) => fs::copy(from, to).map(drop),
    }
}

/// What went wrong with a file, and what for.
pub fn failed(to: &str, error: io::Error) -> Error {
    let text = format!("failed to {to}: {error}");
    Error::of_file(io::Error::new(error.kind(), text))
}

/// Runs `work` on a thread that may block.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
