//! `/document/*`: folders
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, delete, post};
use carrel_domain::Error;
use carrel_services::library::{Library, MovePolicy};

use crate::caller::{Caller, Keeper};
use crate::failure::{
    Answer, Failure,
    shapes::{NoFolder, NotMoved, NotRemoved},
};
use crate::mount::Mount;
use crate::read::Body;
use crate::v1::documents::folder as wire;

/// Make a folder.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), request_body = wire::FolderBody,
    responses((status = 200, body = wire::FolderChanged), Failure<NoFolder>))]
#[post("/document/create-folder")]
pub async fn create_folder(
    caller: Caller<Keeper>,
    request: HttpRequest,
    library: Data<Library>,
    body: Body<wire::FolderBody>,
) -> Answer<Json<wire::FolderChanged>, NoFolder> {
    let folder = body.read().await?.into_folder(Mount::of(&request))?;
    library.create_folder(&folder, &caller.by()).await?;
    Ok(Json(wire::FolderChanged::made()))
}

/// Remove a folder and its documents, from every workspace too.
///
/// The folder that uploads go to cannot be removed.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), request_body = wire::FolderBody,
    responses((status = 200, body = wire::FolderChanged), Failure<NotRemoved>))]
#[delete("/document/remove-folder")]
pub async fn remove_folder(
    caller: Caller<Keeper>,
    request: HttpRequest,
    library: Data<Library>,
    body: Body<wire::FolderBody>,
) -> Answer<Json<wire::FolderChanged>, NotRemoved> {
    let mount = Mount::of(&request);
    let Some(folder) = body.read().await?.into_removed(mount)? else {
        return Ok(Json(wire::FolderChanged::removed(None)));
    };
    let removed = library.remove_folder(folder.clone(), &caller.by()).await?;
    if removed.is_none() && mount == Mount::Native {
        return Err(Error::not_found("folder", &folder).into());
    }
    Ok(Json(wire::FolderChanged::removed(removed)))
}

/// Move documents between folders, all or none.
///
/// Their ids and their places in workspaces stay. Nothing is overwritten.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), request_body = wire::MoveBody,
    responses((status = 200, body = wire::FolderChanged), Failure<NotMoved>))]
#[post("/document/move-files")]
pub async fn move_files(
    caller: Caller<Keeper>,
    request: HttpRequest,
    library: Data<Library>,
    body: Body<wire::MoveBody>,
) -> Answer<Json<wire::FolderChanged>, NotMoved> {
    let moves = body.read().await?.into_moves()?;
    let asked = moves.len();
    let placed = match Mount::of(&request) {
        Mount::Native => MovePolicy::Move,
        // quirk(placed-stay): documents that are in a workspace are not moved.
        Mount::Compat => MovePolicy::Stay,
    };
    let stayed = library.move_documents(moves, placed, &caller.by()).await?;
    Ok(Json(wire::FolderChanged::moved(asked, stayed)))
}
