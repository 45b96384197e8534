//! File uploads of browsers: files in temporary files, and the fields with them.
use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use carrel_domain::document::IncomingFile;
use carrel_domain::{Error, Result};
use carrel_http::body::Limits;
use carrel_http::multipart::{FRAMING, Multipart, SavedFile};
use tempfile::NamedTempFile;

use crate::http::form::Fields;
use crate::site::Site;

/// Maximum number of files and fields of one form.
const MAX_PARTS: usize = 256;
/// Maximum length of a text field, in bytes.
const MAX_FIELD: usize = 64 << 10;
/// Maximum size of a form in bytes, unless a single file may be larger.
const MAX_FORM: u64 = 1 << 30;

/// A form with files that has not been read yet.
pub struct FileForm {
    request: HttpRequest,
    payload: Payload,
}

/// An uploaded file. Dropping it deletes the temporary file.
pub struct UploadedFile {
    pub name: String,
    file: SavedFile,
}

impl UploadedFile {
    pub fn incoming_file(&self) -> IncomingFile {
        let content = self.file.content.path().to_owned();
        IncomingFile { name: self.name.clone(), content }
    }

    /// Returns the length in bytes.
    pub fn length(&self) -> u64 {
        self.file.bytes
    }

    /// Returns the temporary file, for work that outlives the request.
    pub fn into_content(self) -> NamedTempFile {
        self.file.content
    }

    /// Returns the SHA-256 of the content.
    pub fn digest(&self) -> [u8; 32] {
        self.file.sha256
    }
}

impl FromRequest for FileForm {
    type Error = actix_web::Error;
    type Future = std::future::Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self { request: request.clone(), payload: payload.take() }))
    }
}

impl FileForm {
    /// Reads the fields and the files, each of at most [`crate::Options::upload_limit`] bytes.
    pub async fn read(self) -> Result<(Vec<UploadedFile>, Fields)> {
        let site = self.request.app_data::<Data<Site>>().cloned();
        let site = site.ok_or_else(|| Error::internal("the pages are not wired"))?;
        let (max_file_bytes, directory) = (site.options.upload_limit, &site.options.upload_dir);
        let bytes = max_file_bytes.max(MAX_FORM).saturating_add(FRAMING);
        let limits = Limits { bytes, what: "the upload", is_upload: true };
        let mut parts = Multipart::new(&self.request, self.payload, limits, MAX_PARTS, "form")?;
        let (mut files, mut fields) = (Vec::new(), Fields::default());
        while let Some(mut part) = parts.next().await? {
            match part.file_name().map(str::to_owned) {
                // A form without a selected file sends a part with an empty name.
                Some(name) if name.is_empty() => {}
                Some(name) => {
                    let file = part.save(directory, max_file_bytes, "the file").await?;
                    files.push(UploadedFile { name, file });
                }
                None => {
                    let field = part.name().to_owned();
                    fields.push(field, part.text(MAX_FIELD).await?);
                }
            }
        }
        Ok((files, fields))
    }
}
