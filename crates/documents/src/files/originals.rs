//! Stores the originals of documents in an object store, separate from the texts.
use std::fs::{self, File};
use std::io::{ErrorKind, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use carrel_domain::original::{OriginalFiles, OriginalName};
use carrel_domain::{Error, Result};
use futures_util::TryStreamExt;
use object_store::buffered::BufWriter;
use object_store::{ObjectStore, ObjectStoreExt};
use tokio::io::AsyncWriteExt;

use crate::blocking;

/// Originals in an object store.
#[derive(Clone, Debug)]
pub struct OriginalStore(Place);

#[derive(Clone, Debug)]
enum Place {
    Directory(PathBuf),
    Store(Arc<dyn ObjectStore>),
}

impl OriginalStore {
    /// Keeps files in a service without symbolic links.
    pub fn new(store: Arc<dyn ObjectStore>) -> Self {
        Self(Place::Store(store))
    }

    /// Keeps files in the directory `root`, which is created if needed.
    pub fn local(root: &Path) -> Result<Self> {
        fs::create_dir_all(root).map_err(Error::of_file)?;
        let root = fs::canonicalize(root).map_err(Error::of_file)?;
        Ok(Self(Place::Directory(root)))
    }
}

#[async_trait]
impl OriginalFiles for OriginalStore {
    async fn put(&self, name: OriginalName, from: &Path) -> Result<()> {
        let from = from.to_owned();
        match &self.0 {
            Place::Directory(root) => {
                let to = root.join(name.location());
                blocking(move || write(&from, &to).map_err(Error::of_file)).await
            }
            Place::Store(store) => {
                let mut file = tokio::fs::File::open(from).await.map_err(Error::of_file)?;
                let mut writer = BufWriter::new(store.clone(), name.location().into());
                let copied = tokio::io::copy(&mut file, &mut writer).await;
                match copied {
                    Ok(_) => writer.shutdown().await.map_err(Error::of_file),
                    Err(error) => {
                        // Otherwise the uploaded parts would stay in the store.
                        let _ = writer.abort().await;
                        Err(Error::of_file(error))
                    }
                }
            }
        }
    }

    async fn open(&self, name: OriginalName) -> Result<Option<File>> {
        match &self.0 {
            Place::Directory(root) => {
                let path = root.join(name.location());
                blocking(move || open(&path)).await
            }
            Place::Store(store) => {
                let found = match store.get(&name.location().into()).await {
                    Err(object_store::Error::NotFound { .. }) => return Ok(None),
                    found => found.map_err(Error::of_file)?,
                };
                let mut file = blocking(|| tempfile::tempfile().map_err(Error::of_file)).await?;
                let mut pieces = found.into_stream();
                while let Some(piece) = pieces.try_next().await.map_err(Error::of_file)? {
                    file = blocking(move || {
                        file.write_all(&piece).map_err(Error::of_file)?;
                        Ok(file)
                    })
                    .await?;
                }
                file.rewind().map_err(Error::of_file)?;
                Ok(Some(file))
            }
        }
    }

    async fn delete(&self, name: OriginalName) -> Result<()> {
        match &self.0 {
            Place::Directory(root) => {
                let path = root.join(name.location());
                blocking(move || match fs::remove_file(path) {
                    Err(error) if error.kind() != ErrorKind::NotFound => Err(Error::of_file(error)),
                    _ => Ok(()),
                })
                .await
            }
            Place::Store(store) => match store.delete(&name.location().into()).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
                Err(error) => Err(Error::of_file(error)),
            },
        }
    }

    async fn room(&self) -> Result<Option<u64>> {
        match &self.0 {
            Place::Directory(root) => {
                let root = root.clone();
                blocking(move || room(&root)).await
            }
            Place::Store(_) => Ok(None),
        }
    }
}

/// Copies a file instead of linking it, because others may change the one at `from` later.
fn write(from: &Path, to: &Path) -> std::io::Result<()> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut copy = File::create_new(to)?;
    std::io::copy(&mut File::open(from)?, &mut copy)?;
    copy.sync_all()
}

/// Opens a regular file. A symbolic link counts as missing, because it could lead elsewhere.
fn open(path: &Path) -> Result<Option<File>> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => File::open(path).map(Some).map_err(Error::of_file),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::of_file(error)),
    }
}

#[cfg(unix)]
fn room(root: &Path) -> Result<Option<u64>> {
    let found =
        rustix::fs::statvfs(root).map_err(|error| Error::of_file(std::io::Error::from(error)))?;
    Ok(Some(found.f_bavail.saturating_mul(found.f_frsize)))
}

#[cfg(not(unix))]
fn room(_: &Path) -> Result<Option<u64>> {
    Ok(None)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use object_store::memory::InMemory;

    use super::*;

    async fn keeps_and_deletes(store: OriginalStore) {
        let directory = tempfile::tempdir().unwrap();
        let from = directory.path().join("a.pdf");
        fs::write(&from, "content").unwrap();
        let name = OriginalName::random();
        assert!(store.open(name).await.unwrap().is_none());
        store.put(name, &from).await.unwrap();
        fs::write(&from, "changed").unwrap();
        let mut text = String::new();
        store.open(name).await.unwrap().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
        store.delete(name).await.unwrap();
        store.delete(name).await.unwrap();
        assert!(store.open(name).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_directory_keeps_copies_until_they_are_deleted() {
        let directory = tempfile::tempdir().unwrap();
        let store = OriginalStore::local(&directory.path().join("originals")).unwrap();
        assert!(store.room().await.unwrap().is_some_and(|bytes| bytes > 0));
        keeps_and_deletes(store).await;
    }

    #[tokio::test]
    async fn an_object_store_keeps_copies_until_they_are_deleted() {
        keeps_and_deletes(OriginalStore::new(Arc::new(InMemory::new()))).await;
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_link_in_place_of_a_file_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let store = OriginalStore::local(directory.path()).unwrap();
        let name = OriginalName::random();
        let path = directory.path().join(name.location());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", path).unwrap();
        assert!(store.open(name).await.unwrap().is_none());
    }
}
