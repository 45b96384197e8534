//! `GET /workspace/{slug}/chats` and `/thread/{thread}/chats`.
pub mod wire;

use actix_web::get;
use actix_web::web::{Data, Json, Path};
use carrel_domain::chat::ChatScope;
use carrel_services::Ports;
use carrel_services::threads;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain, error_body};
use crate::read::Params;

/// Number of a workspace's exchanges listed by default.
pub const DEFAULT_LIMIT: u32 = 100;

/// List the exchanges of a workspace.
///
/// Returns the exchanges outside of threads and sessions, or those of one session. The oldest come
/// first, unless `orderBy` says otherwise.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), params(wire::HistoryParams),
    responses((status = 200, body = wire::History), ErrorResponse<Plain>))]
#[get("/workspace/{slug}/chats")]
pub async fn list_workspace_chats(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    slug: Path<String>,
    params: Params<Vec<(String, String)>>,
) -> ApiResult<Json<wire::History>> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?.id;
    let query = wire::HistoryQuery::read(&params.read()?, Some(DEFAULT_LIMIT))?;
    let scope = match query.session {
        Some(session) => ChatScope::Session(workspace, session),
        None => ChatScope::Workspace(workspace),
    };
    Ok(Json(wire::History::new(ports.chats.history_page(&scope, query.part).await?)))
}

/// List the exchanges of a thread.
///
/// The oldest come first, unless `orderBy` says otherwise.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), params(wire::HistoryParams),
    responses((status = 200, body = wire::History), ErrorResponse<error_body::PlainMessage>))]
#[get("/workspace/{slug}/thread/{thread}/chats")]
pub async fn list_thread_chats(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
    params: Params<Vec<(String, String)>>,
) -> ApiResult<Json<wire::History>, error_body::PlainMessage> {
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    let thread = threads::by_slug(&*ports.threads, &workspace, &path.1).await?;
    let query = wire::HistoryQuery::read(&params.read()?, None)?;
    let page = ports.chats.history_page(&ChatScope::Thread(thread.id), query.part).await?;
    Ok(Json(wire::History::new(page)))
}
