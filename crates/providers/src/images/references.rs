//! Reads reference images from their files for a request to a provider.
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use carrel_domain::image::ReferenceImage;
use carrel_domain::{Error, Result};
use reqwest::multipart::Part;

use crate::file_body;

/// Most bytes of all images in a JSON body, which is held in memory.
const MAX_IN_JSON: u64 = 20 << 20;

/// Returns form parts that are read while they are sent.
pub(super) fn parts(references: &[ReferenceImage]) -> Result<Vec<Part>> {
    let mut parts = Vec::with_capacity(references.len());
    for (number, reference) in references.iter().enumerate() {
        let content = file_body::open(&reference.content)?;
        let part = Part::stream_with_length(content, reference.length);
        let part = part.file_name(format!("{number}.{}", reference.kind.ending()));
        parts.push(part.mime_str(reference.kind.mime()).map_err(Error::internal)?);
    }
    Ok(parts)
}

/// Returns `data:` URLs.
pub(super) async fn urls(references: &[ReferenceImage]) -> Result<Vec<String>> {
    let total: u64 = references.iter().map(|reference| reference.length).sum();
    if total > MAX_IN_JSON {
        let reason = format!("must not be more than {MAX_IN_JSON} bytes together");
        return Err(Error::invalid("image_references", reason));
    }
    let mut urls = Vec::with_capacity(references.len());
    for ReferenceImage { kind, content, .. } in references {
        let content = tokio::fs::read(content).await.map_err(Error::of_file)?;
        urls.push(format!("data:{};base64,{}", kind.mime(), STANDARD.encode(content)));
    }
    Ok(urls)
}
