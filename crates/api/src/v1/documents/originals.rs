//! `GET /document/id/{id}/original` and `GET /document/id/{id}/page/{page}`
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{Data, Path};
use actix_web::{HttpRequest, HttpResponse, get};
use carrel_domain::document::Document;
use carrel_domain::{Error, Result};
use carrel_http::original;
use carrel_services::{Ports, originals};

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::v1::documents::list::parse_id;
use crate::wire::Binary;

/// The response header with the number of pages of the file.
const PAGE_COUNT: &str = "x-page-count";

/// Download the original file of a document, if it was kept.
///
/// Originals are kept if the preference `keep_originals` is on. Supports `Range` requests. For a
/// document that is a part of a file, such as a mail of a mailbox, the original is the whole file.
/// A key bound to workspaces only finds their documents.
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    responses((status = 200, description = "The file", content_type = "application/octet-stream", body = inline(Binary)),
        (status = 206, description = "The requested range of the file."),
        (status = 416, description = "The range lies outside the file."), ErrorResponse<Plain>))]
#[get("/document/id/{id}/original")]
pub async fn download_original(
    caller: Authorized<scope::Read>,
    request: HttpRequest,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<HttpResponse, Plain> {
    let document = visible(&caller, &ports, &id).await?;
    let original = ports.library.originals.open(&document).await?;
    let (_, file) = original.ok_or_else(|| Error::not_found("original of the document", &*id))?;
    let (name, types) = (originals::file_name(&document), ports.library.extractor.file_types());
    Ok(original::respond(&request, file, name, &types)?)
}

/// Show a page of a document's PDF file as a picture, if the original was kept.
///
/// Pages count from 1; the header `x-page-count` is their number. A picture is 1,200 pixels wide
/// and has at most 4 million pixels.
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    responses((status = 200, description = "The picture", content_type = "image/png", body = inline(Binary)),
        ErrorResponse<Plain>))]
#[get("/document/id/{id}/page/{page}")]
pub async fn show_page(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
) -> ApiResult<HttpResponse, Plain> {
    let (id, page) = path.into_inner();
    let document = visible(&caller, &ports, &id).await?;
    let number = page.parse().map_err(|_| Error::not_found("page", &page))?;
    let owner = caller.by().actor.to_text();
    let image = ports.library.originals.page(&document, number, &owner).await?;
    Ok(HttpResponse::Ok()
        .content_type("image/png")
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .insert_header((PAGE_COUNT, image.pages))
        .body(image.png))
}

/// Returns a document that the caller may see. A key bound to workspaces sees only their documents.
async fn visible(caller: &Authorized<scope::Read>, ports: &Ports, id: &str) -> Result<Document> {
    let missing = || Error::not_found("document", id);
    let document = ports.library.folders.by_id(parse_id(id)?).await?.ok_or_else(missing)?;
    let (path, allowed) = (document.path()?, &caller.key.workspaces);
    let paths = std::slice::from_ref(&path);
    if !allowed.is_empty()
        && ports.workspace_documents.paths_in_workspaces(allowed, paths).await?.is_empty()
    {
        return Err(missing());
    }
    ports.library.documents.by_path(&path).await?.ok_or_else(missing)
}
