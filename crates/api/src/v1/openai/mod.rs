//! `/openai/*`: OpenAI's protocol, where a workspace is a model.
pub mod audio;
pub mod chat;
pub mod embeddings;
pub mod images;
pub mod wire;

use carrel_services::Ports;
use std::collections::HashMap;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, get};
use carrel_domain::library::WorkspaceDocuments;
use carrel_domain::workspace::{Workspace, Workspaces};
use carrel_domain::{Error, Result};
use carrel_services::settings::SettingsStore;

use crate::authorized::{Authorized, scope};
use crate::error::openai::{self as error, OpenAi};
use crate::error::{ApiResult, ErrorResponse};
use crate::read::Params;

/// The setting with the provider for workspaces that choose none.
const PROVIDER: &str = "LLM_PROVIDER";

/// List the workspaces as models.
///
/// Lists the workspaces that the key may access. The id of a model is the slug of its workspace.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])),
    responses((status = 200, body = wire::ModelPage), ErrorResponse<OpenAi>))]
#[get("/openai/models")]
pub async fn list_models(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
) -> ApiResult<Json<wire::ModelPage>, OpenAi> {
    let accessible_workspaces = accessible_workspaces(&caller, &*ports.workspaces).await?;
    Ok(Json(wire::ModelPage::of(accessible_workspaces, ports.settings_store.lookup(PROVIDER))))
}

/// Get a workspace as a model.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])),
    responses((status = 200, body = wire::ModelEntry), ErrorResponse<OpenAi>))]
#[get("/openai/models/{model}")]
pub async fn find_model(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    model: Path<String>,
) -> ApiResult<HttpResponse, OpenAi> {
    Ok(match requested_workspace(&caller, &*ports.workspaces, &model).await? {
        Ok(workspace) => HttpResponse::Ok()
            .json(wire::ModelEntry::of(workspace, ports.settings_store.lookup(PROVIDER))),
        Err(refusal) => refusal,
    })
}

/// List the workspaces as vector stores.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])), params(wire::StoreParams),
    responses((status = 200, body = wire::VectorStores), ErrorResponse<OpenAi>))]
#[get("/openai/vector_stores")]
pub async fn list_vector_stores(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    params: Params<Vec<(String, String)>>,
) -> ApiResult<Json<wire::VectorStores>, OpenAi> {
    let page = wire::StorePage::read(&params.read()?)?;
    Ok(Json(
        stores(
            &caller,
            &*ports.workspaces,
            &*ports.workspace_documents,
            &ports.settings_store,
            &page,
        )
        .await?,
    ))
}

/// Returns a page of the workspaces as vector stores.
pub async fn stores<P>(
    caller: &Authorized<P>,
    workspaces: &dyn Workspaces,
    placements: &dyn WorkspaceDocuments,
    settings: &SettingsStore,
    page: &wire::StorePage,
) -> Result<wire::VectorStores> {
    let accessible_workspaces = accessible_workspaces(caller, workspaces).await?;
    let documents: HashMap<_, _> = placements.counts().await?.into_iter().collect();
    let provider = settings.lookup("VECTOR_DB").unwrap_or_default();
    Ok(wire::VectorStores::of(accessible_workspaces, &documents, &provider, page))
}

/// Returns the workspaces that the caller may access.
async fn accessible_workspaces<P>(
    caller: &Authorized<P>,
    workspaces: &dyn Workspaces,
) -> Result<Vec<Workspace>> {
    let all = workspaces.list().await?.into_iter();
    Ok(all.filter(|workspace| caller.key.allows_workspace(workspace.id)).collect())
}

/// Returns the workspace that serves as the model, or the response for an unknown model.
pub async fn requested_workspace<P>(
    caller: &Authorized<P>,
    workspaces: &dyn Workspaces,
    model: &str,
) -> Result<Result<Workspace, HttpResponse>> {
    match caller.workspace(workspaces, model).await {
        Ok(workspace) => Ok(Ok(workspace)),
        Err(Error::NotFound { .. }) => Ok(Err(no_model(caller, workspaces, model).await?)),
        Err(error) => Err(error),
    }
}

/// Responds to an unknown model with a list of the existing ones.
async fn no_model<P>(
    caller: &Authorized<P>,
    workspaces: &dyn Workspaces,
    model: &str,
) -> Result<HttpResponse> {
    let workspaces = accessible_workspaces(caller, workspaces).await?;
    let workspaces: Vec<_> =
        workspaces.into_iter().map(|workspace| workspace.slug.to_string()).collect();
    Ok(error::no_model(model, &workspaces))
}
