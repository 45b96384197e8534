//! `/workspace/{slug}/sessions`, `/workspace/{slug}/chats/{id}` and
//! `/workspace/{slug}/chat-feedback/{id}`.
pub mod wire;

use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, patch, post};
use carrel_services::Ports;
use carrel_services::chat_edits as service;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, error_body::NoChat};
use crate::read::{JsonBody, Params};

/// List the chat sessions of a workspace.
///
/// Sorted by name, in pages. For the next page set `after` to the last name of this one.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), params(wire::SessionQuery),
    responses((status = 200, body = wire::SessionPage), ErrorResponse<NoChat>))]
#[get("/workspace/{slug}/sessions")]
pub async fn list_sessions(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    slug: Path<String>,
    params: Params<wire::SessionQuery>,
) -> ApiResult<Json<wire::SessionPage>, NoChat> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let query = params.read()?;
    let limit = query.limit()?;
    let mut sessions = ports.chat_edits.sessions(workspace.id, query.after(), limit + 1).await?;
    let has_more = sessions.len() > limit as usize;
    sessions.truncate(limit as usize);
    let sessions = sessions.into_iter().map(Into::into).collect();
    Ok(Json(wire::SessionPage { sessions, has_more }))
}

/// Edit an exchange.
///
/// Later questions see the new texts. The exchange stays in its thread and session.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = wire::ChatFields,
    responses((status = 200, body = wire::ChatChanged), ErrorResponse<NoChat>))]
#[patch("/workspace/{slug}/chats/{id}")]
pub async fn edit_chat(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
    body: JsonBody<wire::ChatFields>,
) -> ApiResult<Json<wire::ChatChanged>, NoChat> {
    let edit = body.read().await?.read()?;
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    let id = wire::chat_id(&path.1)?;
    service::edit(&*ports.chat_edits, &workspace, id, edit, &caller.by()).await?;
    Ok(Json(wire::ChatChanged::done()))
}

/// Delete an exchange.
///
/// Later questions do not see it. To regenerate an answer, delete its exchange and ask the question
/// again.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = wire::ChatChanged), ErrorResponse<NoChat>))]
#[delete("/workspace/{slug}/chats/{id}")]
pub async fn delete_chat(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
) -> ApiResult<Json<wire::ChatChanged>, NoChat> {
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    let id = wire::chat_id(&path.1)?;
    service::remove(&*ports.chat_edits, &workspace, id, &caller.by()).await?;
    Ok(Json(wire::ChatChanged::done()))
}

/// Rate an answer.
///
/// `feedback` is true for thumbs up, false for thumbs down, and null to remove the rating.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = wire::FeedbackBody,
    responses((status = 200, body = wire::ChatChanged), ErrorResponse<NoChat>))]
#[post("/workspace/{slug}/chat-feedback/{id}")]
pub async fn rate_chat(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
    body: JsonBody<wire::FeedbackBody>,
) -> ApiResult<Json<wire::ChatChanged>, NoChat> {
    let feedback = body.read().await?.read()?;
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    let id = wire::chat_id(&path.1)?;
    service::rate(&*ports.chat_edits, &workspace, id, feedback, &caller.by()).await?;
    Ok(Json(wire::ChatChanged::done()))
}
