//! `/document/*`: uploads
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, post};
use carrel_domain::document::IncomingFile;
use carrel_domain::idempotency::IdempotencyKeys;
use carrel_domain::workspace::Workspaces;
use carrel_domain::{Folder, Result};
use carrel_services::ingestion::{Indexing, Ingestion};
use carrel_services::workspaces as service;

use crate::caller::{Caller, Keeper};
use crate::failure::{
    Answer, Failure,
    shapes::{NoDocuments, NoLink},
};
use crate::mount::Mount;
use crate::read::{Body, Form, Params};
use crate::repeat;
use crate::v1::documents::added::DocumentsAdded;
use crate::v1::documents::{folder, incoming as wire};

/// Upload a file.
///
/// The file becomes a document of the library, and of the workspaces that are named. A workspace
/// that does not exist, or a document that cannot be embedded, is told in `warnings`. With the header
/// `Idempotency-Key` the same request is carried out once, however often it comes within a day.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::AnswerQuery),
    request_body(content = wire::UploadForm, content_type = "multipart/form-data"),
    responses((status = 200, body = DocumentsAdded), Failure<NoDocuments>))]
#[post("/document/upload")]
pub async fn upload_document(
    caller: Caller<Keeper>,
    request: HttpRequest,
    ports: Uploading,
    params: Params<wire::AnswerQuery>,
    form: Form,
) -> Answer<Json<DocumentsAdded>, NoDocuments> {
    Ok(upload(caller, &request, ports, params, form, None).await?)
}

/// Upload a file into a folder, which is made if need be.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::AnswerQuery),
    request_body(content = wire::UploadForm, content_type = "multipart/form-data"),
    responses((status = 200, body = DocumentsAdded), Failure<NoDocuments>))]
#[post("/document/upload/{folderName}")]
pub async fn upload_into_folder(
    caller: Caller<Keeper>,
    request: HttpRequest,
    ports: Uploading,
    name: Path<String>,
    params: Params<wire::AnswerQuery>,
    form: Form,
) -> Answer<Json<DocumentsAdded>, NoDocuments> {
    let folder = folder::parse(&name, Mount::of(&request))?;
    Ok(upload(caller, &request, ports, params, form, Some(folder)).await?)
}

/// What uploads are wired to: the workspaces, the ingestion, and the requests carried out before.
type Uploading = (Data<dyn Workspaces>, Data<Ingestion>, Data<dyn IdempotencyKeys>);

async fn upload(
    caller: Caller<Keeper>,
    request: &HttpRequest,
    (workspaces, ingestion, repeats): Uploading,
    params: Params<wire::AnswerQuery>,
    form: Form,
    folder: Option<Folder>,
) -> Result<Json<DocumentsAdded>> {
    let (mount, by, query) = (Mount::of(request), caller.by(), params.read()?);
    let sent = form.read().await?;
    let (mut details, slugs) = wire::upload_fields(&sent.fields, folder, sent.digest)?;
    let named = repeat::named(request, &caller, sent.whole())?;
    details.terms.request = named.as_ref().map(repeat::mark);
    let (name, content) = (folder::file_name(sent.name, mount), sent.content);
    let (taking, now) = (ingestion.clone(), by.at);
    let work = async move {
        let (into, warnings) = service::known(&**workspaces, &slugs).await?;
        let file = IncomingFile { name, content: content.path().to_owned() };
        let done = taking.add_file(file, details, into, Indexing::Keep, &by).await?;
        Ok(DocumentsAdded::new(done.added, warnings, mount))
    };
    let added = repeat::once(repeats.into_inner(), &ingestion.library, named, now, work).await?;
    Ok(Json(if query.with_content() { added } else { added.without_content() }))
}

/// Add text that is not a file.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::AnswerQuery),
    request_body = wire::RawTextBody,
    responses((status = 200, body = DocumentsAdded), Failure<NoDocuments>))]
#[post("/document/raw-text")]
pub async fn add_raw_text(
    caller: Caller<Keeper>,
    request: HttpRequest,
    (workspaces, ingestion, repeats): Uploading,
    params: Params<wire::AnswerQuery>,
    body: Body<wire::RawTextBody>,
) -> Answer<Json<DocumentsAdded>, NoDocuments> {
    let (mount, by, query) = (Mount::of(&request), caller.by(), params.read()?);
    let (body, digest) = body.read_whole().await?;
    let (mut raw, slugs) = body.into_text(digest, mount)?;
    let named = repeat::named(&request, &caller, digest)?;
    raw.terms.request = named.as_ref().map(repeat::mark);
    let (taking, now) = (ingestion.clone(), by.at);
    let work = async move {
        let (into, warnings) = service::known(&**workspaces, &slugs).await?;
        let done = taking.add_text(raw, into, Indexing::Keep, &by).await?;
        Ok(DocumentsAdded::new(done.added, warnings, mount))
    };
    let added = repeat::once(repeats.into_inner(), &ingestion.library, named, now, work).await?;
    Ok(Json(if query.with_content() { added } else { added.without_content() }))
}

/// Add a page of another host.
///
/// Only hosts that everybody may reach are asked, unless the operator has allowed others
/// (`CARREL_LINK_HOSTS`). Pages become Markdown without what surrounds their content; other files are
/// read as uploads are.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), params(wire::AnswerQuery),
    request_body = wire::LinkBody,
    responses((status = 200, body = DocumentsAdded), Failure<NoLink>))]
#[post("/document/upload-link")]
pub async fn upload_link(
    caller: Caller<Keeper>,
    request: HttpRequest,
    (workspaces, ingestion, repeats): Uploading,
    params: Params<wire::AnswerQuery>,
    body: Body<wire::LinkBody>,
) -> Answer<Json<DocumentsAdded>, NoLink> {
    let (mount, by, query) = (Mount::of(&request), caller.by(), params.read()?);
    let (body, digest) = body.read_whole().await?;
    let (mut link, slugs) = body.into_request(mount)?;
    let named = repeat::named(&request, &caller, digest)?;
    link.details.terms.request = named.as_ref().map(repeat::mark);
    let (taking, now) = (ingestion.clone(), by.at);
    let work = async move {
        let (into, warnings) = service::known(&**workspaces, &slugs).await?;
        let done = taking.add_link(link, into, Indexing::Keep, &by).await?;
        Ok(DocumentsAdded::new(done.added, warnings, mount))
    };
    let added = repeat::once(repeats.into_inner(), &ingestion.library, named, now, work).await?;
    Ok(Json(if query.with_content() { added } else { added.without_content() }))
}
