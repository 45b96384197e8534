//! `/document/*`: folders
use actix_web::web::{Data, Json};
use actix_web::{delete, post};
use carrel_domain::Error;
use carrel_services::library::{Library, MovePolicy};

use crate::caller::{Caller, Keeper};
use crate::failure::{Answer, Failure, shapes::NoSuccess};
use crate::read::Body;
use crate::v1::documents::folder as wire;

/// Make a folder.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), request_body = wire::FolderBody,
    responses((status = 200, body = wire::FolderChanged), Failure<NoSuccess>))]
#[post("/document/create-folder")]
pub async fn create_folder(
    caller: Caller<Keeper>,
    library: Data<Library>,
    body: Body<wire::FolderBody>,
) -> Answer<Json<wire::FolderChanged>, NoSuccess> {
    let folder = body.read().await?.into_folder()?;
    library.create_folder(&folder, &caller.by()).await?;
    Ok(Json(wire::FolderChanged::made()))
}

/// Remove a folder and its documents, from every workspace too.
///
/// The folder that uploads go to cannot be removed.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), request_body = wire::FolderBody,
    responses((status = 200, body = wire::FolderChanged), Failure<NoSuccess>))]
#[delete("/document/remove-folder")]
pub async fn remove_folder(
    caller: Caller<Keeper>,
    library: Data<Library>,
    body: Body<wire::FolderBody>,
) -> Answer<Json<wire::FolderChanged>, NoSuccess> {
    let folder = body.read().await?.into_folder()?;
    let removed = library.remove_folder(folder.clone(), &caller.by()).await?;
    let removed = removed.ok_or_else(|| Error::not_found("folder", &folder))?;
    Ok(Json(wire::FolderChanged::removed(Some(removed))))
}

/// Move documents between folders, all or none.
///
/// Their ids and their places in workspaces stay. Nothing is overwritten.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), request_body = wire::MoveBody,
    responses((status = 200, body = wire::FolderChanged), Failure<NoSuccess>))]
#[post("/document/move-files")]
pub async fn move_files(
    caller: Caller<Keeper>,
    library: Data<Library>,
    body: Body<wire::MoveBody>,
) -> Answer<Json<wire::FolderChanged>, NoSuccess> {
    let moves = body.read().await?.into_moves()?;
    let asked = moves.len();
    let stayed = library.move_documents(moves, MovePolicy::Move, &caller.by()).await?;
    Ok(Json(wire::FolderChanged::moved(asked, stayed)))
}
