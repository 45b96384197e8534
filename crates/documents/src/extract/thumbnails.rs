//! Re-encodes uploaded pictures in a worker, so that nothing harmful in a file reaches a browser.
use std::fs::File;
use std::io::Read;

use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::document::ReadRequest;
use carrel_domain::original::PageImage;
use carrel_domain::picture::{LARGEST_UPLOAD, PictureConverter, SIDE};

use super::extract_error::ExtractError;
use super::{DRAWING, FileExtractor};

#[async_trait]
impl PictureConverter for FileExtractor {
    async fn convert(&self, file: File, owner: &str) -> Result<Vec<u8>> {
        let request = ReadRequest {
            owner: owner.to_owned(),
            time_limit: Some(DRAWING),
            ..ReadRequest::default()
        };
        let thumbnail = self.readers.thumbnail(file, SIDE, self.limits, &request).await;
        thumbnail.map_err(|fault| fault.into_error("The picture", self.limits))
    }
}

/// Re-encodes an image file as PNG with sides of at most `side` pixels.
pub(crate) fn thumbnail(file: &File, side: u32) -> Result<PageImage, ExtractError> {
    let mut bytes = Vec::new();
    file.take(LARGEST_UPLOAD + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_UPLOAD {
        return Err(ExtractError::unreadable(format!("is larger than {LARGEST_UPLOAD} bytes.")));
    }
    let png = carrel_ocr::thumbnail(&bytes, side.try_into().unwrap_or(usize::MAX));
    let png = png.map_err(|error| ExtractError::unreadable(format!("cannot be used: {error}.")))?;
    Ok(PageImage { pages: 1, png })
}
