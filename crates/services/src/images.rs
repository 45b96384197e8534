//! Image generation on request, with temporary storage of the results.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use carrel_domain::generated_file::{GeneratedFile, PICTURES};
use carrel_domain::image::{GeneratedImage, ImageRequest};
use carrel_domain::model::Models;
use carrel_domain::{Error, Result};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::generated_files::GeneratedFiles;

/// The maximum size of all stored images, in bytes.
const MAX_STORED_BYTES: u64 = 2 << 30;

/// The maximum number of concurrent requests. Each holds several copies of an image in memory.
const MAX_CONCURRENT: usize = 2;

/// The maximum time a request waits for others.
const MAX_WAIT: Duration = Duration::from_secs(120);

/// Generates images and stores them for a limited time.
pub struct ImageService {
    models: Arc<dyn Models>,
    files: Arc<GeneratedFiles>,
    semaphore: Semaphore,
}

/// A generated image and its file name.
pub struct StoredImage {
    /// The name for downloading it.
    pub file: GeneratedFile,
    /// The image.
    pub image: GeneratedImage,
}

impl ImageService {
    /// Creates the service. `root` is the storage directory, `scratch` a directory for temporary
    /// files on the same disk.
    pub fn new(models: Arc<dyn Models>, root: &Path, scratch: PathBuf) -> Self {
        let is_ours = |name: &str| GeneratedFile::parse(name).is_ok();
        let files =
            Arc::new(GeneratedFiles::new(root.join(PICTURES), scratch, MAX_STORED_BYTES, is_ours));
        Self { models, files, semaphore: Semaphore::new(MAX_CONCURRENT) }
    }

    /// Checks that an image model is configured.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no image model is configured or a setting is invalid.
    pub fn check_available(&self) -> Result<()> {
        self.models.images().map(drop)
    }

    /// Generates an image and stores it for 30 days, within the newest 2 GiB. Dropping the future
    /// cancels the request.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no image model is configured or it does not respond,
    /// [`Error::Exhausted`] if too many requests are queued; otherwise those of
    /// [`carrel_domain::image::ImageModel::generate`].
    pub async fn generate(&self, request: &ImageRequest) -> Result<StoredImage> {
        let model = self.models.images()?;
        let permit = tokio::time::timeout(MAX_WAIT, self.semaphore.acquire()).await;
        let exhausted = || Error::exhausted("Too many pictures are being created; try again later");
        let _permit = permit.map_err(|_| exhausted())?.map_err(Error::internal)?;
        let image = model.generate(request).await?;
        let name = format!("img-{}.{}", Uuid::new_v4(), image.kind.ending());
        let (file, files) = (GeneratedFile::parse(&name)?, self.files.clone());
        let save = move || {
            files
                .save(file.as_str(), &image.content, SystemTime::now())
                .map(|()| StoredImage { file, image })
        };
        let saved = tokio::task::spawn_blocking(save).await.map_err(Error::internal)?;
        saved.map_err(Error::of_file)
    }

    /// Deletes images older than 30 days, and the oldest ones if the total exceeds 2 GiB. Returns
    /// the number deleted.
    pub async fn sweep(&self, now: SystemTime) -> Result<usize> {
        let files = self.files.clone();
        let result = tokio::task::spawn_blocking(move || files.sweep(now)).await;
        result.map_err(Error::internal)?.map_err(Error::of_file)
    }
}
