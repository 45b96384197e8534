//! `POST /api/v1/workspace/{slug}/update-pin`.
use actix_web::post;
use actix_web::web::{Data, Json, Path};
use carrel_domain::library::WorkspaceDocuments;
use carrel_domain::workspace::Workspace;
use carrel_domain::{DocumentPath, Error, Result};
use carrel_services::Ports;
use carrel_services::pins as service;
use serde_json::Value;

use super::JsonBody;
use super::error::error_body::NoDocument;
use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse};
use crate::v1::pins::wire;

/// Pin or unpin a document of a workspace.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = wire::PinBody,
    responses((status = 200, body = wire::Pinned), ErrorResponse<NoDocument>))]
#[post("/workspace/{slug}/update-pin")]
pub async fn update_pin(
    caller: Authorized<scope::WorkspaceDocuments>,
    ports: Data<Ports>,
    slug: Path<String>,
    body: JsonBody<wire::PinBody>,
) -> ApiResult<Json<wire::Pinned>, NoDocument> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let path = body.path()?;
    match body.pin_status {
        None | Some(Value::Null | Value::Bool(_)) => {
            let pinned = body.pin_status == Some(Value::Bool(true));
            service::pin(&*ports.pins, &workspace, &path, pinned, &caller.by()).await?;
        }
        // quirk(pin-status): any other value succeeds and changes nothing
        // native: `pinStatus` is true or false
        // test: `dialects::an_invalid_pin_status_changes_nothing`
        Some(_) => check_in_workspace(&*ports.workspace_documents, &workspace, &path).await?,
    }
    Ok(Json(wire::Pinned { message: wire::UPDATED }))
}

/// Returns an error if the document is not in the workspace.
async fn check_in_workspace(
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
