//! `/v1/system/logo` and `/v1/workspace/{slug}/picture`.
use actix_web::http::header::{CACHE_CONTROL, ETAG};
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, post};
use carrel_domain::Error;
use carrel_domain::picture::{LARGEST_UPLOAD, PictureSubject, UploadedPicture};
use carrel_services::Ports;
use serde::Serialize;
use utoipa::ToSchema;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::MultipartForm;
use crate::wire::Binary;

/// A picture to upload.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is there for the OpenAPI document")]
pub struct PictureForm {
    /// PNG, JPEG, WebP, GIF, BMP or TIFF, at most 5 MiB.
    #[schema(inline)]
    file: Binary,
}

/// The current name of a picture.
#[derive(Serialize, ToSchema)]
pub struct PictureChanged {
    /// Name of the picture; null if it was removed.
    picture: Option<String>,
}

impl From<Option<UploadedPicture>> for PictureChanged {
    fn from(picture: Option<UploadedPicture>) -> Self {
        Self { picture: picture.map(|picture| picture.name.as_str().to_owned()) }
    }
}

/// Show the logo of the server.
///
/// As PNG, at most 256 pixels wide and high.
#[utoipa::path(tag = "System Settings", security(("api_key" = [])),
    responses((status = 200, description = "The picture", content_type = "image/png", body = inline(Binary)),
        ErrorResponse<Plain>))]
#[get("/system/logo")]
pub async fn show_logo(
    _: Authorized<scope::Read>,
    ports: Data<Ports>,
) -> ApiResult<HttpResponse, Plain> {
    let logo = ports.pictures.of(PictureSubject::Server).await?;
    Ok(png_response(logo.ok_or_else(|| Error::not_found("logo", "of the server"))?))
}

/// Upload the logo of the server.
///
/// The logo appears at the top of pages and replaces an earlier one. It is converted to PNG, at most 256
/// pixels wide and high.
#[utoipa::path(tag = "System Settings", security(("api_key" = [])),
    request_body(content = PictureForm, content_type = "multipart/form-data"),
    responses((status = 200, body = PictureChanged), ErrorResponse<Plain>))]
#[post("/system/logo")]
pub async fn upload_logo(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    form: MultipartForm,
) -> ApiResult<Json<PictureChanged>> {
    let file = form.read_at_most(LARGEST_UPLOAD).await?.content;
    let (subject, path) = (PictureSubject::Server, file.path().to_owned());
    let picture = ports.pictures.upload(subject, path, &caller.by()).await?;
    Ok(Json(Some(picture).into()))
}

/// Remove the logo of the server.
#[utoipa::path(tag = "System Settings", security(("api_key" = [])),
    responses((status = 200, body = PictureChanged), ErrorResponse<Plain>))]
#[delete("/system/logo")]
pub async fn remove_logo(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
) -> ApiResult<Json<PictureChanged>> {
    ports.pictures.remove(PictureSubject::Server, &caller.by()).await?;
    Ok(Json(None.into()))
}

/// Show the picture of a workspace.
///
/// As PNG, at most 256 pixels wide and high.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, description = "The picture", content_type = "image/png", body = inline(Binary)),
        ErrorResponse<Plain>))]
#[get("/workspace/{slug}/picture")]
pub async fn show_workspace_picture(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    slug: Path<String>,
) -> ApiResult<HttpResponse, Plain> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let picture = ports.pictures.of(PictureSubject::Workspace(workspace.id)).await?;
    Ok(png_response(picture.ok_or_else(|| Error::not_found("picture", "of the workspace"))?))
}

/// Upload the picture of a workspace.
///
/// The picture replaces an earlier one and is converted to PNG, at most 256 pixels wide and high.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    request_body(content = PictureForm, content_type = "multipart/form-data"),
    responses((status = 200, body = PictureChanged), ErrorResponse<Plain>))]
#[post("/workspace/{slug}/picture")]
pub async fn upload_workspace_picture(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    slug: Path<String>,
    form: MultipartForm,
) -> ApiResult<Json<PictureChanged>> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let file = form.read_at_most(LARGEST_UPLOAD).await?.content;
    let (subject, path) = (PictureSubject::Workspace(workspace.id), file.path().to_owned());
    let picture = ports.pictures.upload(subject, path, &caller.by()).await?;
    Ok(Json(Some(picture).into()))
}

/// Remove the picture of a workspace.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = PictureChanged), ErrorResponse<Plain>))]
#[delete("/workspace/{slug}/picture")]
pub async fn remove_workspace_picture(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    slug: Path<String>,
) -> ApiResult<Json<PictureChanged>> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    ports.pictures.remove(PictureSubject::Workspace(workspace.id), &caller.by()).await?;
    Ok(Json(None.into()))
}

fn png_response(picture: UploadedPicture) -> HttpResponse {
    HttpResponse::Ok()
        .content_type("image/png")
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .insert_header((ETAG, format!("\"{}\"", picture.name.as_str())))
        .body(picture.png)
}
