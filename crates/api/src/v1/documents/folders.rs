//! Folders at `/document/*`.
use actix_web::web::{Data, Json};
use actix_web::{delete, post};
use carrel_domain::Error;
use carrel_services::Ports;
use carrel_services::library::MovePolicy;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, error_body::NoSuccess};
use crate::read::JsonBody;
use crate::v1::documents::folder as wire;

/// Create a folder.
///
/// A name that is taken is refused.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), request_body = wire::FolderBody,
    responses((status = 200, body = wire::FolderChanged), ErrorResponse<NoSuccess>))]
#[post("/document/create-folder")]
pub async fn create_folder(
    caller: Authorized<scope::DocumentsWrite>,
    ports: Data<Ports>,
    body: JsonBody<wire::FolderBody>,
) -> ApiResult<Json<wire::FolderChanged>, NoSuccess> {
    let folder = body.read().await?.into_folder()?;
    ports.library.create_folder(&folder, &caller.by()).await?;
    Ok(Json(wire::FolderChanged::succeeded()))
}

/// Delete a folder and its documents, also from every workspace.
///
/// The default folder, to which uploads go, cannot be deleted.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), request_body = wire::FolderBody,
    responses((status = 200, body = wire::FolderChanged), ErrorResponse<NoSuccess>))]
#[delete("/document/remove-folder")]
pub async fn remove_folder(
    caller: Authorized<scope::DocumentsWrite>,
    ports: Data<Ports>,
    body: JsonBody<wire::FolderBody>,
) -> ApiResult<Json<wire::FolderChanged>, NoSuccess> {
    let folder = body.read().await?.into_folder()?;
    let removed = ports.library.remove_folder(folder.clone(), &caller.by()).await?;
    let removed = removed.ok_or_else(|| Error::not_found("folder", &folder))?;
    Ok(Json(wire::FolderChanged::removed(Some(removed))))
}

/// Move documents between folders, all or nothing.
///
/// Documents keep their ids and stay in their workspaces. A move never overwrites a document.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), request_body = wire::MoveBody,
    responses((status = 200, body = wire::FolderChanged), ErrorResponse<NoSuccess>))]
#[post("/document/move-files")]
pub async fn move_files(
    caller: Authorized<scope::DocumentsWrite>,
    ports: Data<Ports>,
    body: JsonBody<wire::MoveBody>,
) -> ApiResult<Json<wire::FolderChanged>, NoSuccess> {
    let moves = body.read().await?.into_moves()?;
    let requested = moves.len();
    let skipped = ports.library.move_documents(moves, MovePolicy::Move, &caller.by()).await?;
    Ok(Json(wire::FolderChanged::moved(requested, skipped)))
}
