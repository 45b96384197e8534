//! A directory of temporary generated files, limited by size and age.
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

/// How long files are kept. The database does not refer to them.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A directory of generated files. All methods block.
pub struct GeneratedFiles {
    directory: PathBuf,
    /// The directory for temporary files, on the same disk.
    scratch: PathBuf,
    /// The maximum total size, in bytes. The oldest files are deleted first.
    max_bytes: u64,
    /// Returns whether a file name belongs here. Other files are left alone.
    is_name: fn(&str) -> bool,
    /// The total size in bytes, once computed. Other servers on this storage may have added files;
    /// the next sweep includes them.
    total: Mutex<Option<u64>>,
}

impl GeneratedFiles {
    /// Creates the store. Files are written to `scratch` and then moved to `directory`.
    pub fn new(
        directory: PathBuf,
        scratch: PathBuf,
        max_bytes: u64,
        is_name: fn(&str) -> bool,
    ) -> Self {
        Self { directory, scratch, max_bytes, is_name, total: Mutex::default() }
    }

    /// Returns the path of a file with this name, whether it exists or not.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Creates a temporary file to write to. Pass it to [`GeneratedFiles::persist`] to keep it.
    pub fn begin(&self) -> io::Result<NamedTempFile> {
        NamedTempFile::new_in(&self.scratch)
    }

    /// Stores a file atomically and deletes the oldest ones if the limit is exceeded.
    pub fn save(&self, name: &str, content: &[u8], now: SystemTime) -> io::Result<()> {
        let mut file = self.begin()?;
        file.write_all(content)?;
        self.persist(name, file, now)
    }

    /// Stores a file created by [`GeneratedFiles::begin`]. See [`GeneratedFiles::save`].
    pub fn persist(&self, name: &str, file: NamedTempFile, now: SystemTime) -> io::Result<()> {
        let mut total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
        let length = file.as_file().metadata()?.len();
        file.as_file().sync_all()?;
        fs::create_dir_all(&self.directory)?;
        file.persist(self.path(name)).map_err(|error| error.error)?;
        *total = total.map(|total| total + length);
        if total.is_none_or(|total| total > self.max_bytes) {
            let swept = self.sweep_directory(now, &mut total);
            // The file is stored even if old ones could not be deleted.
            if let Err(error) = swept {
                tracing::warn!(%error, "failed to delete old generated files");
            }
        }
        Ok(())
    }

    /// Deletes files that are too old, and the oldest ones if the limit is exceeded. Returns their
    /// number.
    pub fn sweep(&self, now: SystemTime) -> io::Result<usize> {
        let mut total = self.total.lock().unwrap_or_else(PoisonError::into_inner);
        self.sweep_directory(now, &mut total)
    }

    fn sweep_directory(&self, now: SystemTime, total: &mut Option<u64>) -> io::Result<usize> {
        *total = None;
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                *total = Some(0);
                return Ok(0);
            }
            entries => entries?,
        };
        let mut files = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let is_name = name.to_str().is_some_and(self.is_name);
            // Another server on this storage may have deleted it.
            let Some(metadata) = entry.metadata().ok().filter(|file| is_name && file.is_file())
            else {
                continue;
            };
            files.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        files.sort_by(|a, b| b.cmp(a));
        let (mut scanned, mut retained, mut removed) = (0, 0, 0);
        for (modified, length, path) in files {
            scanned += length;
            let age = now.duration_since(modified).unwrap_or_default();
            let is_expired = age > RETENTION || scanned > self.max_bytes;
            if is_expired && fs::remove_file(path).is_ok() {
                removed += 1;
            } else {
                retained += length;
            }
        }
        *total = Some(retained);
        Ok(removed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn name(number: u8) -> String {
        format!("{number}.png")
    }

    /// Returns a store in its own directory, and the current time.
    fn files(max_bytes: u64) -> (tempfile::TempDir, GeneratedFiles, SystemTime) {
        let disk = tempfile::tempdir().unwrap();
        let (directory, scratch) = (disk.path().join("made"), disk.path().to_owned());
        let files =
            GeneratedFiles::new(directory, scratch, max_bytes, |name| name.ends_with(".png"));
        (disk, files, SystemTime::now())
    }

    fn exists(files: &GeneratedFiles, number: u8) -> bool {
        files.path(&name(number)).exists()
    }

    /// Creates a file of 100 bytes that is some days old.
    fn write(files: &GeneratedFiles, number: u8, days: u32, now: SystemTime) {
        fs::create_dir_all(&files.directory).unwrap();
        fs::write(files.path(&name(number)), [0; 100]).unwrap();
        let file = fs::File::options().append(true).open(files.path(&name(number)));
        file.unwrap().set_modified(now - days * DAY).unwrap();
    }

    #[test]
    fn old_and_excess_files_are_deleted() {
        let (_disk, mut files, now) = files(1000);
        assert_eq!(files.sweep(now).unwrap(), 0);
        for (number, days) in [(1, 0), (2, 1), (3, 29), (4, 31)] {
            write(&files, number, days, now);
        }
        let unrelated = files.path("notes.txt");
        fs::write(&unrelated, "mine").unwrap();
        assert_eq!(files.sweep(now).unwrap(), 1);
        assert!(!exists(&files, 4) && exists(&files, 3));
        files.max_bytes = 250;
        assert_eq!(files.sweep(now).unwrap(), 1);
        assert!(!exists(&files, 3) && exists(&files, 2) && exists(&files, 1) && unrelated.exists());
    }

    #[test]
    fn a_file_makes_room_for_itself() {
        let (_disk, files, now) = files(250);
        // Both before and after the total size is computed.
        write(&files, 1, 3, now);
        write(&files, 2, 2, now);
        files.save(&name(3), &[0; 100], now).unwrap();
        assert!(!exists(&files, 1) && exists(&files, 2) && exists(&files, 3));
        write(&files, 3, 1, now);
        files.save(&name(4), &[0; 50], now).unwrap();
        assert!(exists(&files, 2));
        files.save(&name(5), &[0; 50], now).unwrap();
        assert!(!exists(&files, 2) && [3, 4, 5].iter().all(|number| exists(&files, *number)));
    }

    #[test]
    fn a_file_is_stored_completely_or_not_at_all() {
        let (_disk, mut files, now) = files(1000);
        let missing = files.path("nowhere");
        let valid = std::mem::replace(&mut files.scratch, missing);
        assert!(files.save(&name(1), b"x", now).is_err() && !exists(&files, 1));
        files.scratch = valid;
        files.save(&name(1), b"x", now).unwrap();
        assert_eq!(fs::read(files.path(&name(1))).unwrap(), b"x");
    }
}
