//! Uploads at `/document/*`.
use std::future::Future;
use std::sync::Arc;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, post};
use carrel_domain::document::IncomingFile;
use carrel_domain::idempotency::IdempotentRequest;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Folder, Result};
use carrel_services::ingestion::{Added, Indexing, LinkRequest, RawText};
use carrel_services::{Ports, workspaces as service};

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, error_body::NoDocuments};
use crate::idempotency;
use crate::read::{JsonBody, MultipartForm, Params, ReceivedUpload};
use crate::v1::documents::added::DocumentsAdded;
use crate::v1::documents::{folder, incoming as wire};

/// Upload a file.
///
/// The file becomes a document of the library and of the workspaces that the request names.
/// `warnings` lists workspaces that do not exist and documents that could not be indexed. With the
/// header `Idempotency-Key`, a request that is repeated within a day is carried out only once.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::AnswerQuery),
    request_body(content = wire::UploadForm, content_type = "multipart/form-data"),
    responses((status = 200, body = DocumentsAdded), ErrorResponse<NoDocuments>))]
#[post("/document/upload")]
pub async fn upload_document(
    caller: Authorized<scope::DocumentsWrite>,
    request: HttpRequest,
    ports: Data<Ports>,
    params: Params<wire::AnswerQuery>,
    form: MultipartForm,
) -> ApiResult<Json<DocumentsAdded>, NoDocuments> {
    let query = params.read()?;
    let upload = form.read().await?;
    let added = add_file(&ports, &caller, &request, upload, None, DocumentsAdded::new).await?;
    Ok(Json(query.apply(added)))
}

/// Upload a file into a folder.
///
/// The folder is created if it does not exist.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::AnswerQuery),
    request_body(content = wire::UploadForm, content_type = "multipart/form-data"),
    responses((status = 200, body = DocumentsAdded), ErrorResponse<NoDocuments>))]
#[post("/document/upload/{folderName}")]
pub async fn upload_into_folder(
    caller: Authorized<scope::DocumentsWrite>,
    request: HttpRequest,
    ports: Data<Ports>,
    name: Path<String>,
    params: Params<wire::AnswerQuery>,
    form: MultipartForm,
) -> ApiResult<Json<DocumentsAdded>, NoDocuments> {
    let folder = folder::parse(&name)?;
    let query = params.read()?;
    let upload = form.read().await?;
    let added =
        add_file(&ports, &caller, &request, upload, Some(folder), DocumentsAdded::new).await?;
    Ok(Json(query.apply(added)))
}

/// Add a text.
///
/// The text becomes a document of the library and of the workspaces that the request names.
/// `warnings` and `Idempotency-Key` work as for uploaded files.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::AnswerQuery),
    request_body = wire::RawTextBody,
    responses((status = 200, body = DocumentsAdded), ErrorResponse<NoDocuments>))]
#[post("/document/raw-text")]
pub async fn add_raw_text(
    caller: Authorized<scope::DocumentsWrite>,
    request: HttpRequest,
    ports: Data<Ports>,
    params: Params<wire::AnswerQuery>,
    body: JsonBody<wire::RawTextBody>,
) -> ApiResult<Json<DocumentsAdded>, NoDocuments> {
    let query = params.read()?;
    let (body, digest) = body.read_whole().await?;
    let (raw, slugs) = body.into_text(digest)?;
    wire::check_visible(&raw)?;
    let added =
        add_text(&ports, &caller, &request, raw, slugs, digest, DocumentsAdded::new).await?;
    Ok(Json(query.apply(added)))
}

/// Add a web page.
///
/// The server fetches pages only from public hosts, and from those that the operator allows
/// (`CARREL_LINK_HOSTS`). A page becomes Markdown without the navigation around its content; other
/// files are read like uploads.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::AnswerQuery),
    request_body = wire::LinkBody,
    responses((status = 200, body = DocumentsAdded), ErrorResponse<NoDocuments>))]
