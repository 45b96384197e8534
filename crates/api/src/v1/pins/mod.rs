//! `POST /workspace/{slug}/update-pin`.
pub mod wire;

use actix_web::post;
use actix_web::web::{Data, Json, Path};
use carrel_services::Ports;
use carrel_services::pins as service;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::JsonBody;

/// Pin or unpin a document of a workspace.
///
/// Every question in the workspace includes the whole text of pinned documents, before the
/// retrieved passages, as far as the model's context window has room.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = wire::PinBody,
    responses((status = 200, body = wire::Pinned), ErrorResponse<Plain>))]
#[post("/workspace/{slug}/update-pin")]
pub async fn update_pin(
    caller: Authorized<scope::WorkspaceDocuments>,
    ports: Data<Ports>,
    slug: Path<String>,
    body: JsonBody<wire::PinBody>,
) -> ApiResult<Json<wire::Pinned>, Plain> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let (path, pinned) = body.read()?;
    service::pin(&*ports.pins, &workspace, &path, pinned, &caller.by()).await?;
    Ok(Json(wire::Pinned { message: wire::UPDATED }))
}
