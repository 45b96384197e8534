//! Checks and cleanup that a local directory needs in addition to an object store.
use std::fs::{self, DirEntry, File, FileType};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use carrel_domain::path::DEFAULT_FOLDER;
use carrel_domain::{DocumentPath, Error, Result};

use super::file_too_large;

/// The longest file name; the name of its unfinished copy must fit in 255 bytes too.
const LONGEST_NAME: usize = 250;

#[derive(Clone, Debug)]
pub struct DocumentDirectory {
    root: PathBuf,
}

impl DocumentDirectory {
    /// Creates the directory and the default folder in it.
    pub fn open(root: &Path) -> Result<Self> {
        fs::create_dir_all(root).map_err(Error::of_file)?;
        let root = fs::canonicalize(root).map_err(Error::of_file)?;
        let folder = root.join(DEFAULT_FOLDER);
        match fs::create_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            made => made.map_err(Error::of_file)?,
        }
        if kind(&folder)?.is_none_or(|kind| !kind.is_dir()) {
            return Err(Error::internal(format!("{} is not a directory", folder.display())));
        }
        Ok(Self { root })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Whether there is a file at `path`. Returns [`Error::Unprocessable`] if it is not a regular
    /// file in a regular folder, in particular if either is a symbolic link.
    ///
    /// A link created between this check and the use of the path is followed. Only somebody with
    /// write access to the storage can create one.
    pub fn check(&self, path: &DocumentPath) -> Result<bool> {
        if path.name().len() > LONGEST_NAME {
            return Err(Error::invalid("document path", "has a name longer than 250 bytes"));
        }
        let refusal =
            || Error::unprocessable(format!("{path} is not a plain file in a plain folder"));
        let folder = self.root.join(path.folder());
        match kind(&folder)? {
            None => return Ok(false),
            Some(kind) if !kind.is_dir() => return Err(refusal()),
            Some(_) => {}
        }
        match kind(&folder.join(path.name()))? {
            None => Ok(false),
            Some(kind) if !kind.is_file() => Err(refusal()),
            Some(_) => Ok(true),
        }
    }

    /// Reads the file at `path`, if there is one. [`Error::TooLarge`] if it has more than `limit`
    /// bytes. See [`DocumentDirectory::check`].
    pub fn read(&self, path: &DocumentPath, limit: u64) -> Result<Option<Vec<u8>>> {
        if !self.check(path)? {
            return Ok(None);
        }
        let file = match File::open(self.root.join(path.folder()).join(path.name())) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            opened => opened.map_err(Error::of_file)?,
        };
        let length = file.metadata().map_err(Error::of_file)?.len();
        if length > limit {
            return Err(file_too_large(limit));
        }
        let mut content = Vec::with_capacity(length as usize);
        // A file can grow while it is read.
        file.take(limit.saturating_add(1)).read_to_end(&mut content).map_err(Error::of_file)?;
        match content.len() as u64 > limit {
            true => Err(file_too_large(limit)),
            false => Ok(Some(content)),
        }
    }

    /// Deletes the temporary file that a killed process left for `path`.
    pub fn remove_temporary(&self, path: &DocumentPath) -> Result<()> {
        let file = self.root.join(path.folder()).join(path.name());
        for number in 1.. {
            let mut temporary = file.clone().into_os_string();
            temporary.push(format!("#{number}"));
            match fs::remove_file(temporary) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => break,
                Err(error) => return Err(Error::of_file(error)),
            }
        }
        Ok(())
    }

    pub fn remove_unfinished(&self, before: SystemTime) -> Result<usize> {
        let mut removed = 0;
        for folder in fs::read_dir(&self.root).map_err(Error::of_file)? {
            let folder = folder.map_err(Error::of_file)?;
            if !folder.file_type().map_err(Error::of_file)?.is_dir() {
                continue;
            }
            for file in fs::read_dir(folder.path()).map_err(Error::of_file)? {
                let file = file.map_err(Error::internal)?;
                if is_unfinished(&file) && is_older(&file, before).unwrap_or(false) {
                    removed += usize::from(fs::remove_file(file.path()).is_ok());
                }
            }
        }
        Ok(removed)
    }
}

/// Returns the type of the file at `path`, without following links.
fn kind(path: &Path) -> Result<Option<FileType>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata.file_type())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::of_file(error)),
    }
}

/// Whether a file has the name of an unfinished file of the object store: the name of a document's
/// file, `#`, and a number.
fn is_unfinished(file: &DirEntry) -> bool {
    let name = file.file_name();
    let Some((stem, number)) = name.to_str().and_then(|name| name.rsplit_once('#')) else {
        return false;
    };
    stem.ends_with(".json") && !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit())
}

fn is_older(file: &DirEntry, before: SystemTime) -> io::Result<bool> {
    let metadata = file.metadata()?;
    Ok(metadata.is_file() && metadata.modified()? < before)
}
