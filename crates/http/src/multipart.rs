//! Multipart bodies, part by part: text fields in memory, files in temporary files.
use std::path::Path;

use actix_multipart::{Field, Multipart as Parts, MultipartError};
use actix_web::HttpRequest;
use actix_web::dev::Payload;
use actix_web::http::header::{CONTENT_DISPOSITION, ContentDisposition};
use actix_web::web::Bytes;
use carrel_domain::{Error, Result};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;
use tokio::io::{AsyncWriteExt, BufWriter};

use crate::body::{self, Limits};

/// Most bytes for boundaries and part headers, in addition to files and fields.
pub const FRAMING: u64 = 1 << 20;

/// A multipart body that is being read.
pub struct Multipart {
    parts: Parts,
    limits: Limits,
    max_parts: usize,
    read: usize,
    /// The field that errors refer to.
    of: &'static str,
}

/// The headers of a part, and its content if that has not been read yet.
pub struct Part {
    field: Field,
    file_name: Option<String>,
    limits: Limits,
    of: &'static str,
}

/// A file that was saved. Dropping it deletes the temporary file.
pub struct SavedFile {
    pub content: NamedTempFile,
    pub bytes: u64,
    pub sha256: [u8; 32],
}

impl Multipart {
    /// Starts reading. `of` is the field that errors refer to.
    pub fn new(
        request: &HttpRequest,
        payload: Payload,
        limits: Limits,
        max_parts: usize,
        of: &'static str,
    ) -> Result<Self> {
        let pieces = body::pieces(request, payload, limits)?;
        Ok(Self { parts: Parts::new(request.headers(), pieces), limits, max_parts, read: 0, of })
    }

    /// Returns the next part. Skips what is left of the previous one.
    pub async fn next(&mut self) -> Result<Option<Part>> {
        let Some(part) = self.parts.next().await else { return Ok(None) };
        let field = part.map_err(|error| error_of(error, self.limits, self.of))?;
        self.read += 1;
        if self.read > self.max_parts {
            let reason = format!("must not come with more than {} parts", self.max_parts);
            return Err(Error::invalid(self.of, reason));
        }
        let file_name = file_name(&field, self.of)?;
        Ok(Some(Part { field, file_name, limits: self.limits, of: self.of }))
    }
}

impl Part {
    /// Returns the name of the field, empty if it has none.
    pub fn name(&self) -> &str {
        self.field.name().unwrap_or_default()
    }

    /// Returns the file name, if the part is a file. Browsers send an empty name if no file was
    /// selected.
    pub fn file_name(&self) -> Option<&str> {
        self.file_name.as_deref()
    }

    /// True if the raw file name contains a literal backslash, which unquoting removes.
    pub fn has_backslash(&self) -> bool {
        let raw = self.field.headers().get(CONTENT_DISPOSITION);
        self.file_name.is_some() && raw.is_some_and(|raw| has_backslash(raw.as_bytes()))
    }

    pub fn content_type(&self) -> String {
        self.field.content_type().map(ToString::to_string).unwrap_or_default()
    }

    /// Reads a text field of at most `max` bytes.
    pub async fn text(&mut self, max: usize) -> Result<String> {
        let mut bytes = Vec::new();
        while let Some(more) = self.chunk().await? {
            if bytes.len() + more.len() > max {
                return Err(Error::TooLarge { what: "a text field", limit: max as u64 });
            }
            bytes.extend_from_slice(&more);
        }
        String::from_utf8(bytes).map_err(|_| Error::invalid(self.of, "A text field is not UTF-8"))
    }

    /// Saves a file of at most `max` bytes to a temporary file in `directory`. `what` is the
    /// subject of the error if the file is too large.
    pub async fn save(
        &mut self,
        directory: &Path,
        max: u64,
        what: &'static str,
    ) -> Result<SavedFile> {
        let content = NamedTempFile::new_in(directory).map_err(Error::of_file)?;
        let handle = content.reopen().map_err(Error::of_file)?;
        let mut out = BufWriter::with_capacity(1 << 18, tokio::fs::File::from_std(handle));
        let (mut bytes, mut hash) = (0, Sha256::new());
        while let Some(more) = self.chunk().await? {
            bytes += more.len() as u64;
            if bytes > max {
                return Err(Error::TooLarge { what, limit: max });
            }
            hash.update(&more);
            out.write_all(&more).await.map_err(Error::of_file)?;
        }
        out.flush().await.map_err(Error::of_file)?;
        Ok(SavedFile { content, bytes, sha256: hash.finalize().into() })
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let next = self.field.next().await.transpose();
        next.map_err(|error| error_of(error, self.limits, self.of))
    }
}

fn error_of(error: MultipartError, limits: Limits, of: &'static str) -> Error {
    match error {
        MultipartError::Payload(error) => body::error_of(&error, limits, of),
        MultipartError::BoundaryMissing => Error::invalid(of, "Multipart: Boundary not found"),
        other => Error::invalid(of, other.to_string()),
    }
}

/// Returns the file name of a part. `filename*` (RFC 5987) takes precedence, as RFC 6266 requires.
fn file_name(part: &Field, of: &'static str) -> Result<Option<String>> {
    let Some(raw) = part.headers().get(CONTENT_DISPOSITION) else { return Ok(None) };
    let parsed = ContentDisposition::from_raw(raw)
        .map_err(|_| Error::invalid(of, "The file name is not UTF-8 or not well formed"))?;
    Ok(match parsed.get_filename_ext() {
        Some(extended) => Some(
            String::from_utf8(extended.value.clone())
                .map_err(|_| Error::invalid(of, "The file name is not UTF-8"))?,
        ),
        None => parsed.get_filename().map(str::to_owned),
    })
}

fn has_backslash(header: &[u8]) -> bool {
    let is_literal = |(at, byte): (usize, &u8)| *byte == b'\\' && header.get(at + 1) != Some(&b'"');
    header.iter().enumerate().any(is_literal)
}
