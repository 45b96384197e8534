//! `/workspace*`
mod settings;
pub mod wire;

use std::collections::HashMap;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use carrel_domain::library::WorkspaceDocuments;
use carrel_domain::model::Models;
use carrel_domain::settings::Settings;
use carrel_domain::thread::Threads;
use carrel_domain::vector::VectorIndex;
use carrel_domain::workspace::{Workspace, Workspaces};
use carrel_domain::{Error, WorkspaceId};
use carrel_services::workspaces as service;

use crate::caller::{Admin, Caller, Reader};
use crate::failure::{Answer, Failure, Plain, shapes::NoWorkspace};
use crate::mount::Mount;
use crate::read::Body;

/// Create a workspace.
///
/// Names may repeat; the slug, by which everything else addresses the workspace, does not.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = wire::WorkspaceFields,
    responses((status = 200, body = wire::WorkspaceChanged), Failure<NoWorkspace>))]
#[post("/workspace/new")]
pub async fn create_workspace(
    caller: Caller<Admin>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    settings: Data<dyn Settings>,
    models: Data<dyn Models>,
    body: Body<wire::WorkspaceFields>,
) -> Answer<Json<wire::WorkspaceChanged>, NoWorkspace> {
    let body = body.read().await?;
    let (name, new) = (body.name(), body.into_new(Mount::of(&request))?);
    service::check_model(&**models, None, &new)?;
    let by = caller.by();
    let workspace = service::create_named(&**workspaces, &**settings, new, &name, &by).await?;
    Ok(Json(wire::WorkspaceChanged { workspace: workspace.into(), message: None }))
}

/// List every workspace.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = wire::WorkspaceList), Failure<Plain>))]
#[get("/workspaces")]
pub async fn list_workspaces(
    caller: Caller<Reader>,
    workspaces: Data<dyn Workspaces>,
    threads: Data<dyn Threads>,
) -> Answer<Json<wire::WorkspaceList>> {
    let mut of = HashMap::<WorkspaceId, Vec<wire::ThreadName>>::new();
    for thread in threads.all().await? {
        of.entry(thread.workspace).or_default().push(thread.into());
    }
    let listed = |workspace: Workspace| wire::ListedWorkspace {
        threads: of.remove(&workspace.id).unwrap_or_default(),
        row: wire::WorkspaceRow::from(workspace),
    };
    let workspaces = workspaces.list().await?.into_iter();
    let entered = workspaces.filter(|workspace| caller.key.enters(workspace.id));
    let workspaces = entered.map(listed).collect();
    Ok(Json(wire::WorkspaceList { workspaces }))
}

/// Find a workspace by its slug.
///
/// The workspace comes in a list of one, with its documents and threads.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = wire::WorkspaceFound), Failure<Plain>))]
#[get("/workspace/{slug}")]
pub async fn find_workspace(
    caller: Caller<Reader>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    placements: Data<dyn WorkspaceDocuments>,
    threads: Data<dyn Threads>,
    slug: Path<String>,
) -> Answer<Json<wire::WorkspaceFound>> {
    let mount = Mount::of(&request);
    let workspace = match caller.workspace(&**workspaces, &slug).await {
        Ok(workspace) => workspace,
        // quirk(unknown-is-empty): at `/api/v1` a workspace that is not there is an empty list.
        Err(Error::NotFound { .. }) if mount == Mount::Compat => {
            return Ok(Json(wire::WorkspaceFound { workspace: Vec::new() }));
        }
        Err(error) => return Err(error.into()),
    };
    let documents = placements.in_workspace(workspace.id).await?.into_iter();
    let documents = documents.map(|placed| wire::PlacedDocument::new(placed, mount)).collect();
    let threads = threads.page(workspace.id, "", None, u32::MAX).await?;
    let threads = threads.into_iter().map(Into::into).collect();
    let row = workspace.into();
    let workspace = vec![wire::WorkspaceDetails { row, documents, threads }];
    Ok(Json(wire::WorkspaceFound { workspace }))
}

/// Change the settings of a workspace.
///
/// Those that are not sent stay as they are. The slug never changes.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = wire::WorkspaceFields,
    responses((status = 200, body = wire::WorkspaceChanged), Failure<Plain>))]
#[post("/workspace/{slug}/update")]
pub async fn update_workspace(
    caller: Caller<Admin>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    models: Data<dyn Models>,
    slug: Path<String>,
    body: Body<wire::WorkspaceFields>,
) -> Answer<HttpResponse> {
    let (mount, body) = (Mount::of(&request), body.read().await?);
    let workspace = caller.workspace(&**workspaces, &slug).await?;
    let Some(settings) = body.into_changed(workspace.settings.clone(), mount)? else {
        return match mount {
            Mount::Native => Err(Error::invalid("body", "must name a setting to change").into()),
            Mount::Compat => Ok(HttpResponse::Ok().json(wire::WorkspaceLeft {
                workspace: wire::WorkspaceNumber { id: workspace.id.0 },
                message: "No valid fields to update!",
            })),
        };
    };
    service::check_model(&**models, Some(&workspace.settings), &settings)?;
    let workspace = service::update(&**workspaces, &workspace, settings, &caller.by()).await?;
    let changed = wire::WorkspaceChanged { workspace: workspace.into(), message: None };
    Ok(HttpResponse::Ok().json(changed))
}

/// Delete a workspace.
///
/// Its conversations and passages go with it; the documents stay in the library.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = wire::WorkspaceDeleted), Failure<Plain>))]
#[delete("/workspace/{slug}")]
pub async fn delete_workspace(
    caller: Caller<Admin>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    index: Data<dyn VectorIndex>,
    slug: Path<String>,
) -> Answer<HttpResponse> {
    service::delete(&**workspaces, &**index, &slug, &caller.by()).await?;
    Ok(match Mount::of(&request) {
        Mount::Native => {
            HttpResponse::Ok().json(wire::WorkspaceDeleted { success: true, error: None })
        }
        // quirk(deleted-in-text)
        Mount::Compat => HttpResponse::Ok().content_type("text/plain; charset=utf-8").body("OK"),
    })
}
