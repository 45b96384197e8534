//! The target folder of an export, which gets its final name when it is complete.
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::{Path, PathBuf};

use carrel_domain::{Error, Result};
use serde_json::Value;

/// The suffix of the folder's name until the export is complete.
const PARTIAL: &str = ".partial";

/// A folder being filled by an export.
pub struct TargetFolder {
    folder: PathBuf,
    partial: PathBuf,
}

impl TargetFolder {
    /// Creates `folder.partial`, readable by the operator only. [`Error::Unprocessable`] if
    /// `folder` exists and is not empty, or an incomplete export exists.
    pub fn begin(folder: &Path) -> Result<Self> {
        let path = folder.display();
        let Some(name) = folder.file_name() else {
            return Err(unprocessable(format!(
                "`{path}` is not the name of a folder; name a new one"
            )));
        };
        if !is_free(folder).map_err(|error| unprocessable(format!("cannot use {path}: {error}")))? {
            return Err(unprocessable(format!(
                "{path} exists and is not an empty folder; name a new one"
            )));
        }
        let mut partial = OsString::from(name);
        partial.push(PARTIAL);
        let partial = folder.with_file_name(partial);
        match create_private(&partial) {
            Ok(()) => Ok(Self { folder: folder.to_owned(), partial }),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(unprocessable(format!(
                "{0} exists: another export is writing it or was interrupted; if none is running, \
                 remove it and run this command again",
                partial.display()
            ))),
            Err(error) => Err(unprocessable(format!("cannot make {}: {error}", partial.display()))),
        }
    }

    /// Returns the path of a file in the incomplete folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.partial.join(name)
    }

    /// Creates a subfolder if it does not exist. Each name must be one path segment.
    pub fn make_folder(&self, names: &[&str]) -> Result<()> {
        let folder = names.iter().fold(self.partial.clone(), |folder, name| folder.join(name));
        match create_private(&folder) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(Error::of_file(error)),
            _ => Ok(()),
        }
    }

    /// Creates a JSON Lines file.
    pub fn lines(&self, name: &'static str) -> Result<JsonLines> {
        let file = File::create_new(self.path(name)).map_err(Error::of_file)?;
        Ok(JsonLines { name, file: BufWriter::new(file), count: 0 })
    }

    /// Writes the README file and gives the folder its final name.
    pub fn finish(self, readme: &str) -> Result<()> {
        fs::write(self.path("README.md"), readme).map_err(Error::of_file)?;
        let Self { folder, partial } = self;
        let result = match fs::remove_dir(&folder) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => fs::rename(&partial, &folder),
        };
        result.map_err(|error| {
            let (partial, folder) = (partial.display(), folder.display());
            unprocessable(format!(
                "{partial} is complete but cannot be renamed to {folder}: {error}"
            ))
        })
    }
}

fn unprocessable(reason: String) -> Error {
    Error::unprocessable(reason)
}

/// Returns whether a path does not exist or is an empty folder. A symbolic link is neither.
fn is_free(folder: &Path) -> io::Result<bool> {
    match fs::symlink_metadata(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(true),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => Ok(fs::read_dir(folder)?.next().is_none()),
        Ok(_) => Ok(false),
    }
}

fn create_private(folder: &Path) -> io::Result<()> {
    let builder = &mut fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(builder, 0o700);
    builder.create(folder)
}

/// A JSON Lines file being count.
pub struct JsonLines {
    name: &'static str,
    file: BufWriter<File>,
    count: u64,
}

impl JsonLines {
    /// Returns the name of the file.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Appends a row as one line.
    pub fn add(&mut self, row: &Value) -> Result<()> {
        serde_json::to_writer(&mut self.file, row)
            .map_err(io::Error::from)
            .and_then(|()| self.file.write_all(b"\n"))
            .map_err(Error::of_file)?;
        self.count += 1;
        Ok(())
    }

    /// Syncs the file to disk and returns the number of lines.
    pub fn finish(self) -> Result<u64> {
        let file = self.file.into_inner().map_err(|error| Error::of_file(error.into_error()))?;
        file.sync_all().map_err(Error::of_file)?;
        Ok(self.count)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_complete_folder_gets_its_final_name() {
        let directory = tempfile::tempdir().unwrap();
        let folder = directory.path().join("out");
        fs::create_dir(&folder).unwrap();
        let destination = TargetFolder::begin(&folder).unwrap();
        let mut lines = destination.lines("a.jsonl").unwrap();
        lines.add(&json!({ "text": "two\nlines" })).unwrap();
        assert_eq!(lines.finish().unwrap(), 1);
        assert!(TargetFolder::begin(&folder).is_err(), "two exports write one folder");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        destination.finish("read me").unwrap();
        let text = fs::read_to_string(folder.join("a.jsonl")).unwrap();
        assert_eq!(text, "{\"text\":\"two\\nlines\"}\n");
        assert!(!directory.path().join("out.partial").exists());
        assert!(TargetFolder::begin(&folder).is_err(), "the folder is not empty");
    }

    #[test]
    fn a_folder_with_content_is_refused_and_not_changed() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file");
        fs::write(&file, "mine").unwrap();
        let missing = directory.path().join("no").join("such");
        for path in [&file, &missing, Path::new("/"), Path::new("..")] {
            assert!(TargetFolder::begin(path).is_err(), "{}", path.display());
        }
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    }
}
