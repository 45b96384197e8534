//! Pictures that are made on demand, and the files in which they are kept for a while.
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use carrel_domain::generated_file::{GeneratedFile, PICTURES};
use carrel_domain::model::Models;
use carrel_domain::picture::{Picture, PictureRequest};
use carrel_domain::{Error, Result};
use tempfile::NamedTempFile;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// How many pictures are made at a time: each is in memory whole, several times over.
const AT_ONCE: usize = 2;

/// How long a request waits for those before it.
const TURN: Duration = Duration::from_secs(120);

/// How long pictures are kept. Nothing in the database refers to them.
const KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How much of them is kept, in bytes; the newest stay.
const ROOM: u64 = 2 << 30;

/// Has pictures made and keeps them.
pub struct Pictures {
    models: Arc<dyn Models>,
    /// Of everything that is stored.
    root: PathBuf,
    /// Where files are written before they have their names; on the same disk.
    scratch: PathBuf,
    turns: Semaphore,
}

/// A picture, and the name under which it is kept.
pub struct Made {
    pub file: GeneratedFile,
    pub picture: Picture,
}

impl Pictures {
    pub fn new(models: Arc<dyn Models>, root: PathBuf, scratch: PathBuf) -> Self {
        Self { models, root, scratch, turns: Semaphore::new(AT_ONCE) }
    }

    /// Has one picture made and keeps it. Whoever stops waiting cancels it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where nothing makes pictures, or does not now; [`Error::Exhausted`]
    /// when too many are waiting; those of [`carrel_domain::picture::ImageModel::draw`].
    pub async fn make(&self, request: &PictureRequest) -> Result<Made> {
        let model = self.models.images()?;
        let turn = tokio::time::timeout(TURN, self.turns.acquire()).await;
        let busy = || Error::exhausted("Too many pictures are being made; try again later");
        let _turn = turn.map_err(|_| busy())?.map_err(Error::internal)?;
        let picture = model.draw(request).await?;
        let name = format!("img-{}.{}", Uuid::new_v4(), picture.kind.ending());
        let file = GeneratedFile::parse(&name)?;
        let (to, scratch) = (file.beneath(&self.root), self.scratch.clone());
        let kept = move || (keep(&picture.content, &to, &scratch), picture);
        let kept = tokio::task::spawn_blocking(kept).await.map_err(Error::internal)?;
        let (outcome, picture) = kept;
        outcome.map_err(Error::of_file)?;
        Ok(Made { file, picture })
    }

    /// Removes pictures that are older than 30 days, and the oldest of those that take more than
    /// 2 GiB together. Says how many.
    pub async fn sweep(&self, now: SystemTime) -> Result<usize> {
        let directory = self.root.join(PICTURES);
        let swept = tokio::task::spawn_blocking(move || sweep(&directory, now, ROOM)).await;
        swept.map_err(Error::internal)?.map_err(Error::of_file)
    }
}

/// All of it or nothing.
fn keep(content: &[u8], to: &Path, scratch: &Path) -> io::Result<()> {
    if let Some(directory) = to.parent() {
        fs::create_dir_all(directory)?;
    }
    let mut file = NamedTempFile::new_in(scratch)?;
    file.write_all(content)?;
    file.as_file().sync_all()?;
    file.persist(to).map_err(|error| error.error)?;
    Ok(())
}

fn sweep(directory: &Path, now: SystemTime, room: u64) -> io::Result<usize> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let is_ours = entry.file_name().to_str().is_some_and(|n| GeneratedFile::parse(n).is_ok());
        // Another server on this storage may have removed it meanwhile.
        let Some(metadata) = entry.metadata().ok().filter(|file| is_ours && file.is_file()) else {
            continue;
        };
        files.push((metadata.modified()?, metadata.len(), entry.path()));
    }
    files.sort_by(|one, other| other.cmp(one));
    let (mut together, mut removed) = (0, 0);
    for (made, length, path) in files {
        together += length;
        let age = now.duration_since(made).unwrap_or_default();
        if age > KEPT || together > room {
            removed += usize::from(fs::remove_file(path).is_ok());
        }
    }
    Ok(removed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(directory: &Path, number: u8, days: u64, now: SystemTime) -> PathBuf {
        let name = format!("img-00000000-0000-4000-8000-0000000000{number:02}.png");
        let path = directory.join(name);
        let file = fs::File::create(&path).unwrap();
        file.set_len(100).unwrap();
        file.set_modified(now - Duration::from_secs(days * 24 * 60 * 60)).unwrap();
        path
    }

    #[test]
    fn old_pictures_go_and_so_do_the_oldest_of_too_many() {
        let directory = tempfile::tempdir().unwrap();
        let now = SystemTime::now();
        assert_eq!(sweep(&directory.path().join("none"), now, 1000).unwrap(), 0);
        let made = |number, days| picture(directory.path(), number, days, now);
        let (new, newer, older, old) = (made(1, 0), made(2, 1), made(3, 29), made(4, 31));
        let other = directory.path().join("notes.txt");
        fs::write(&other, "mine").unwrap();
        assert_eq!(sweep(directory.path(), now, 1000).unwrap(), 1);
        assert!(!old.exists() && older.exists());
        assert_eq!(sweep(directory.path(), now, 250).unwrap(), 1);
        assert!(!older.exists() && newer.exists() && new.exists() && other.exists());
    }

    #[test]
    fn a_picture_is_kept_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let to = directory.path().join("pictures/one.png");
        assert!(keep(b"x", &to, &directory.path().join("nowhere")).is_err());
        assert!(!to.exists());
        keep(b"x", &to, directory.path()).unwrap();
        assert_eq!(fs::read(&to).unwrap(), b"x");
    }
}
