//! Document lists at `/api/v1/documents` and `/api/v1/document/*`.
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, get};
use carrel_services::Ports;
use serde_json::Value;

use crate::authorized::{Authorized, scope};
use crate::compat::error::error_body::{NotFoundInText, Plain};
use crate::compat::names;
use crate::compat::values::leading_number;
use crate::error::{ApiResult, ErrorResponse};
use crate::read::Params;
use crate::v1::documents::list::{DEFAULT_LIMIT, accepted, by_id, by_name, folder_page, tree};
use crate::v1::documents::listing::{
    DocumentFound, DocumentTree, FolderPage, FoundQuery, MAX_PAGE_LEN, PartQuery, TreeQuery,
};

/// List every folder with its documents, or one folder in pages.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(TreeQuery),
    responses((status = 200, body = DocumentTree<'static>),
        (status = 404, description = "The folder does not exist.", body = FolderPage<'static>), ErrorResponse<Plain>))]
#[get("/documents")]
pub async fn list_documents(
    _: Authorized<scope::LibraryRead>,
    ports: Data<Ports>,
    params: Params<TreeQuery>,
) -> ApiResult<HttpResponse, Plain> {
    let (folder, part) = params.read()?.into_part();
    Ok(match folder {
        Some(folder) => {
            let part = read(&part, Some(DEFAULT_LIMIT));
            folder_page(&ports.library, &folder, part, true, names::document_body).await?
        }
        None => tree(&ports.library, names::document_body).await?,
    })
}

/// List the documents of a folder.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(PartQuery),
    responses((status = 200, body = FolderPage<'static>),
        (status = 404, description = "The folder does not exist.", body = FolderPage<'static>), ErrorResponse<Plain>))]
#[get("/documents/folder/{folderName}")]
pub async fn list_folder(
    _: Authorized<scope::LibraryRead>,
    ports: Data<Ports>,
    name: Path<String>,
    params: Params<PartQuery>,
) -> ApiResult<HttpResponse, Plain> {
    let part = read(&params.read()?, None);
    Ok(folder_page(&ports.library, &name, part, false, names::document_body).await?)
}

/// List the accepted file types.
// quirk(unread-types): recordings and images are listed even if no model is installed that reads
// them
// native: `accepted-file-types` lists the types that this server reads
// test: `scans::types_are_listed_as_accepted_once_they_can_be_read`
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    responses((status = 200, body = Object), ErrorResponse<Plain>))]
#[get("/document/accepted-file-types")]
pub async fn accepted_file_types(
    _: Authorized<scope::LibraryRead>,
    ports: Data<Ports>,
) -> ApiResult<Json<Value>, Plain> {
    Ok(Json(accepted(ports.library.extractor.file_types().into_iter())))
}

/// Returns offset and limit: no limit for `all`, `default` if none is given.
// quirk(odd-parts): values that are not numbers are ignored
// native: `offset` and `limit` are numbers, or `limit=all`
// test: `shelves::lists_show_every_document_in_its_folder`
fn read(part: &PartQuery, default: Option<u32>) -> (u64, Option<u32>) {
    let offset = part.offset.as_deref().and_then(|text| leading_number(text).parse().ok());
    let limit = match part.limit.as_deref() {
        None => default,
        Some("all") => None,
        Some(text) => match leading_number(text).parse::<u32>() {
            Ok(0) | Err(_) => default,
            Ok(limit) => Some(limit.min(MAX_PAGE_LEN)),
        },
    };
    (offset.unwrap_or_default(), limit)
}

/// Find a document by its file name, in any folder.
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    responses((status = 200, body = DocumentFound<'static>), ErrorResponse<NotFoundInText>))]
#[get("/document/{docName}")]
pub async fn find_document(
    _: Authorized<scope::LibraryRead>,
    ports: Data<Ports>,
    name: Path<String>,
) -> ApiResult<HttpResponse, NotFoundInText> {
    let row = by_name(&ports.library, &name).await?;
    let document = names::document_body(&row);
    Ok(HttpResponse::Ok().json(DocumentFound::new(&row, document, None)))
}

/// Find a document by its id, which stays the same when the document moves.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(FoundQuery),
    responses((status = 200, body = DocumentFound<'static>), ErrorResponse<NotFoundInText>))]
#[get("/document/id/{id}")]
pub async fn find_document_by_id(
    _: Authorized<scope::LibraryRead>,
    ports: Data<Ports>,
    id: Path<String>,
    params: Params<FoundQuery>,
) -> ApiResult<HttpResponse, NotFoundInText> {
    let (row, text) = by_id(&ports.library, &id, &params.read()?).await?;
    let document = names::document_body(&row);
    Ok(HttpResponse::Ok().json(DocumentFound::new(&row, document, text)))
}
