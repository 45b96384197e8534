//! `POST /workspace/{slug}/update-pin`
pub mod wire;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, post};
use carrel_domain::library::WorkspaceDocuments;
use carrel_domain::pin::Pins;
use carrel_domain::workspace::{Workspace, Workspaces};
use carrel_domain::{DocumentPath, Error, Result};
use carrel_services::pins as service;

use crate::caller::{Caller, Librarian};
use crate::failure::{Answer, Failure, shapes};
use crate::mount::Mount;
use crate::read::Body;

/// Pin a document of a workspace, or take the pin out.
///
/// The whole text of pinned documents goes into every question of the workspace, as far as the
/// model's window has room for it, before the passages found.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = wire::PinBody,
    responses((status = 200, body = wire::Pinned), Failure<shapes::NoDocument>))]
#[post("/workspace/{slug}/update-pin")]
pub async fn update_pin(
    caller: Caller<Librarian>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    pins: Data<dyn Pins>,
    documents: Data<dyn WorkspaceDocuments>,
    slug: Path<String>,
    body: Body<wire::PinBody>,
) -> Answer<Json<wire::Pinned>, shapes::NoDocument> {
    let body = body.read().await?;
    let workspace = caller.workspace(&**workspaces, &slug).await?;
    let (path, pinned) = body.read(Mount::of(&request))?;
    match pinned {
        Some(pinned) => service::pin(&**pins, &workspace, &path, pinned, &caller.by()).await?,
        None => check_placed(&**documents, &workspace, &path).await?,
    }
    Ok(Json(wire::Pinned { message: wire::UPDATED }))
}

/// Refuses a document that is not in the workspace.
async fn check_placed(
    documents: &dyn WorkspaceDocuments,
    workspace: &Workspace,
    path: &DocumentPath,
) -> Result<()> {
    let placed = documents.in_workspace(workspace.id).await?;
    match placed.iter().any(|placed| placed.document.path == *path) {
        true => Ok(()),
        false => Err(Error::not_found("document", path)),
    }
}
