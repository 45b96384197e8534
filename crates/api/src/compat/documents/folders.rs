//! Folders at `/api/v1/document/*`.
use actix_web::web::{Data, Json};
use actix_web::{delete, post};
use carrel_domain::{Folder, Result};
use carrel_services::Ports;
use carrel_services::library::MovePolicy;

use crate::authorized::{Authorized, scope};
use crate::compat::JsonBody;
use crate::compat::error::documents::{NoFolder, NotMoved, NotRemoved};
use crate::error::{ApiResult, ErrorResponse};
use crate::v1::documents::folder::{self as native, FolderBody, FolderChanged, MoveBody};

/// Create a folder.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), request_body = FolderBody,
    responses((status = 200, body = FolderChanged), ErrorResponse<NoFolder>))]
#[post("/document/create-folder")]
pub async fn create_folder(
    caller: Authorized<scope::DocumentsWrite>,
    ports: Data<Ports>,
    body: JsonBody<FolderBody>,
) -> ApiResult<Json<FolderChanged>, NoFolder> {
    let name = body.read().await?.name()?;
    let folder = parse(name.as_deref().unwrap_or_default())?;
    ports.library.create_folder(&folder, &caller.by()).await?;
    Ok(Json(FolderChanged::succeeded()))
}

/// Delete a folder and its documents, also from every workspace.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), request_body = FolderBody,
    responses((status = 200, body = FolderChanged), ErrorResponse<NotRemoved>))]
#[delete("/document/remove-folder")]
pub async fn remove_folder(
    caller: Authorized<scope::DocumentsWrite>,
    ports: Data<Ports>,
    body: JsonBody<FolderBody>,
) -> ApiResult<Json<FolderChanged>, NotRemoved> {
    let name = body.read().await?.name()?.unwrap_or_default();
    let removed = match Folder::parse(&name) {
        // quirk(nothing-to-remove): it succeeds and removes nothing, as `removed` says
        // native: removing the default folder or a folder that does not exist is refused
        // test: `shelves::folders_are_created_and_removed_with_their_documents`
        Ok(folder) if !folder.is_default() => {
            ports.library.remove_folder(folder, &caller.by()).await?
        }
        _ => None,
    };
    Ok(Json(FolderChanged::removed(removed)))
}

/// Move documents between folders, all or nothing.
///
/// Documents that are in a workspace stay where they are.
#[utoipa::path(tag = "Documents", security(("api_key" = [])), request_body = MoveBody,
    responses((status = 200, body = FolderChanged), ErrorResponse<NotMoved>))]
#[post("/document/move-files")]
pub async fn move_files(
    caller: Authorized<scope::DocumentsWrite>,
    ports: Data<Ports>,
    body: JsonBody<MoveBody>,
) -> ApiResult<Json<FolderChanged>, NotMoved> {
    let moves = body.read().await?.into_moves()?;
    let requested = moves.len();
    // quirk(placed-stay): documents that are in a workspace are not moved, and the message says how
    // many
    // native: documents move even if they are in a workspace, and stay in it
    // test: `shelves::documents_are_moved_completely_or_not_at_all`
    let skipped = ports.library.move_documents(moves, MovePolicy::Stay, &caller.by()).await?;
    Ok(Json(FolderChanged::moved(requested, skipped)))
}

/// Returns the folder with this name, after cutting off leading `../` and `./`.
// quirk(safe-names): a file name is reduced to its last path segment; leading `../` and `./` are
// cut off the name of a new folder. Other paths are refused
// native: a file or folder name that is a path is refused
// test: `compat::documents` (unit tests)
pub fn parse(name: &str) -> Result<Folder> {
    let mut rest = name;
    while let Some(relative) = rest.strip_prefix("../").or_else(|| rest.strip_prefix("./")) {
        rest = relative;
    }
    native::parse(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folder_names_cannot_leave_the_library() {
        let folder = |name| parse(name).map(|folder| folder.to_string()).ok();
        assert_eq!(folder("../../evil").as_deref(), Some("evil"));
        for name in ["", ".", "..", "../..", "a/b/c", "..\\x", "/etc", "../.ssh", "a/../b", "x\0"] {
            assert_eq!(folder(name), None, "{name:?}");
            assert!(native::parse(name).is_err(), "{name:?}");
        }
        assert!(native::parse("../../evil").is_err());
    }
}
