//! Requests for image generation: JSON, or a form with reference images.
use std::future::{Ready, ready};
use std::io::Read;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use carrel_domain::image::{ImageFormat, LARGEST_PICTURE, MAX_REFERENCES, ReferenceImage};
use carrel_domain::{Error, Result};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tempfile::NamedTempFile;

use crate::read::JsonBody;
use crate::read::upload::{MAX_FIELD, file_name, invalid_file, parts};
use crate::state;

/// The form field that holds reference images.
pub const REFERENCES: &str = "image_references";

/// A request that has not been read yet.
pub struct Order {
    request: HttpRequest,
    payload: Payload,
}

/// A request that was read.
pub struct Ordered<T> {
    pub body: T,
    pub references: Vec<ReferenceImage>,
    /// The files that hold the references. Dropping them deletes them.
    pub files: Vec<NamedTempFile>,
}

impl FromRequest for Order {
    type Error = actix_web::Error;
    type Future = Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        ready(Ok(Self { request: request.clone(), payload: payload.take() }))
    }
}

impl Order {
    /// True if the body is a form, which may have hundreds of megabytes.
    pub fn is_form(&self) -> bool {
        self.request.content_type() == "multipart/form-data"
    }

    /// Reads a JSON body, or a form whose text fields are those of the JSON body.
    ///
    /// # Errors
    /// The errors of [`JsonBody::read`]; for forms also [`Error::Invalid`] in the field
    /// `image_references`.
    pub async fn read<T, const LOOSE: bool>(mut self) -> Result<Ordered<T>>
    where
        T: DeserializeOwned + Send + 'static,
    {
        if !self.is_form() {
            let body = JsonBody::<T, LOOSE>::from_request(&self.request, &mut self.payload);
            let body = body.into_inner().map_err(|error| Error::internal(error.to_string()))?;
            return Ok(Ordered { body: body.read().await?, references: vec![], files: vec![] });
        }
        self.form().await.map_err(|error| match error {
            Error::Invalid { field, reason } if field == "file" => {
                Error::invalid(REFERENCES, reason)
            }
            error => error,
        })
    }

    async fn form<T: DeserializeOwned>(self) -> Result<Ordered<T>> {
        let options = state::options(&self.request)?;
        let limit = options.upload_limit.min(LARGEST_PICTURE as u64);
        let directory = options.upload_dir.clone();
        let mut parts = parts(&self.request, self.payload, limit * MAX_REFERENCES as u64)?;
        let (mut fields, mut references, mut files) = (Map::new(), Vec::new(), Vec::new());
        while let Some(mut part) = parts.next().await? {
            match (file_name(&part)?, part.name().to_owned()) {
                (Some(_), field) if field == REFERENCES => {
                    if files.len() == MAX_REFERENCES {
                        return Err(invalid_file(format!(
                            "At most {MAX_REFERENCES} images are allowed."
                        )));
                    }
                    let file = part.save(&directory, limit, "the file").await?.content;
                    references.push(reference(&file)?);
                    files.push(file);
                }
                (None, field) if !field.is_empty() => {
                    fields.insert(field, part.text(MAX_FIELD).await?.into());
                }
                _ => return Err(invalid_file("Unexpected field")),
            }
        }
        let body = serde_json::from_value(Value::Object(fields));
        let body = body.map_err(|error| Error::invalid("body", error.to_string()))?;
        Ok(Ordered { body, references, files })
    }
}

/// Detects the image type of a file by its first bytes.
fn reference(file: &NamedTempFile) -> Result<ReferenceImage> {
    let mut beginning = [0; 16];
    let mut open = file.reopen().map_err(Error::of_file)?;
    let read = open.read(&mut beginning).map_err(Error::of_file)?;
    let kind = ImageFormat::of(&beginning[..read])
        .ok_or_else(|| invalid_file("Only PNG, JPEG and WebP images are allowed."))?;
    let length = open.metadata().map_err(Error::of_file)?.len();
    Ok(ReferenceImage { kind, content: file.path().to_owned(), length })
}
