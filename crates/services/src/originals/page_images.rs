//! Images of PDF pages, rendered on first request and cached.
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use carrel_domain::original::{OriginalName, PageImage, PageRenderer};
use carrel_domain::{Error, Result};
use tempfile::NamedTempFile;

/// The maximum size of the cache, in bytes.
pub const MAX_BYTES: u64 = 256 << 20;

/// Renders pages and caches the most recently requested images. Cheap to clone.
#[derive(Clone)]
pub struct PageImages {
    /// The renderer.
    pub renderer: Arc<dyn PageRenderer>,
    /// The cache directory. Each file begins with the page count.
    pub directory: PathBuf,
    /// The maximum size of the cache, in bytes.
    pub room: u64,
}

impl PageImages {
    /// Returns the cached image of a page, counted from 1.
    pub(super) async fn find(&self, name: OriginalName, page: u32) -> Option<PageImage> {
        let path = self.path(name, page);
        let image = tokio::task::spawn_blocking(move || read(&path)).await.ok()?;
        image.ok().flatten()
    }

    /// Renders a page of a file and caches the image.
    pub(super) async fn page(
        &self,
        name: OriginalName,
        file: File,
        page: u32,
        owner: &str,
    ) -> Result<PageImage> {
        let image = self.renderer.render_page(file, page, owner).await?;
        let (service, copy) = (self.clone(), image.clone());
        let store = move || service.store(name, page, &copy, SystemTime::now());
        // The image is returned even if it cannot be cached.
        if let Err(error) = tokio::task::spawn_blocking(store).await.map_err(Error::internal)? {
            tracing::warn!(%error, "failed to store the picture of a page");
        }
        Ok(image)
    }

    /// Deletes all cached images of an original.
    pub(super) async fn forget(&self, name: OriginalName) -> Result<()> {
        let service = self.clone();
        let forget = move || {
            for (_, _, path) in service.cached()? {
                let file_name = path.file_name().and_then(|file| file.to_str());
                if file_name.is_some_and(|file| file.starts_with(&format!("{name}-"))) {
                    remove(&path)?;
                }
            }
            io::Result::Ok(())
        };
        let forgotten = tokio::task::spawn_blocking(forget).await.map_err(Error::internal)?;
        forgotten.map_err(Error::of_file)
    }

    fn path(&self, name: OriginalName, page: u32) -> PathBuf {
        self.directory.join(format!("{name}-{page}"))
    }

    /// Caches an image and evicts the least recently requested ones if the limit is exceeded.
    fn store(
        &self,
        name: OriginalName,
        page: u32,
        image: &PageImage,
        now: SystemTime,
    ) -> io::Result<()> {
        fs::create_dir_all(&self.directory)?;
        let mut file = NamedTempFile::new_in(&self.directory)?;
        file.write_all(&image.pages.to_be_bytes())?;
        file.write_all(&image.png)?;
        file.as_file().set_modified(now)?;
        file.persist(self.path(name, page)).map_err(|error| error.error)?;
        let mut cached = self.cached()?;
        cached.sort_by(|a, b| b.cmp(a));
        let mut total = 0;
        for (_, bytes, path) in cached {
            total += bytes;
            if total > self.room {
                remove(&path)?;
            }
        }
        Ok(())
    }

    /// Returns the last request time, the size and the path of each cached image.
    fn cached(&self) -> io::Result<Vec<(SystemTime, u64, PathBuf)>> {
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let mut cached = Vec::new();
        for entry in entries {
            let entry = entry?;
            // Another request may have deleted it.
            let Some(metadata) = entry.metadata().ok().filter(fs::Metadata::is_file) else {
                continue;
            };
            cached.push((metadata.modified()?, metadata.len(), entry.path()));
        }
        Ok(cached)
    }
}

fn read(path: &PathBuf) -> io::Result<Option<PageImage>> {
    let mut file = match File::options().read(true).append(true).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let (mut pages, mut png) = ([0; 4], Vec::new());
    file.read_exact(&mut pages)?;
    file.read_to_end(&mut png)?;
    file.set_modified(SystemTime::now())?;
    Ok(Some(PageImage { pages: u32::from_be_bytes(pages), png }))
}

fn remove(path: &PathBuf) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use async_trait::async_trait;

    use super::*;

    /// Renders any of three pages, and counts.
    #[derive(Default)]
    struct FakeRenderer(AtomicU32);

    #[async_trait]
    impl PageRenderer for FakeRenderer {
        async fn render_page(&self, _: File, page: u32, _: &str) -> Result<PageImage> {
            self.0.fetch_add(1, Ordering::Relaxed);
            match page {
                1..=3 => Ok(image(page)),
                _ => Err(Error::not_found("page", page)),
            }
        }
    }

    fn image(page: u32) -> PageImage {
        PageImage { pages: 3, png: vec![u8::try_from(page).unwrap(); 96] }
    }

    fn images(room: u64) -> (tempfile::TempDir, PageImages) {
        let directory = tempfile::tempdir().unwrap();
        let pages = directory.path().join("pages");
        (
            directory,
            PageImages { renderer: Arc::new(FakeRenderer::default()), directory: pages, room },
        )
    }

    #[tokio::test]
    async fn a_page_is_rendered_once_and_deleted_with_its_original() {
        let (_directory, images) = images(1_000);
        let (first, second) = (OriginalName::random(), OriginalName::random());
        let file = || tempfile::tempfile().unwrap();
        assert_eq!(images.find(first, 2).await, None);
        assert_eq!(images.page(first, file(), 2, "a").await.unwrap(), image(2));
        images.page(second, file(), 2, "a").await.unwrap();
        assert_eq!(images.find(first, 2).await, Some(image(2)));
        assert!(matches!(images.page(first, file(), 4, "a").await, Err(Error::NotFound { .. })));
        images.forget(first).await.unwrap();
        assert_eq!(
            (images.find(first, 2).await, images.find(second, 2).await),
            (None, Some(image(2)))
        );
    }

    #[tokio::test]
    async fn the_least_recently_viewed_pages_are_evicted_first() {
        let (_directory, images) = images(250);
        let (name, now) = (OriginalName::random(), SystemTime::now());
        let at = |seconds| now - Duration::from_secs(seconds);
        images.store(name, 1, &image(1), at(90)).unwrap();
        images.store(name, 2, &image(2), at(60)).unwrap();
        images.find(name, 1).await.unwrap();
        images.store(name, 3, &image(3), at(0)).unwrap();
        assert_eq!(images.find(name, 2).await, None);
        assert_eq!(images.find(name, 1).await, Some(image(1)));
        assert_eq!(images.find(name, 3).await, Some(image(3)));
    }
}
