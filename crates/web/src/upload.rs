//! Files on their way from a browser to temporary files, with the fields beside them.
use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::dev::Payload;
use actix_web::web::{Bytes, Data};
use actix_web::{FromRequest, HttpRequest};
use carrel_domain::document::IncomingFile;
use carrel_domain::{Error, Result};
use futures_util::StreamExt;
use tempfile::NamedTempFile;
use tokio::io::{AsyncWriteExt, BufWriter};

use crate::form::Fields;
use crate::site::{Options, Site};

/// The most files and fields of one form.
const MOST_PARTS: usize = 256;
/// The longest field that is no file, in bytes.
const LONGEST_FIELD: usize = 64 << 10;
/// How long a browser may pause while it sends.
const PATIENCE: Duration = Duration::from_secs(30);

/// A form with files that has not been read yet.
pub struct Upload {
    request: HttpRequest,
    payload: Payload,
}

/// A file that arrived. It goes when this does.
pub struct Arrived {
    pub name: String,
    content: NamedTempFile,
}

impl Arrived {
    pub fn incoming(&self) -> IncomingFile {
        IncomingFile { name: self.name.clone(), content: self.content.path().to_owned() }
    }
}

impl FromRequest for Upload {
    type Error = actix_web::Error;
    type Future = std::future::Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        std::future::ready(Ok(Self { request: request.clone(), payload: payload.take() }))
    }
}

impl Upload {
    /// The files, each of at most [`Options::upload_limit`] bytes, and the fields.
    pub async fn read(self) -> Result<(Vec<Arrived>, Fields)> {
        let site = self.request.app_data::<Data<Site>>().cloned();
        let site = site.ok_or_else(|| Error::internal("the pages are not wired"))?;
        let mut parts = Multipart::new(self.request.headers(), self.payload);
        let (mut files, mut fields) = (Vec::new(), Vec::new());
        for _ in 0..MOST_PARTS {
            let Some(part) = next(&mut parts).await? else {
                return Ok((files, Fields::of(fields)));
            };
            let mut part = part.map_err(wrong)?;
            let name = part.content_disposition().and_then(|said| said.get_filename());
            match name.map(str::to_owned) {
                // A form without a chosen file sends an empty one without a name.
                Some(name) if name.is_empty() => while chunk(&mut part).await?.is_some() {},
                Some(name) => {
                    let content = save(&mut part, &site.options).await?;
                    files.push(Arrived { name, content });
                }
                None => {
                    let field = part.name().unwrap_or_default().to_owned();
                    fields.push((field, text(&mut part).await?));
                }
            }
        }
        Err(Error::invalid("file", "cannot be one of more than 256 at once"))
    }
}

pub async fn next(parts: &mut Multipart) -> Result<Option<Result<Field, MultipartError>>> {
    tokio::time::timeout(PATIENCE, parts.next()).await.map_err(|_| late())
}

pub async fn chunk(part: &mut Field) -> Result<Option<Bytes>> {
    let next = tokio::time::timeout(PATIENCE, part.next()).await.map_err(|_| late())?;
    next.transpose().map_err(wrong)
}

async fn text(part: &mut Field) -> Result<String> {
    let mut bytes = Vec::new();
    while let Some(more) = chunk(part).await? {
        if bytes.len() + more.len() > LONGEST_FIELD {
            return Err(Error::TooLarge { what: "a field", limit: LONGEST_FIELD as u64 });
        }
        bytes.extend_from_slice(&more);
    }
    String::from_utf8(bytes).map_err(|_| Error::invalid("form", "must be UTF-8"))
}

async fn save(part: &mut Field, options: &Options) -> Result<NamedTempFile> {
    let content = NamedTempFile::new_in(&options.upload_dir).map_err(Error::internal)?;
    let handle = content.reopen().map_err(Error::internal)?;
    let mut out = BufWriter::with_capacity(1 << 18, tokio::fs::File::from_std(handle));
    let mut size = 0;
    while let Some(more) = chunk(part).await? {
        size += more.len() as u64;
        if size > options.upload_limit {
            return Err(Error::TooLarge { what: "the file", limit: options.upload_limit });
        }
        out.write_all(&more).await.map_err(Error::internal)?;
    }
    out.flush().await.map_err(Error::internal)?;
    Ok(content)
}

pub fn wrong(error: MultipartError) -> Error {
    Error::invalid("form", error.to_string())
}

fn late() -> Error {
    Error::invalid("form", "did not arrive in time")
}
