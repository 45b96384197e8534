//! Uploaded pictures: the logo of the server and the pictures of workspaces.
use std::path::PathBuf;
use std::sync::Arc;

use carrel_domain::audit::By;
use carrel_domain::picture::{
    LARGEST_UPLOAD, PictureConverter, PictureName, PictureSubject, UploadedPicture,
    UploadedPictures,
};
use carrel_domain::{Error, Result};
use serde_json::json;

/// Converts and stores uploaded pictures. Cheap to clone.
#[derive(Clone)]
pub struct PictureService {
    /// The picture store.
    pub pictures: Arc<dyn UploadedPictures>,
    /// Converts image files to PNG.
    pub converter: Arc<dyn PictureConverter>,
}

impl PictureService {
    /// Returns the picture of a subject, if it has one.
    pub async fn of(&self, subject: PictureSubject) -> Result<Option<UploadedPicture>> {
        self.pictures.of(subject).await
    }

    /// Sets the picture of a subject from an image file.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the file is too large, [`Error::Unprocessable`] if it is not an
    /// image, [`Error::NotFound`] if the workspace does not exist.
    pub async fn upload(
        &self,
        subject: PictureSubject,
        file: PathBuf,
        by: &By,
    ) -> Result<UploadedPicture> {
        let open = move || {
            let file = std::fs::File::open(file)?;
            let bytes = file.metadata()?.len();
            std::io::Result::Ok((file, bytes))
        };
        let opened = tokio::task::spawn_blocking(open).await.map_err(Error::internal)?;
        let (file, bytes) = opened.map_err(Error::of_file)?;
        if bytes > LARGEST_UPLOAD {
            let reason = format!("The picture must not be larger than {LARGEST_UPLOAD} bytes.");
            return Err(Error::invalid("file", reason));
        }
        let png = self.converter.convert(file, &by.actor.to_text()).await?;
        let picture = UploadedPicture { name: PictureName::random(), png };
        self.set(subject, Some(picture.clone()), by).await?;
        Ok(picture)
    }

    /// Removes the picture of a subject.
    pub async fn remove(&self, subject: PictureSubject, by: &By) -> Result<()> {
        self.set(subject, None, by).await
    }

    async fn set(
        &self,
        subject: PictureSubject,
        picture: Option<UploadedPicture>,
        by: &By,
    ) -> Result<()> {
        let is_set = picture.is_some();
        let event = match subject {
            PictureSubject::Server => {
                by.event("logo_changed", json!({ "set": is_set }).to_string())
            }
            PictureSubject::Workspace(id) => {
                let details = json!({ "workspaceId": id.0, "set": is_set });
                by.event("workspace_picture_changed", details.to_string())
            }
        };
        self.pictures.set(subject, picture, event).await
    }
}
