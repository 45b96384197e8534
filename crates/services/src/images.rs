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
const ROOM: u64 = 2 << 30;

/// The maximum number of concurrent requests. Each holds several copies of an image in memory.
const AT_ONCE: usize = 2;

/// The maximum time a request waits for others.
const TURN: Duration = Duration::from_secs(120);

/// Generates images and stores them for a limited time.
pub struct ImageService {
    models: Arc<dyn Models>,
    room: Arc<GeneratedFiles>,
    turns: Semaphore,
}

/// A generated image and its file name.
pub struct StoredImage {
    /// The name for downloading it.
    pub file: GeneratedFile,
    /// The image.
    pub picture: GeneratedImage,
}

impl ImageService {
    /// Creates the service. `root` is the storage directory, `scratch` a directory for temporary
    /// files on the same disk.
    pub fn new(models: Arc<dyn Models>, root: &Path, scratch: PathBuf) -> Self {
        let is_ours = |name: &str| GeneratedFile::parse(name).is_ok();
        let room = Arc::new(GeneratedFiles::new(root.join(PICTURES), scratch, ROOM, is_ours));
        Self { models, room, turns: Semaphore::new(AT_ONCE) }
    }

    /// Checks that an image model is configured.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no image model is configured or a setting is invalid.
    pub fn ready(&self) -> Result<()> {
        self.models.images().map(drop)
    }

    /// Generates an image and stores it for 30 days, within the newest 2 GiB. Dropping the future
    /// cancels the request.
    ///
    /// # Errors
    /// [`Error::Unavailable`] if no image model is configured or it does not respond,
    /// [`Error::Exhausted`] if too many requests are queued; otherwise those of
    /// [`carrel_domain::image::ImageModel::generate`].
    pub async fn make(&self, request: &ImageRequest) -> Result<StoredImage> {
        let model = self.models.images()?;
        let turn = tokio::time::timeout(TURN, self.turns.acquire()).await;
        let busy = || Error::exhausted("Too many pictures are being created; try again later");
        let _turn = turn.map_err(|_| busy())?.map_err(Error::internal)?;
        let picture = model.generate(request).await?;
        let name = format!("img-{}.{}", Uuid::new_v4(), picture.kind.ending());
        let (file, room) = (GeneratedFile::parse(&name)?, self.room.clone());
        let save = move || {
            room.save(file.as_str(), &picture.content, SystemTime::now())
                .map(|()| StoredImage { file, picture })
        };
        let saved = tokio::task::spawn_blocking(save).await.map_err(Error::internal)?;
        saved.map_err(Error::of_file)
    }

    /// Deletes images older than 30 days, and the oldest ones if the total exceeds 2 GiB. Returns
    /// the number deleted.
    pub async fn sweep(&self, now: SystemTime) -> Result<usize> {
        let room = self.room.clone();
        let swept = tokio::task::spawn_blocking(move || room.sweep(now)).await;
        swept.map_err(Error::internal)?.map_err(Error::of_file)
    }
}
