//! `/v1/workspace/{slug}/prompt-history*`.
use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::EarlierPromptId;
use carrel_domain::prompt_history::EarlierPrompt;
use carrel_services::Ports;
use carrel_services::prompt_history as service;
use serde::Serialize;
use utoipa::ToSchema;

use crate::authorized::{Authorized, scope};
use crate::error::error_body::NotDone;
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::routes::parse_id;
use crate::v1::admin::wire::Done;
use crate::wire::time;

/// Earlier instructions of a workspace.
#[derive(Serialize, ToSchema)]
pub struct EarlierPromptEntry {
    id: i32,
    prompt: String,
    /// Id of the user who replaced them. Null if it was not a user, or the user was deleted.
    replaced_by: Option<i32>,
    replaced_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct EarlierPromptList {
    history: Vec<EarlierPromptEntry>,
}

impl From<EarlierPrompt> for EarlierPromptEntry {
    fn from(revision: EarlierPrompt) -> Self {
        let EarlierPrompt { id, workspace: _, prompt, replaced_by, replaced_at } = revision;
        let replaced_by = replaced_by.map(|user| user.0);
        Self { id: id.0, prompt, replaced_by, replaced_at: time(replaced_at) }
    }
}

fn id(text: &str) -> carrel_domain::Result<EarlierPromptId> {
    Ok(EarlierPromptId(parse_id("earlier prompt", text)?))
}

/// List the earlier instructions of a workspace.
///
/// Returns at most 100, newest first.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = EarlierPromptList), ErrorResponse<Plain>))]
#[get("/workspace/{slug}/prompt-history")]
pub async fn list_earlier_prompts(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    slug: Path<String>,
) -> ApiResult<Json<EarlierPromptList>> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let history =
        ports.prompt_history.of(workspace.id).await?.into_iter().map(Into::into).collect();
    Ok(Json(EarlierPromptList { history }))
}

/// Restore earlier instructions of a workspace.
///
/// The current instructions are added to the history.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = Done), ErrorResponse<NotDone>))]
#[post("/workspace/{slug}/prompt-history/{id}/restore")]
pub async fn restore_earlier_prompt(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
) -> ApiResult<Json<Done>, NotDone> {
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    service::restore(
        &*ports.prompt_history,
        &*ports.workspaces,
        &workspace,
        id(&path.1)?,
        &caller.by(),
    )
    .await?;
    Ok(Json(Done::well()))
}

/// Delete earlier instructions of a workspace.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = Done), ErrorResponse<NotDone>))]
#[delete("/workspace/{slug}/prompt-history/{id}")]
pub async fn delete_earlier_prompt(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
) -> ApiResult<Json<Done>, NotDone> {
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    service::forget(&*ports.prompt_history, &workspace, Some(id(&path.1)?), &caller.by()).await?;
    Ok(Json(Done::well()))
}

/// Delete all earlier instructions of a workspace.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = Done), ErrorResponse<NotDone>))]
#[delete("/workspace/{slug}/prompt-history")]
pub async fn clear_earlier_prompts(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    slug: Path<String>,
) -> ApiResult<Json<Done>, NotDone> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    service::forget(&*ports.prompt_history, &workspace, None, &caller.by()).await?;
    Ok(Json(Done::well()))
}
