//! Pictures that people upload: the logo of the server, and those of workspaces.
use std::fs::File;

use async_trait::async_trait;
use uuid::Uuid;

use crate::audit::Event;
use crate::{Error, Result, WorkspaceId};

/// The largest file that is taken for a picture, in bytes.
pub const LARGEST_UPLOAD: u64 = 5 << 20;

/// How wide and high a picture is kept at the most, in pixels.
pub const SIDE: u32 = 256;

/// The longest name, in bytes.
const LONGEST_NAME: usize = 100;

/// The name of a picture: letters, digits and `. _ -`. Another picture has another name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PictureName(String);

impl PictureName {
    /// A name that no picture has yet.
    pub fn random() -> Self {
        Self(format!("{}.png", Uuid::new_v4()))
    }

    /// [`Error::Invalid`] unless it is a name.
    pub fn parse(text: &str) -> Result<Self> {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
        match (1..=LONGEST_NAME).contains(&text.len()) && text.chars().all(is_allowed) {
            true => Ok(Self(text.to_owned())),
            false => Err(Error::invalid("picture", "must be the name of a file")),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a picture shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureSubject {
    /// The server: its logo.
    Server,
    /// A workspace.
    Workspace(WorkspaceId),
}

/// A picture, as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadedPicture {
    /// Names it in addresses.
    pub name: PictureName,
    /// The picture, as a PNG file of at most [`SIDE`] pixels in width and height.
    pub png: Vec<u8>,
}

/// Where pictures are kept. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait UploadedPictures: Send + Sync {
    /// The picture of a subject, if it has one.
    async fn of(&self, subject: PictureSubject) -> Result<Option<UploadedPicture>>;
    /// Puts a picture in the place of the one before; `None` leaves the subject without.
    /// [`Error::NotFound`] when there is no such workspace.
    async fn set(
        &self,
        subject: PictureSubject,
        picture: Option<UploadedPicture>,
        event: Event,
    ) -> Result<()>;
}

/// Writes image files anew.
#[async_trait]
pub trait PictureConverter: Send + Sync {
    /// An image file as PNG of at most [`SIDE`] pixels in width and height, on behalf of `owner`, in bounded
    /// time and memory. [`Error::Unprocessable`] for what is no image or too large, [`Error::Unavailable`]
    /// where too many files are waiting.
    async fn convert(&self, file: File, owner: &str) -> Result<Vec<u8>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_nowhere() {
        assert!(PictureName::parse("8af17426-053a-4de6-a32f-3925c5535192.png").is_ok());
        assert!(PictureName::parse(PictureName::random().as_str()).is_ok());
        for bad in ["", "a/b.png", "a b.png", "a\\b", "é.png", "a\0", &"x".repeat(101)] {
            assert!(PictureName::parse(bad).is_err(), "{bad}");
        }
    }
}
