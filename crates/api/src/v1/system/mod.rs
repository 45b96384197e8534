//! `/system/*`.
pub mod backup;
pub mod models;
pub mod settings;
pub mod wire;

use actix_web::web::{Data, Json};
use actix_web::{delete, get};
use carrel_services::Ports;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain, error_body::NoSuccess};
use crate::read::JsonBody;

/// Count the vectors of all workspaces that the key may access.
#[utoipa::path(tag = "System", security(("api_key" = [])),
    responses((status = 200, body = wire::VectorCount), ErrorResponse<Plain>))]
#[get("/system/vector-count")]
pub async fn count_vectors(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
) -> ApiResult<Json<wire::VectorCount>> {
    if caller.key.workspaces.is_empty() {
        return Ok(Json(wire::VectorCount { vector_count: ports.index.count(None).await? }));
    }
    let mut vector_count = 0;
    for workspace in &caller.key.workspaces {
        vector_count += ports.index.count(Some(*workspace)).await?;
    }
    Ok(Json(wire::VectorCount { vector_count }))
}

/// Remove documents from the library and from every workspace.
///
/// `message` reports names that do not exist; they are not an error.
#[utoipa::path(tag = "System", security(("api_key" = [])), request_body = wire::RemoveDocuments,
    responses((status = 200, body = wire::DocumentsRemoved), ErrorResponse<NoSuccess>))]
#[delete("/system/remove-documents")]
pub async fn remove_documents(
    caller: Authorized<scope::DocumentsWrite>,
    ports: Data<Ports>,
    body: JsonBody<wire::RemoveDocuments>,
) -> ApiResult<Json<wire::DocumentsRemoved>, NoSuccess> {
    let paths = body.read().await?.into_paths()?;
    let requested = paths.clone();
    let removed = ports.library.remove(paths, &caller.by()).await?;
    Ok(Json(wire::DocumentsRemoved::new(&requested, &removed)))
}
