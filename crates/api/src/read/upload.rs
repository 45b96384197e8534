//! Multipart bodies: one file on its way to a temporary file, and text fields beside it.
use std::future::{Ready, ready};

use actix_multipart::{Field, Multipart};
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_DISPOSITION, ContentDisposition};
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use carrel_domain::{Error, Result};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::{AsyncWriteExt, BufWriter};

use super::{PATIENCE, announced};
use crate::Options;

/// The longest text field, in bytes.
const LONGEST_FIELD: usize = 1 << 20;
/// The most parts of one body.
pub(super) const MOST_PARTS: usize = 64;
/// What boundaries and part headers may add to the bytes of the file and the fields.
pub(super) const FRAMING: u64 = 1 << 20;

/// A multipart body that has not been read yet.
pub struct Form {
    request: HttpRequest,
    payload: Payload,
}

/// What was in it. The temporary file goes when this does.
pub struct Upload {
    pub name: String,
    pub content: NamedTempFile,
    /// SHA-256 of the content.
    pub digest: [u8; 32],
    /// Text fields in the order they came.
    pub fields: Vec<(String, String)>,
}

impl FromRequest for Form {
    type Error = actix_web::Error;
    type Future = Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone(), payload: payload.take() }))
    }
}

impl Upload {
    /// SHA-256 of all that was sent, whatever divided its parts.
    pub fn whole(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.digest);
        let fields = self.fields.iter().flat_map(|(name, value)| [name, value]);
        for text in fields.chain([&self.name]) {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        hash.finalize().into()
    }
}

impl Form {
    /// Reads the body: exactly one part named `file` with a file name, and text fields.
    pub async fn read(self) -> Result<Upload> {
        let options = self.request.app_data::<Data<Options>>();
        let options = options.ok_or_else(|| Error::internal("the options are not wired"))?;
        let (limit, directory) = (options.upload_limit, options.upload_dir.clone());
        announced(&self.request, limit.saturating_add(FRAMING), "the upload")?;
        let mut parts = Multipart::new(self.request.headers(), self.payload);
        let (mut file, mut fields) = (None, Vec::new());
        for _ in 0..MOST_PARTS {
            let Some(mut part) = next(&mut parts).await? else {
                let file: Option<(String, _)> = file;
                let (name, (content, digest)) = file.ok_or_else(|| wrong("No file was sent."))?;
                return Ok(Upload { name, content, digest, fields });
            };
            match (file_name(&part)?, part.name().map(str::to_owned)) {
                (Some(name), Some(field)) if field == "file" && file.is_none() => {
                    file = Some((name, save(&mut part, &directory, limit).await?));
                }
                (None, Some(field)) => fields.push((field, text(&mut part).await?)),
                _ => return Err(wrong("Unexpected field")),
            }
        }
        Err(wrong("Too many parts"))
    }
}

pub(super) async fn next(parts: &mut Multipart) -> Result<Option<Field>> {
    let next = tokio::time::timeout(PATIENCE, parts.next()).await;
    let next = next.map_err(|_| wrong("The body did not arrive in time"))?;
    next.transpose().map_err(|error| match error {
        actix_multipart::MultipartError::BoundaryMissing => wrong("Multipart: Boundary not found"),
        other => wrong(other.to_string()),
    })
}

async fn chunk(part: &mut Field) -> Result<Option<actix_web::web::Bytes>> {
    let next = tokio::time::timeout(PATIENCE, part.next()).await;
    let next = next.map_err(|_| wrong("The body did not arrive in time"))?;
    next.transpose().map_err(|error| wrong(error.to_string()))
}

pub(super) async fn text(part: &mut Field) -> Result<String> {
    let mut bytes = Vec::new();
    while let Some(more) = chunk(part).await? {
        if bytes.len() + more.len() > LONGEST_FIELD {
            return Err(Error::TooLarge { what: "a text field", limit: LONGEST_FIELD as u64 });
        }
        bytes.extend_from_slice(&more);
    }
    String::from_utf8(bytes).map_err(|_| wrong("A text field is not UTF-8"))
}

pub(super) async fn save(
    part: &mut Field,
    directory: &std::path::Path,
    limit: u64,
) -> Result<(NamedTempFile, [u8; 32])> {
    let content = NamedTempFile::new_in(directory).map_err(Error::of_file)?;
    let handle = content.reopen().map_err(Error::of_file)?;
    let mut out = BufWriter::with_capacity(1 << 18, tokio::fs::File::from_std(handle));
    let (mut size, mut hash) = (0, Sha256::new());
    while let Some(more) = chunk(part).await? {
        size += more.len() as u64;
        if size > limit {
            return Err(Error::TooLarge { what: "the file", limit });
        }
        hash.update(&more);
        out.write_all(&more).await.map_err(Error::of_file)?;
    }
    out.flush().await.map_err(Error::of_file)?;
    Ok((content, hash.finalize().into()))
}

/// The name of a part that is a file. `filename*` (RFC 5987) is preferred, as RFC 6266 asks.
pub(super) fn file_name(part: &Field) -> Result<Option<String>> {
    let Some(raw) = part.headers().get(CONTENT_DISPOSITION) else { return Ok(None) };
    let parsed = ContentDisposition::from_raw(raw)
        .map_err(|_| wrong("The file name is not UTF-8 or not well formed"))?;
    let name = match parsed.get_filename_ext() {
        Some(extended) => Some(
            String::from_utf8(extended.value.clone())
                .map_err(|_| wrong("The file name is not UTF-8"))?,
        ),
        None => parsed.get_filename().map(str::to_owned),
    };
    if name.is_some() && has_backslash(raw.as_bytes()) {
        return Err(Error::invalid("file name", "must not contain path separators"));
    }
    Ok(name)
}

/// Whether a backslash stands for itself: unquoting would hide it from the check of the name.
fn has_backslash(header: &[u8]) -> bool {
    let stands = |(at, byte): (usize, &u8)| *byte == b'\\' && header.get(at + 1) != Some(&b'"');
    header.iter().enumerate().any(stands)
}

pub(super) fn wrong(reason: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid("file", reason)
}
