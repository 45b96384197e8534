//! Checkpoints of transcriptions: a file for each recording with its partial transcript, so that a
//! killed process loses no more than the last window.
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

/// Lifetime of an unused checkpoint.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3_600);
/// The largest checkpoint, in bytes; the transcript of the longest recording is smaller.
const LARGEST: u64 = 64 << 20;
const ENDING: &str = "transcript";

/// The directory of checkpoints. A checkpoint is named by the digest of its recording and the
/// model.
#[derive(Clone, Debug)]
pub struct Checkpoints {
    directory: PathBuf,
}

/// The partial transcript of a recording. The file is locked while this value exists.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    file: File,
    saved: Transcribed,
    /// Entries since the last progress, of an unfinished window.
    fresh: Vec<u8>,
}

/// The finished part of a transcript.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcribed {
    pub language: Option<String>,
    pub segments: Vec<SavedSegment>,
    /// Seconds transcribed, including silence.
    pub done: f64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SavedSegment {
    pub start: f64,
    pub end: f64,
    pub text: String,
}

/// A line of the file.
#[derive(Debug, Serialize, Deserialize)]
pub enum CheckpointEntry {
    Language(String),
    Segment(SavedSegment),
    /// The preceding entries cover the recording up to this second.
    Done(f64),
}

impl Checkpoints {
    /// Keeps checkpoints in `directory`, which is created if needed. Removes expired ones.
    pub fn open(directory: PathBuf) -> io::Result<Self> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(&directory)?;
        let checkpoints = Self { directory };
        checkpoints.sweep(SystemTime::now())?;
        Ok(checkpoints)
    }

    /// Opens the checkpoint of a recording. Returns `None` while another process writes it.
    pub fn of(&self, digest: [u8; 32], model: &str) -> io::Result<Option<Checkpoint>> {
        self.sweep(SystemTime::now())?;
        let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        let path = self.directory.join(format!("{digest}-{model}.{ENDING}"));
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(fs::TryLockError::WouldBlock) => return Ok(None),
            Err(fs::TryLockError::Error(error)) => return Err(error),
        }
        let mut content = String::new();
        // A file that is not text was not written by this code.
        if (&mut file).take(LARGEST).read_to_string(&mut content).is_err() {
            content.clear();
        }
        let (saved, whole) = read(&content);
        file.set_len(whole as u64)?;
        file.seek(SeekFrom::End(0))?;
        Ok(Some(Checkpoint { path, file, saved, fresh: Vec::new() }))
    }

    fn sweep(&self, now: SystemTime) -> io::Result<()> {
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let is_old =
                entry.metadata()?.modified()?.checked_add(KEPT_FOR).is_some_and(|end| end < now);
            let is_one =
                Path::new(&entry.file_name()).extension().is_some_and(|ending| ending == ENDING);
            if is_one && is_old {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

impl Checkpoint {
    /// Returns the content at the time of opening.
    pub fn take_saved(&mut self) -> Transcribed {
        std::mem::take(&mut self.saved)
    }

    /// Adds an entry, which is written with the next [`CheckpointEntry::Done`].
    pub fn add(&mut self, entry: &CheckpointEntry) -> io::Result<()> {
        serde_json::to_writer(&mut self.fresh, entry)?;
        self.fresh.push(b'\n');
        if matches!(entry, CheckpointEntry::Done(_)) {
            self.file.write_all(&self.fresh)?;
            self.fresh.clear();
        }
        Ok(())
    }

    pub fn remove(self) -> io::Result<()> {
        fs::remove_file(&self.path)
    }
}

/// Parses a file. Returns its content and the length of its complete part, up to the last progress.
fn read(content: &str) -> (Transcribed, usize) {
    let (mut saved, mut next, mut whole, mut at) = (Transcribed::default(), Vec::new(), 0, 0);
    let mut language = None;
    for line in content.split_inclusive('\n') {
        at += line.len();
        match serde_json::from_str(line) {
            Ok(CheckpointEntry::Language(code)) => language = Some(code),
            Ok(CheckpointEntry::Segment(segment)) => next.push(segment),
            Ok(CheckpointEntry::Done(seconds)) if line.ends_with('\n') => {
                saved.segments.append(&mut next);
                saved.language = language.clone();
                saved.done = seconds;
                whole = at;
            }
            _ => break,
        }
    }
    (saved, whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(start: f64, text: &str) -> CheckpointEntry {
        CheckpointEntry::Segment(SavedSegment { start, end: start + 1.0, text: text.to_owned() })
    }

    #[test]
    fn finished_windows_are_restored_and_unfinished_ones_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(directory.path().join("new")).unwrap();
        let mut first = checkpoints.of([1; 32], "base").unwrap().unwrap();
        assert_eq!(first.take_saved(), Transcribed::default());
        for entry in [
            CheckpointEntry::Language("en".into()),
            segment(0.5, " One."),
            CheckpointEntry::Done(30.0),
            segment(31.0, " Two."),
            CheckpointEntry::Done(58.5),
            segment(60.0, " Lost."),
        ] {
            first.add(&entry).unwrap();
        }
        assert!(checkpoints.of([1; 32], "base").unwrap().is_none(), "it is locked");
        drop(first);
        let mut again = checkpoints.of([1; 32], "base").unwrap().unwrap();
        let Transcribed { language, segments, done } = again.take_saved();
        let texts: Vec<_> = segments.iter().map(|segment| segment.text.as_str()).collect();
        assert_eq!((language.as_deref(), done), (Some("en"), 58.5));
        assert_eq!(texts, [" One.", " Two."]);
        assert!(
            checkpoints.of([1; 32], "small").unwrap().unwrap().take_saved().segments.is_empty()
        );
        again.remove().unwrap();
        assert_eq!(checkpoints.of([1; 32], "base").unwrap().unwrap().take_saved().done, 0.0);
    }

    #[test]
    fn content_after_damage_is_lost() {
        let directory = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(directory.path().to_owned()).unwrap();
        let path = checkpoints.of([2; 32], "base").unwrap().unwrap().path;
        let good =
            "{\"Segment\":{\"start\":0.0,\"end\":1.0,\"text\":\" One.\"}}\n{\"Done\":30.0}\n";
        for bad in ["{\"Done\":6", "nonsense\n{\"Done\":90.0}\n", "{\"Done\":90.0}"] {
            fs::write(&path, format!("{good}{bad}")).unwrap();
            let mut checkpoint = checkpoints.of([2; 32], "base").unwrap().unwrap();
            assert_eq!(checkpoint.take_saved().done, 30.0, "{bad}");
            drop(checkpoint);
            assert_eq!(fs::read_to_string(&path).unwrap(), good);
        }
        fs::write(&path, [0xff, 0xfe]).unwrap();
        assert_eq!(checkpoints.of([2; 32], "base").unwrap().unwrap().take_saved().done, 0.0);
    }

    #[test]
    fn old_ones_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(directory.path().to_owned()).unwrap();
        let path = checkpoints.of([3; 32], "base").unwrap().unwrap().path;
        checkpoints.sweep(SystemTime::now() + KEPT_FOR - Duration::from_secs(60)).unwrap();
        assert!(path.exists());
        checkpoints.sweep(SystemTime::now() + KEPT_FOR + Duration::from_secs(60)).unwrap();
        assert!(!path.exists());
    }
}
