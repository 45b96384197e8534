//! Image generation: requests, results, and the port for providers.
use std::path::PathBuf;

use async_trait::async_trait;

use crate::{Error, Result};

/// The maximum size of an image, from a client or a provider, in bytes.
pub const LARGEST_PICTURE: usize = 25 << 20;

/// The maximum number of reference images.
pub const MAX_REFERENCES: usize = 10;

/// The maximum length of a prompt, in bytes.
pub const LONGEST_PROMPT: usize = 32_000;

/// The encoding of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageFormat {
    /// PNG.
    Png,
    /// JPEG.
    Jpeg,
    /// WebP, lossy or lossless.
    WebP,
}

impl ImageFormat {
    /// Detects the format from the first bytes of the content. Returns `None` for other formats.
    pub fn of(content: &[u8]) -> Option<Self> {
        match content {
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Self::Png),
            [0xff, 0xd8, 0xff, ..] => Some(Self::Jpeg),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            _ => None,
        }
    }

    /// Returns the media type, such as `image/png`.
    pub fn mime(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::WebP => "image/webp",
        }
    }

    /// Returns the file extension, without the dot.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::WebP => "webp",
        }
    }
}

/// Width and height in pixels, each from 16 to 8192.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ImageSize {
    /// The width in pixels, 16 to 8192.
    pub width: u32,
    /// The height in pixels, 16 to 8192.
    pub height: u32,
}

impl ImageSize {
    /// Parses `1024x768`. Returns `None` for `auto` or an empty text, which leave the size to the
    /// provider.
    ///
    /// # Errors
    /// See [`ImageSize::parse`].
    pub fn chosen(text: &str) -> Result<Option<Self>> {
        match text.trim() {
            "" | "auto" => Ok(None),
            text => Self::parse(text).map(Some),
        }
    }

    /// Parses `1024x768`.
    ///
    /// # Errors
    /// [`Error::Invalid`] in the field `size` for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        let side = |text: &str| {
            let digits = text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse().ok().filter(|side| digits && (16..=8192).contains(side))
        };
        let size = text.trim().split_once('x');
        let size = size
            .and_then(|(width, height)| Some(Self { width: side(width)?, height: side(height)? }));
        let reason = "must be a width and a height of 16 to 8192 pixels, such as 1024x768";
        size.ok_or_else(|| Error::invalid("size", reason))
    }
}

impl std::fmt::Display for ImageSize {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}x{}", self.width, self.height)
    }
}

/// A reference image, in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceImage {
    /// The format, detected from the first bytes of the content.
    pub kind: ImageFormat,
    /// The file with the content.
    pub content: PathBuf,
    /// The length in bytes.
    pub length: u64,
}

/// A request for an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageRequest {
    /// The description of the image.
    pub prompt: String,
    /// The size. The provider's default if absent.
    pub size: Option<ImageSize>,
    /// Reference images, at most [`MAX_REFERENCES`].
    pub references: Vec<ReferenceImage>,
}

/// A generated image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedImage {
    /// The format of the content.
    pub kind: ImageFormat,
    /// The content of the file.
    pub content: Vec<u8>,
    /// How the image differs from the request, in ASCII.
    pub notice: Option<String>,
}

/// Generates images.
#[async_trait]
pub trait ImageModel: Send + Sync {
    /// Returns the name of the model, as in the settings.
    fn name(&self) -> String;
    /// Generates an image. [`Error::Invalid`] if the model does not support the request.
    async fn generate(&self, request: &ImageRequest) -> Result<GeneratedImage>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_determine_the_image_format() {
        for (content, kind) in [
            (&b"\x89PNG\r\n\x1a\n...."[..], Some(ImageFormat::Png)),
            (b"\xff\xd8\xff\xe0", Some(ImageFormat::Jpeg)),
            (b"RIFF\x10\0\0\0WEBPVP8 ", Some(ImageFormat::WebP)),
            (b"RIFF\x10\0\0\0WAVE", None),
            (b"<svg xmlns='http://www.w3.org/2000/svg'/>", None),
            (b"GIF89a", None),
            (b"\x89PNG", None),
            (b"", None),
        ] {
            assert_eq!(ImageFormat::of(content), kind);
        }
    }

    #[test]
    fn a_size_parses_as_width_and_height() {
        assert_eq!(ImageSize::parse("1024x768").unwrap().to_string(), "1024x768");
        assert_eq!(ImageSize::chosen(" 1024x768").unwrap(), ImageSize::parse("1024x768").ok());
        assert_eq!(
            [ImageSize::chosen("auto").unwrap(), ImageSize::chosen(" ").unwrap()],
            [None, None]
        );
        assert!(ImageSize::chosen("Auto").is_err());
        for wrong in
            ["", "x", "1024", "15x16", "16x8193", "+16x16", "1e3x16", "16x16x16", "00016x16"]
        {
            assert!(ImageSize::parse(wrong).is_err(), "{wrong}");
        }
    }
}