#[post("/document/upload-link")]
pub async fn upload_link(
    caller: Authorized<scope::DocumentsWrite>,
    request: HttpRequest,
    ports: Data<Ports>,
    params: Params<wire::AnswerQuery>,
    body: JsonBody<wire::LinkBody>,
) -> ApiResult<Json<DocumentsAdded>, NoDocuments> {
    let query = params.read()?;
    let (body, digest) = body.read_whole().await?;
    let (link, slugs) = body.into_request()?;
    let added =
        add_link(&ports, &caller, &request, link, slugs, digest, DocumentsAdded::new).await?;
    Ok(Json(query.apply(added)))
}

/// Builds the response from the added documents and the warnings.
pub type AddedOf = fn(Vec<Added>, Vec<String>) -> DocumentsAdded;

/// Adds a file, to a folder if one is named.
pub async fn add_file(
    ports: &Ports,
    caller: &Authorized<scope::DocumentsWrite>,
    request: &HttpRequest,
    upload: ReceivedUpload,
    folder: Option<Folder>,
    to_response: AddedOf,
) -> Result<DocumentsAdded> {
    let (mut details, slugs) = wire::upload_fields(&upload.fields, folder, upload.digest)?;
    let key = idempotency::read_key(request, caller, upload.request_digest())?;
    details.terms.request = key.as_ref().map(idempotency::request_digest);
    let (ingestion, by) = (ports.ingestion.clone(), caller.by());
    let work = move |into| async move {
        let content = upload.content;
        let file = IncomingFile { name: upload.name, content: content.path().to_owned() };
        Ok(ingestion.add_file(file, details, into, Indexing::Keep, &by).await?.added)
    };
    once(ports, caller, key, slugs, to_response, work).await
}

/// Adds a text. `digest` is that of the body.
pub async fn add_text(
    ports: &Ports,
    caller: &Authorized<scope::DocumentsWrite>,
    request: &HttpRequest,
    mut raw: RawText,
    slugs: Vec<String>,
    digest: [u8; 32],
    to_response: AddedOf,
) -> Result<DocumentsAdded> {
    let key = idempotency::read_key(request, caller, digest)?;
    raw.terms.request = key.as_ref().map(idempotency::request_digest);
    let (ingestion, by) = (ports.ingestion.clone(), caller.by());
    let work = move |into| async move {
        Ok(ingestion.add_text(raw, into, Indexing::Keep, &by).await?.added)
    };
    once(ports, caller, key, slugs, to_response, work).await
}

/// Adds a web page. `digest` is that of the body.
pub async fn add_link(
    ports: &Ports,
    caller: &Authorized<scope::DocumentsWrite>,
    request: &HttpRequest,
    mut link: LinkRequest,
    slugs: Vec<String>,
    digest: [u8; 32],
    to_response: AddedOf,
) -> Result<DocumentsAdded> {
    let key = idempotency::read_key(request, caller, digest)?;
    link.details.terms.request = key.as_ref().map(idempotency::request_digest);
    let (ingestion, by) = (ports.ingestion.clone(), caller.by());
    let work = move |into| async move {
        Ok(ingestion.add_link(link, into, Indexing::Keep, &by).await?.added)
    };
    once(ports, caller, key, slugs, to_response, work).await
}

/// Carries out the work, unless the request was carried out before.
async fn once<W>(
    ports: &Ports,
    caller: &Authorized<scope::DocumentsWrite>,
    key: Option<IdempotentRequest>,
    slugs: Vec<String>,
    to_response: AddedOf,
    work: impl FnOnce(Vec<Workspace>) -> W + Send + 'static,
) -> Result<DocumentsAdded>
where
    W: Future<Output = Result<Vec<Added>>> + Send + 'static,
{
    let workspaces = Arc::clone(&ports.workspaces);
    let work = async move {
        let (into, warnings) = service::find_by_slugs(&*workspaces, &slugs).await?;
        Ok(to_response(work(into).await?, warnings))
    };
    let now = caller.by().at;
    idempotency::once(Arc::clone(&ports.idempotency_keys), &ports.ingestion.library, key, now, work)
        .await
}
