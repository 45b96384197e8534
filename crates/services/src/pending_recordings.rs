//! Files of recordings that wait to be transcribed by a job.
use std::collections::HashSet;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use carrel_domain::{Error, Result};
use uuid::Uuid;

/// The directory of pending recordings. Cheap to clone.
#[derive(Clone, Debug)]
pub struct PendingRecordings {
    directory: PathBuf,
}

impl PendingRecordings {
    /// Creates a handle for `directory`. The directory is created with the first file.
    pub fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    /// Returns the path of a file.
    pub fn path(&self, name: Uuid) -> PathBuf {
        self.directory.join(name.to_string())
    }

    /// Stores an uploaded file and returns its name.
    pub async fn keep(&self, file: &Path) -> Result<Uuid> {
        let (name, from) = (Uuid::new_v4(), file.to_owned());
        let (directory, to) = (self.directory.clone(), self.path(name));
        let store = move || {
            fs::create_dir_all(directory)?;
            // On the same disk, a hard link suffices.
            match fs::hard_link(&from, &to) {
                Ok(()) => Ok(()),
                Err(_) => fs::copy(&from, &to).map(drop),
            }
        };
        let result = tokio::task::spawn_blocking(store).await.map_err(Error::internal)?;
        result.map(|()| name).map_err(Error::of_file)
    }

    /// Deletes a file, if it exists.
    pub async fn remove(&self, name: Uuid) {
        match tokio::fs::remove_file(self.path(name)).await {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                tracing::warn!(%error, "failed to remove a recording");
            }
            _ => {}
        }
    }

    /// Deletes files older than `before` that are not in `wanted`. Returns their number.
    pub async fn sweep(&self, referenced: HashSet<Uuid>, before: SystemTime) -> Result<usize> {
        let directory = self.directory.clone();
        let swept =
            tokio::task::spawn_blocking(move || sweep(&directory, &referenced, before)).await;
        swept.map_err(Error::internal)?.map_err(Error::of_file)
    }
}

fn sweep(directory: &Path, referenced: &HashSet<Uuid>, before: SystemTime) -> io::Result<usize> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        entries => entries?,
    };
    let mut count = 0;
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_str().and_then(|name| name.parse::<Uuid>().ok());
        let is_orphan = name.is_some_and(|name| !referenced.contains(&name));
        if is_orphan && entry.metadata()?.modified()? < before {
            fs::remove_file(entry.path())?;
            count += 1;
        }
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn files_stay_while_a_job_needs_them() {
        let directory = tempfile::tempdir().unwrap();
        let upload = directory.path().join("upload");
        fs::write(&upload, "sound").unwrap();
        let pending = PendingRecordings::new(directory.path().join("pending"));
        let cutoff = SystemTime::now() + Duration::from_secs(60);
        assert_eq!(pending.sweep(HashSet::new(), cutoff).await.unwrap(), 0);
        let (first, second) =
            (pending.keep(&upload).await.unwrap(), pending.keep(&upload).await.unwrap());
        fs::remove_file(&upload).unwrap();
        assert_eq!(fs::read_to_string(pending.path(first)).unwrap(), "sound");
        let early = SystemTime::now() - Duration::from_secs(60);
        assert_eq!(pending.sweep(HashSet::new(), early).await.unwrap(), 0, "too new");
        assert_eq!(pending.sweep(HashSet::from([first]), cutoff).await.unwrap(), 1);
        assert!(pending.path(first).exists() && !pending.path(second).exists());
        pending.remove(first).await;
        pending.remove(first).await;
        assert!(!pending.path(first).exists());
    }
}
