//! Uploaded pictures: the logo of the server and the pictures of workspaces.
use std::fs::File;

use async_trait::async_trait;
use uuid::Uuid;

use crate::audit::Event;
use crate::{Error, Result, WorkspaceId};

/// The maximum size of an uploaded picture file, in bytes.
pub const LARGEST_UPLOAD: u64 = 5 << 20;

/// The maximum width and height of a stored picture, in pixels.
pub const SIDE: u32 = 256;

/// The maximum length of a name, in bytes.
const LONGEST_NAME: usize = 100;

/// The name of a picture: letters, digits and `. _ -`. Every picture has its own name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureName(String);

impl PictureName {
    /// Returns a new random name.
    pub fn random() -> Self {
        Self(format!("{}.png", Uuid::new_v4()))
    }

    /// Parses a name. [`Error::Invalid`] if it is empty, longer than 100 bytes or has other
    /// characters.
    pub fn parse(text: &str) -> Result<Self> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        match (1..=LONGEST_NAME).contains(&text.len()) && text.chars().all(is_allowed) {
            true => Ok(Self(text.to_owned())),
            false => Err(Error::invalid("picture", "must be the name of a file")),
        }
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The subject that a picture represents.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureSubject {
    /// The server. Its picture is the logo.
    Server,
    /// A workspace.
    Workspace(WorkspaceId),
}

/// A stored picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedPicture {
    /// The name used in URLs.
    pub name: PictureName,
    /// The content: a PNG file of at most [`SIDE`] pixels in width and height.
    pub png: Vec<u8>,
}

/// Stores pictures. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait UploadedPictures: Send + Sync {
    /// Returns the picture of a subject, if it has one.
    async fn of(&self, subject: PictureSubject) -> Result<Option<UploadedPicture>>;
    /// Replaces the picture of a subject; `None` removes it. [`Error::NotFound`] if the workspace
    /// does not exist.
    async fn set(
        &self,
        subject: PictureSubject,
        picture: Option<UploadedPicture>,
        event: Event,
    ) -> Result<()>;
}

/// Converts image files to stored pictures.
#[async_trait]
pub trait PictureConverter: Send + Sync {
    /// Converts an image file to PNG of at most [`SIDE`] pixels in width and height, on behalf of
    /// `owner`, with bounded time and memory. [`Error::Unprocessable`] if the file is not an image
    /// or too large, [`Error::Unavailable`] if too many files are queued.
    async fn convert(&self, file: File, owner: &str) -> Result<Vec<u8>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_name_is_a_single_path_segment() {
        assert!(PictureName::parse("8af17426-053a-4de6-a32f-3925c5535192.png").is_ok());
        assert!(PictureName::parse(PictureName::random().as_str()).is_ok());
        for bad in ["", "a/b.png", "a b.png", "a\\b", "é.png", "a\0", &"x".repeat(101)] {
            assert!(PictureName::parse(bad).is_err(), "{bad}");
        }
    }
}
