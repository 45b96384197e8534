//! Multipart uploads: one file, streamed to a temporary file, and text fields.
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use carrel_domain::{Error, Result};
use carrel_http::body::Limits;
use carrel_http::multipart::{FRAMING, Multipart, Part, SavedFile};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::state;

/// Longest text field, in bytes.
pub(super) const MAX_FIELD: usize = 1 << 20;
/// Most parts of one body.
const MAX_PARTS: usize = 64;

/// A multipart body that has not been read yet.
pub struct MultipartForm {
    request: HttpRequest,
    payload: Payload,
}

/// An upload that was read. Dropping it deletes the temporary file.
pub struct ReceivedUpload {
    pub name: String,
    pub content: NamedTempFile,
    /// SHA-256 of the content.
    pub digest: [u8; 32],
    /// Text fields in the order in which they were sent.
    pub fields: Vec<(String, String)>,
}

impl FromRequest for MultipartForm {
    type Error = actix_web::Error;
    type Future = Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone(), payload: payload.take() }))
    }
}

impl ReceivedUpload {
    /// Returns the SHA-256 of the whole content, independent of the multipart boundary.
    pub fn request_digest(&self) -> [u8; 32] {
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

impl MultipartForm {
    /// Reads the body, which has exactly one part named `file` with a file name, and text fields.
    pub async fn read(self) -> Result<ReceivedUpload> {
        self.read_at_most(u64::MAX).await
    }

    /// Like [`MultipartForm::read`], with a file of at most `limit` bytes.
    pub async fn read_at_most(self, limit: u64) -> Result<ReceivedUpload> {
        let options = state::options(&self.request)?;
        let (max, directory) = (options.upload_limit.min(limit), options.upload_dir.clone());
        let mut parts = parts(&self.request, self.payload, max)?;
        let (mut file, mut fields) = (None, Vec::new());
        while let Some(mut part) = parts.next().await? {
            match (file_name(&part)?, part.name().to_owned()) {
                (Some(name), field) if field == "file" && file.is_none() => {
                    file = Some((name, part.save(&directory, max, "the file").await?));
                }
                (None, field) if !field.is_empty() => {
                    fields.push((field, part.text(MAX_FIELD).await?));
                }
                _ => return Err(invalid_file("Unexpected field")),
            }
        }
        let file: Option<(String, SavedFile)> = file;
        let (name, SavedFile { content, sha256: digest, .. }) =
            file.ok_or_else(|| invalid_file("No file was sent."))?;
        Ok(ReceivedUpload { name, content, digest, fields })
    }
}

/// Starts reading a multipart body whose files have at most `max` bytes in total.
pub(super) fn parts(request: &HttpRequest, payload: Payload, max: u64) -> Result<Multipart> {
    let bytes = max.saturating_add(FRAMING);
    let limits = Limits { bytes, what: "the upload", is_upload: true };
    Multipart::new(request, payload, limits, MAX_PARTS, "file")
}

/// Returns the file name of a part, if the part is a file.
pub(super) fn file_name(part: &Part) -> Result<Option<String>> {
    // Unquoting would remove a backslash before the name is checked.
    if part.has_backslash() {
        return Err(Error::invalid("file name", "must not contain path separators"));
    }
    Ok(part.file_name().map(str::to_owned))
}

pub(super) fn invalid_file(reason: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::invalid("file", reason)
}
