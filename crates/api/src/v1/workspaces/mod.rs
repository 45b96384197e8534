//! `/workspace*`.
pub mod settings;
pub mod wire;

use carrel_services::Ports;
use std::collections::HashMap;

use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::audit::By;
use carrel_domain::library::WorkspaceDocuments;
use carrel_domain::model::Models;
use carrel_domain::settings::Settings;
use carrel_domain::thread::Threads;
use carrel_domain::workspace::{Workspace, WorkspaceSettings, Workspaces};
use carrel_domain::{Error, Result, WorkspaceId};
use carrel_services::workspaces as service;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain, error_body::NoWorkspace};
use crate::read::JsonBody;
use crate::v1::workspace_documents::PlacedOf;

/// Create a workspace.
///
/// Several workspaces may have the same name. The slug, by which other operations refer to the
/// workspace, is unique.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = wire::WorkspaceFields,
    responses((status = 200, body = wire::WorkspaceChanged), ErrorResponse<NoWorkspace>))]
#[post("/workspace/new")]
pub async fn create_workspace(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<wire::WorkspaceFields>,
) -> ApiResult<Json<wire::WorkspaceChanged>, NoWorkspace> {
    let body = body.read().await?;
    Ok(Json(
        create(&*ports.workspaces, &*ports.settings, &*ports.models, body, &caller.by()).await?,
    ))
}

/// Creates the workspace that a body describes.
pub async fn create(
    workspaces: &dyn Workspaces,
    settings: &dyn Settings,
    models: &dyn Models,
    body: wire::WorkspaceFields,
    by: &By,
) -> Result<wire::WorkspaceChanged> {
    let (name, new) = (body.name(), body.into_new()?);
    service::check_model(models, None, &new)?;
    let workspace = service::create_named(workspaces, settings, new, &name, by).await?;
    Ok(wire::WorkspaceChanged { workspace: workspace.into(), message: None })
}

/// List all workspaces.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = wire::WorkspaceList), ErrorResponse<Plain>))]
#[get("/workspaces")]
pub async fn list_workspaces(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
) -> ApiResult<Json<wire::WorkspaceList>> {
    let mut of = HashMap::<WorkspaceId, Vec<wire::ThreadName>>::new();
    for thread in ports.threads.all().await? {
        of.entry(thread.workspace).or_default().push(thread.into());
    }
    let listed = |workspace: Workspace| wire::ListedWorkspace {
        threads: of.remove(&workspace.id).unwrap_or_default(),
        row: wire::WorkspaceRow::from(workspace),
    };
    let workspaces = ports.workspaces.list().await?.into_iter();
    let entered = workspaces.filter(|workspace| caller.key.allows_workspace(workspace.id));
    let workspaces = entered.map(listed).collect();
    Ok(Json(wire::WorkspaceList { workspaces }))
}

/// Find a workspace by its slug.
///
/// Returns a list of one workspace, with its documents and threads.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = wire::WorkspaceFound), ErrorResponse<Plain>))]
#[get("/workspace/{slug}")]
pub async fn find_workspace(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    slug: Path<String>,
) -> ApiResult<Json<wire::WorkspaceFound>> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    Ok(Json(
        found(&*ports.workspace_documents, &*ports.threads, workspace, wire::PlacedDocument::new)
            .await?,
    ))
}

/// Returns a workspace with its documents and threads.
pub async fn found(
    placements: &dyn WorkspaceDocuments,
    threads: &dyn Threads,
    workspace: Workspace,
    to_response: PlacedOf,
) -> Result<wire::WorkspaceFound> {
    let documents = placements.in_workspace(workspace.id).await?;
    let documents = documents.into_iter().map(to_response).collect();
    let threads = threads.page(workspace.id, "", None, u32::MAX).await?;
    let threads = threads.into_iter().map(Into::into).collect();
    let row = workspace.into();
    Ok(wire::WorkspaceFound { workspace: vec![wire::WorkspaceDetails { row, documents, threads }] })
}

/// Change the settings of a workspace.
///
/// Settings that are not sent do not change. The slug never changes.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = wire::WorkspaceFields,
    responses((status = 200, body = wire::WorkspaceChanged), ErrorResponse<Plain>))]
#[post("/workspace/{slug}/update")]
pub async fn update_workspace(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    slug: Path<String>,
    body: JsonBody<wire::WorkspaceFields>,
) -> ApiResult<Json<wire::WorkspaceChanged>> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let settings = body.into_changed(workspace.settings.clone())?;
    let settings =
        settings.ok_or_else(|| Error::invalid("body", "must name a setting to change"))?;
    Ok(Json(update(&*ports.workspaces, &*ports.models, &workspace, settings, &caller.by()).await?))
}

/// Changes the settings of a workspace.
pub async fn update(
    workspaces: &dyn Workspaces,
    models: &dyn Models,
    workspace: &Workspace,
    settings: WorkspaceSettings,
    by: &By,
) -> Result<wire::WorkspaceChanged> {
    service::check_model(models, Some(&workspace.settings), &settings)?;
    let workspace = service::update(workspaces, workspace, settings, by).await?;
    Ok(wire::WorkspaceChanged { workspace: workspace.into(), message: None })
}

/// Delete a workspace.
///
/// Deletes its conversations and passages. The documents stay in the library.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = wire::WorkspaceDeleted), ErrorResponse<Plain>))]
#[delete("/workspace/{slug}")]
pub async fn delete_workspace(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    slug: Path<String>,
) -> ApiResult<Json<wire::WorkspaceDeleted>> {
    service::delete(&*ports.workspaces, &*ports.index, &slug, &caller.by()).await?;
    Ok(Json(wire::WorkspaceDeleted { success: true, error: None }))
}
