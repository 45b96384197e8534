//! `/document/*`
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, post};
use carrel_domain::document::IncomingFile;
use carrel_domain::workspace::Workspaces;
use carrel_services::library::{Library, Unembedded};
use carrel_services::workspaces as service;

use crate::caller::{Caller, Keeper};
use crate::failure::{Answer, Failure, shapes::NoDocuments};
use crate::mount::Mount;
use crate::read::{Body, Form, Upload};
use crate::wire::document as wire;

/// Upload a file.
///
/// The file becomes a document of the library, and of the workspaces that are named. A workspace
/// that does not exist, or a document that cannot be embedded, is told in `warnings`.
#[utoipa::path(tag = "Documents", security(("api_key" = [])),
    request_body(content = wire::UploadForm, content_type = "multipart/form-data"),
    responses((status = 200, body = wire::DocumentsAdded), Failure<NoDocuments>))]
#[post("/document/upload")]
pub async fn upload_document(
    caller: Caller<Keeper>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    library: Data<Library>,
    form: Form,
) -> Answer<Json<wire::DocumentsAdded>, NoDocuments> {
    let Upload { name, content, fields } = form.read().await?;
    let (details, slugs) = wire::upload_fields(fields)?;
    let (into, warnings) = service::known(&**workspaces, &slugs).await?;
    let file = IncomingFile { name, content: content.path().to_owned() };
    let added = library.add_file(file, details, into, Unembedded::Keep, &caller.by()).await?;
    Ok(Json(wire::DocumentsAdded::new(added, warnings, Mount::of(&request))))
}

/// Add text that is not a file.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), request_body = wire::RawTextBody,
    responses((status = 200, body = wire::DocumentsAdded), Failure<NoDocuments>))]
#[post("/document/raw-text")]
pub async fn add_raw_text(
    caller: Caller<Keeper>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    library: Data<Library>,
    body: Body<wire::RawTextBody>,
) -> Answer<Json<wire::DocumentsAdded>, NoDocuments> {
    let (raw, slugs) = body.read().await?.into_text()?;
    let (into, warnings) = service::known(&**workspaces, &slugs).await?;
    let added = library.add_text(raw, into, Unembedded::Keep, &caller.by()).await?;
    Ok(Json(wire::DocumentsAdded::new(vec![added], warnings, Mount::of(&request))))
}
