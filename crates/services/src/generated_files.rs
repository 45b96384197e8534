//! A directory of temporary generated files, limited by size and age.
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use tempfile::NamedTempFile;

/// How long files are kept. The database does not refer to them.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A directory of generated files. All methods block.
pub struct GeneratedFiles {
    directory: PathBuf,
    /// The directory for temporary files, on the same disk.
    scratch: PathBuf,
    /// The maximum total size, in bytes. The oldest files are deleted first.
    most: u64,
    /// Returns whether a file name belongs here. Other files are left alone.
    is_ours: fn(&str) -> bool,
    /// The total size in bytes, once computed. Other servers on this storage may have added files;
    /// the next sweep includes them.
    total: Mutex<Option<u64>>,
}

impl GeneratedFiles {
    /// Creates the store. Files are written to `scratch` and then moved to `directory`.
    pub fn new(directory: PathBuf, scratch: PathBuf, most: u64, is_ours: fn(&str) -> bool) -> Self {
        Self { directory, scratch, most, is_ours, total: Mutex::default() }
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
        if total.is_none_or(|total| total > self.most) {
            let swept = self.sweep_all(now, &mut total);
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
        self.sweep_all(now, &mut total)
    }

    fn sweep_all(&self, now: SystemTime, total: &mut Option<u64>) -> io::Result<usize> {
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
            let is_ours = name.to_str().is_some_and(self.is_ours);
            // Another server on this storage may have deleted it.
            let Some(metadata) = entry.metadata().ok().filter(|file| is_ours && file.is_file())
            else {
                continue;
            };
            files.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        files.sort_by(|one, other| other.cmp(one));
        let (mut scanned, mut retained, mut removed) = (0, 0, 0);
        for (modified, length, path) in files {
            scanned += length;
            let age = now.duration_since(modified).unwrap_or_default();
            let must_go = age > KEPT || scanned > self.most;
            if must_go && fs::remove_file(path).is_ok() {
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
    fn room(most: u64) -> (tempfile::TempDir, GeneratedFiles, SystemTime) {
        let disk = tempfile::tempdir().unwrap();
        let (directory, scratch) = (disk.path().join("made"), disk.path().to_owned());
        let room = GeneratedFiles::new(directory, scratch, most, |name| name.ends_with(".png"));
        (disk, room, SystemTime::now())
    }

    fn is_there(room: &GeneratedFiles, number: u8) -> bool {
        room.path(&name(number)).exists()
    }

    /// Creates a file of 100 bytes that is some days old.
    fn write(room: &GeneratedFiles, number: u8, days: u32, now: SystemTime) {
        fs::create_dir_all(&room.directory).unwrap();
        fs::write(room.path(&name(number)), [0; 100]).unwrap();
        let file = fs::File::options().append(true).open(room.path(&name(number)));
        file.unwrap().set_modified(now - days * DAY).unwrap();
    }

    #[test]
    fn old_and_excess_files_are_deleted() {
        let (_disk, mut room, now) = room(1000);
        assert_eq!(room.sweep(now).unwrap(), 0);
        for (number, days) in [(1, 0), (2, 1), (3, 29), (4, 31)] {
            write(&room, number, days, now);
        }
        let other = room.path("notes.txt");
        fs::write(&other, "mine").unwrap();
        assert_eq!(room.sweep(now).unwrap(), 1);
        assert!(!is_there(&room, 4) && is_there(&room, 3));
        room.most = 250;
        assert_eq!(room.sweep(now).unwrap(), 1);
        assert!(!is_there(&room, 3) && is_there(&room, 2) && is_there(&room, 1) && other.exists());
    }

    #[test]
    fn a_file_makes_room_for_itself() {
        let (_disk, room, now) = room(250);
        // Both before and after the total size is computed.
        write(&room, 1, 3, now);
        write(&room, 2, 2, now);
        room.save(&name(3), &[0; 100], now).unwrap();
        assert!(!is_there(&room, 1) && is_there(&room, 2) && is_there(&room, 3));
        write(&room, 3, 1, now);
        room.save(&name(4), &[0; 50], now).unwrap();
        assert!(is_there(&room, 2));
        room.save(&name(5), &[0; 50], now).unwrap();
        assert!(!is_there(&room, 2) && [3, 4, 5].iter().all(|number| is_there(&room, *number)));
    }

    #[test]
    fn a_file_is_stored_completely_or_not_at_all() {
        let (_disk, mut room, now) = room(1000);
        let missing = room.path("nowhere");
        let valid = std::mem::replace(&mut room.scratch, missing);
        assert!(room.save(&name(1), b"x", now).is_err() && !is_there(&room, 1));
        room.scratch = valid;
        room.save(&name(1), b"x", now).unwrap();
        assert_eq!(fs::read(room.path(&name(1))).unwrap(), b"x");
    }
}
