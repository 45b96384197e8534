//! ImageService that are made on demand, and kept for a while.
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use carrel_domain::generated_file::{GeneratedFile, PICTURES};
use carrel_domain::image::{GeneratedImage, ImageRequest};
use carrel_domain::model::Models;
use carrel_domain::{Error, Result};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::kept_files::KeptFiles;

/// How much of them is kept, in bytes.
const ROOM: u64 = 2 << 30;

/// How many pictures are made at a time: each is in memory whole, several times over.
const AT_ONCE: usize = 2;

/// How long a request waits for those before it.
const TURN: Duration = Duration::from_secs(120);

/// Has pictures made and keeps them.
pub struct ImageService {
    models: Arc<dyn Models>,
    room: Arc<KeptFiles>,
    turns: Semaphore,
}

/// A picture, and the name under which it is kept.
pub struct StoredImage {
    /// The name under which it can be downloaded.
    pub file: GeneratedFile,
    /// The picture itself.
    pub picture: GeneratedImage,
}

impl ImageService {
    /// `root` is of everything that is stored; in `scratch`, on the same disk, files are written
    /// before they have their names.
    pub fn new(models: Arc<dyn Models>, root: &Path, scratch: PathBuf) -> Self {
        let is_ours = |name: &str| GeneratedFile::parse(name).is_ok();
        let room = Arc::new(KeptFiles::new(root.join(PICTURES), scratch, ROOM, is_ours));
        Self { models, room, turns: Semaphore::new(AT_ONCE) }
    }

    /// Whether pictures can be made as things are.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where nothing makes pictures, or a setting of it is not good.
    pub fn ready(&self) -> Result<()> {
        self.models.images().map(drop)
    }

    /// Has one picture made and keeps it: for 30 days, and the newest 2 GiB. Whoever stops waiting
    /// cancels it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] where nothing makes pictures, or does not now; [`Error::Exhausted`]
    /// when too many are waiting; those of [`carrel_domain::image::ImageModel::draw`].
    pub async fn make(&self, request: &ImageRequest) -> Result<StoredImage> {
        let model = self.models.images()?;
        let turn = tokio::time::timeout(TURN, self.turns.acquire()).await;
        let busy = || Error::exhausted("Too many pictures are being created; try again later");
        let _turn = turn.map_err(|_| busy())?.map_err(Error::internal)?;
        let picture = model.generate(request).await?;
        let name = format!("img-{}.{}", Uuid::new_v4(), picture.kind.ending());
        let (file, room) = (GeneratedFile::parse(&name)?, self.room.clone());
        let kept = move || {
            room.save(file.as_str(), &picture.content, SystemTime::now())
                .map(|()| StoredImage { file, picture })
        };
        let kept = tokio::task::spawn_blocking(kept).await.map_err(Error::internal)?;
        kept.map_err(Error::of_file)
    }

    /// Removes pictures that are older than 30 days, and the oldest of those that take more than
    /// 2 GiB together. Says how many.
    pub async fn sweep(&self, now: SystemTime) -> Result<usize> {
        let room = self.room.clone();
        let swept = tokio::task::spawn_blocking(move || room.sweep(now)).await;
        swept.map_err(Error::internal)?.map_err(Error::of_file)
    }
}
