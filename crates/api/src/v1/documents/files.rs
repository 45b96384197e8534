//! `GET /document/generated-files/{filename}`.
use std::path::PathBuf;

use actix_files::NamedFile;
use actix_web::http::header::{ContentDisposition, DispositionParam, DispositionType};
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use carrel_domain::generated_file::GeneratedFile;
use carrel_domain::{Error, Result};

use crate::Options;
use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, error_body::NoFile};
use crate::wire::Binary;

/// Download a generated image, or another file from the same folder.
///
/// Generated images are kept for 30 days (see `POST /openai/images/generations`). The server
/// creates no other files there; the operator may add some. Supports `Range` requests.
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    responses((status = 200, description = "The file.", content_type = "application/octet-stream", body = inline(Binary)),
        (status = 206, description = "The requested range of the file."),
        (status = 416, description = "The range lies outside the file."), ErrorResponse<NoFile>))]
#[get("/document/generated-files/{filename}")]
pub async fn download_generated_file(
    _caller: Authorized<scope::LibraryRead>,
    request: HttpRequest,
    options: Data<Options>,
    name: Path<String>,
) -> ApiResult<HttpResponse, NoFile> {
    let name = GeneratedFile::parse(&name)?;
    let file = open(name.path_in(&options.storage_dir), &name).await?;
    let disposition = ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![DispositionParam::Filename(name.as_str().to_owned())],
    };
    Ok(file.set_content_disposition(disposition).into_response(&request))
}

/// Opens a regular file. Links could lead elsewhere, so they are reported as not found.
async fn open(path: PathBuf, name: &GeneratedFile) -> Result<NamedFile> {
    let missing = || Error::not_found("file", name.as_str());
    let metadata = tokio::fs::symlink_metadata(&path).await.map_err(|_| missing())?;
    if !metadata.is_file() {
        return Err(missing());
    }
    let opened = tokio::task::spawn_blocking(move || NamedFile::open(path)).await;
    opened.map_err(Error::internal)?.map_err(Error::internal)
}
