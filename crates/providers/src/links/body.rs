//! Reads a response: its declared type and its content.
use std::io::Read;

use carrel_domain::{Error, Result};
use flate2::read::MultiGzDecoder;
use reqwest::Response;
use reqwest::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};

use super::{failed, nothing};

/// Returns the media type, in lower case and without parameters, and the charset.
pub fn declared(headers: &HeaderMap) -> (String, Option<String>) {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let mut parts = declared.unwrap_or_default().split(';');
    let media_type = parts.next().unwrap_or_default().trim().to_ascii_lowercase();
    let charset = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        let is_charset = name.trim().eq_ignore_ascii_case("charset");
        is_charset.then(|| value.trim().trim_matches('"').to_owned())
    });
    (media_type, charset)
}

/// Reads and decompresses the whole content, at most `limit` bytes both before and after.
pub async fn read_limited(mut response: Response, limit: u64) -> Result<Vec<u8>> {
    let too_large = || Error::TooLarge { what: "what the link leads to", limit };
    let packed = response.headers().get(CONTENT_ENCODING).map(|encoding| encoding.as_bytes());
    let packed = match packed.map(<[u8]>::to_ascii_lowercase).as_deref() {
        None | Some(b"" | b"identity") => false,
        Some(b"gzip" | b"x-gzip") => true,
        Some(_) => return Err(nothing("It is packed in a way that was not asked for.")),
    };
    if response.content_length().is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let mut content = Vec::new();
    while let Some(more) = response.chunk().await.map_err(|error| failed(&error))? {
        if content.len() as u64 + more.len() as u64 > limit {
            return Err(too_large());
        }
        content.extend_from_slice(&more);
    }
    if !packed {
        return Ok(content);
    }
    let unpacked = tokio::task::spawn_blocking(move || unpack(&content, limit)).await;
    let unpacked = unpacked.map_err(Error::internal)?;
    let unpacked = unpacked.map_err(|_| nothing("Its answer could not be read."))?;
    if unpacked.len() as u64 > limit { Err(too_large()) } else { Ok(unpacked) }
}

/// Returns at most one byte more than the limit.
fn unpack(packed: &[u8], limit: u64) -> std::io::Result<Vec<u8>> {
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(packed).take(limit.saturating_add(1)).read_to_end(&mut unpacked)?;
    Ok(unpacked)
}
