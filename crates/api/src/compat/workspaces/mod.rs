//! Workspaces at `/api/v1/workspace*`.
mod settings;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, post};
use carrel_domain::Error;
use carrel_services::Ports;
use carrel_services::workspaces as service;
use serde::Serialize;
use utoipa::ToSchema;

use self::settings::{WorkspaceUpdate, repair_fields};
use super::error::error_body::{NoWorkspace, Plain};
use super::{JsonBody, names};
use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, error_body::text};
use crate::v1::workspaces as native;
use crate::v1::workspaces::wire;

/// Create a workspace.
///
/// Invalid settings are replaced by the defaults of a new workspace.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = wire::WorkspaceFields,
    responses((status = 200, body = wire::WorkspaceChanged), ErrorResponse<NoWorkspace>))]
#[post("/workspace/new")]
pub async fn create_workspace(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<wire::WorkspaceFields>,
) -> ApiResult<Json<wire::WorkspaceChanged>, NoWorkspace> {
    let body = repair_fields(body.read().await?);
    let by = caller.by();
    Ok(Json(native::create(&*ports.workspaces, &*ports.settings, &*ports.models, body, &by).await?))
}

/// Find a workspace by its slug.
///
/// The result is a list of one workspace, empty if there is none.
// quirk(workspace-in-a-list): the same
// native: one workspace in a list of one
// test: `workspaces::a_new_workspace_is_found_by_its_slug`
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = wire::WorkspaceFound), ErrorResponse<Plain>))]
#[get("/workspace/{slug}")]
pub async fn find_workspace(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    slug: Path<String>,
) -> ApiResult<Json<wire::WorkspaceFound>, Plain> {
    let workspace = match caller.workspace(&*ports.workspaces, &slug).await {
        // quirk(unknown-is-empty): `GET /workspace/{slug}` answers `{"workspace":[]}`
        // native: `404`
        // test: `workspaces::a_deleted_workspace_is_gone_with_its_vectors`
        Err(Error::NotFound { .. }) => {
            return Ok(Json(wire::WorkspaceFound { workspace: Vec::new() }));
        }
        found => found?,
    };
    Ok(Json(
        native::found(&*ports.workspace_documents, &*ports.threads, workspace, names::placed)
            .await?,
    ))
}

/// The response to an update of a workspace.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = compat::WorkspaceUpdated)]
pub enum WorkspaceUpdated {
    Changed(Box<wire::WorkspaceChanged>),
    Left(WorkspaceLeft),
}

/// A workspace that was not changed because no known setting was sent.
// quirk(nothing-to-update)
#[derive(Serialize, ToSchema)]
#[schema(as = compat::WorkspaceLeft)]
pub struct WorkspaceLeft {
    workspace: WorkspaceNumber,
    message: &'static str,
}

#[derive(Serialize, ToSchema)]
#[schema(as = compat::WorkspaceNumber)]
struct WorkspaceNumber {
    id: i32,
}

/// Change the settings of a workspace.
///
/// Invalid values are replaced by defaults.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = wire::WorkspaceFields,
    responses((status = 200, body = WorkspaceUpdated), ErrorResponse<Plain>))]
#[post("/workspace/{slug}/update")]
pub async fn update_workspace(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    slug: Path<String>,
    body: JsonBody<WorkspaceUpdate>,
) -> ApiResult<Json<WorkspaceUpdated>, Plain> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let Some(settings) = body.into_changed(workspace.settings.clone())? else {
        return Ok(Json(WorkspaceUpdated::Left(WorkspaceLeft {
            workspace: WorkspaceNumber { id: workspace.id.0 },
            message: "No valid fields to update!",
        })));
    };
    let by = caller.by();
    let changed =
        native::update(&*ports.workspaces, &*ports.models, &workspace, settings, &by).await?;
    Ok(Json(WorkspaceUpdated::Changed(Box::new(changed))))
}

/// Delete a workspace.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, description = "The workspace was deleted.", content_type = "text/plain", body = String), ErrorResponse<Plain>))]
#[delete("/workspace/{slug}")]
pub async fn delete_workspace(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    slug: Path<String>,
) -> ApiResult<HttpResponse, Plain> {
    service::delete(&*ports.workspaces, &*ports.index, &slug, &caller.by()).await?;
    // quirk(deleted-in-text): `OK` as text
    // native: `{"success":true,"error":null}`
    // test: `workspaces::the_other_mount_confirms_a_deletion_in_text`
    Ok(text(StatusCode::OK, "OK"))
}
