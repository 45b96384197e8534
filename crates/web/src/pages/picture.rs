//! The logo of the server and the pictures of workspaces: serving and uploading them.
use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::Path;
use carrel_domain::Error;
use carrel_domain::picture::{PictureSubject, UploadedPicture};
use carrel_services::pictures::PictureService;

use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::http::upload::FileForm;
use crate::session::current_user::{CurrentUser, OptionalUser, role};
use crate::view::texts::t;

/// Serves the logo, without sign-in.
pub async fn logo(visitor: OptionalUser, name: Path<String>) -> PageResult {
    let picture = visitor.site.ports.pictures.of(PictureSubject::Server).await?;
    serve(picture, &name, "public, max-age=31536000, immutable")
}

/// Serves the picture of a workspace to its members.
pub async fn workspace(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    let workspace = current_user.workspace(&path.0).await?;
    let subject = PictureSubject::Workspace(workspace.id);
    let picture = current_user.ports().pictures.of(subject).await?;
    serve(picture, &path.1, "private, max-age=31536000, immutable")
}

/// Responds with a picture. Every picture has its own name, so browsers may cache it forever.
fn serve(picture: Option<UploadedPicture>, name: &str, cache_policy: &'static str) -> PageResult {
    let not_found = || PageError::from(Error::not_found("picture", name));
    let picture = picture.filter(|picture| picture.name.as_str() == name).ok_or_else(not_found)?;
    let cache_control = (CACHE_CONTROL, cache_policy);
    Ok(HttpResponse::Ok().content_type("image/png").insert_header(cache_control).body(picture.png))
}

/// Uploads the logo, or removes it.
pub async fn save_logo(current_user: CurrentUser<role::Admin>, form: FileForm) -> PageResult {
    let pictures = &current_user.ports().pictures;
    save(pictures, PictureSubject::Server, &current_user, form).await?;
    Ok(response::redirect_with_notice("/admin/appearance", "saved"))
}

/// Uploads the picture of a workspace, or removes it.
pub async fn save_workspace(
    current_user: CurrentUser<role::Manager>,
    slug: Path<String>,
    form: FileForm,
) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let pictures = &current_user.ports().pictures;
    save(pictures, PictureSubject::Workspace(workspace.id), &current_user, form).await?;
    Ok(response::redirect_with_notice(&format!("/w/{}/settings", workspace.slug), "saved"))
}

async fn save<P>(
    pictures: &PictureService,
    subject: PictureSubject,
    current_user: &CurrentUser<P>,
    form: FileForm,
) -> Result<(), PageError> {
    let (files, fields) = form.read().await?;
    if fields.has("remove") {
        return Ok(pictures.remove(subject, &current_user.by()).await?);
    }
    let no_file = || Error::invalid("file", t("picture.none"));
    let file = files.into_iter().next().ok_or_else(no_file)?;
    pictures.upload(subject, file.incoming_file().content, &current_user.by()).await?;
    Ok(())
}
