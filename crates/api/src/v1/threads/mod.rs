//! `/workspace/{slug}/thread*` and `/workspace/{slug}/chats/{id}/branch`.
pub mod files;
pub mod wire;

use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::audit::By;
use carrel_domain::thread::Threads;
use carrel_domain::user::Users;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result, UserId};
use carrel_services::Ports;
use carrel_services::threads as service;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain, error_body};
use crate::read::{JsonBody, Params};
use crate::v1::chat_edits::wire::chat_id;

/// Beginning of the name of a branch that the client did not name.
const UNTITLED_BRANCH: &str = "Branch of";

/// Create a thread.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = wire::NewThreadBody,
    responses((status = 200, body = wire::ThreadChanged), ErrorResponse<error_body::NoThread>))]
#[post("/workspace/{slug}/thread/new")]
pub async fn create_thread(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    slug: Path<String>,
    body: JsonBody<wire::NewThreadBody>,
) -> ApiResult<Json<wire::ThreadChanged>, error_body::NoThread> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    Ok(Json(create(&ports, &workspace, &body, &caller.by()).await?))
}

/// Creates the thread that a body describes.
pub async fn create(
    ports: &Ports,
    workspace: &Workspace,
    body: &wire::NewThreadBody,
    by: &By,
) -> Result<wire::ThreadChanged> {
    let user = match ports.multi_user.is_on().await? {
        true => existing_user(&*ports.users, body.user()?).await?,
        false => None,
    };
    let options = service::ThreadOptions { name: body.name()?, slug: body.slug()?, user };
    Ok(service::create(&*ports.threads, workspace, options, by).await?.into())
}

async fn existing_user(users: &dyn Users, id: Option<UserId>) -> Result<Option<UserId>> {
    match id {
        Some(id) if users.by_id(id).await?.is_none() => Err(Error::not_found("user", id)),
        id => Ok(id),
    }
}

/// List the threads of a workspace.
///
/// Sorted by id, in pages. For the next page set `after` to the last id of this one. `search`
/// filters by a part of the name.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), params(wire::ThreadQuery),
    responses((status = 200, body = wire::ThreadPage), ErrorResponse<Plain>))]
#[get("/workspace/{slug}/threads")]
pub async fn list_threads(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    slug: Path<String>,
    params: Params<wire::ThreadQuery>,
) -> ApiResult<Json<wire::ThreadPage>> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let query = params.read()?;
    let limit = query.limit()?;
    let mut threads =
        ports.threads.page(workspace.id, query.search()?, query.after(), limit + 1).await?;
    let has_more = threads.len() > limit as usize;
    threads.truncate(limit as usize);
    let threads = threads.into_iter().map(Into::into).collect();
    Ok(Json(wire::ThreadPage { threads, has_more }))
}

/// Rename or archive a thread.
///
/// Archived threads work as before, and are hidden from the side bar of the browser interface.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = wire::ThreadFields,
    responses((status = 200, body = wire::ThreadChanged), ErrorResponse<error_body::NoThread>))]
#[post("/workspace/{slug}/thread/{thread}/update")]
pub async fn update_thread(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
    body: JsonBody<wire::ThreadFields>,
) -> ApiResult<Json<wire::ThreadChanged>, error_body::NoThread> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    Ok(Json(update(&*ports.threads, &workspace, &path.1, body, &caller.by()).await?))
}

/// Applies the changes in a body to a thread.
pub async fn update(
    threads: &dyn Threads,
    workspace: &Workspace,
    slug: &str,
    body: wire::ThreadFields,
    by: &By,
) -> Result<wire::ThreadChanged> {
    let mut thread = service::by_slug(threads, workspace, slug).await?;
    let (archived, name) = (body.archived()?, body.name()?);
    if let Some(archived) = archived {
        service::archive(threads, &[thread], archived, by).await?;
        thread = service::by_slug(threads, workspace, slug).await?;
    }
    Ok(match name {
        Some(name) => service::rename(threads, &thread, name, by).await?.into(),
        None => thread.into(),
    })
}

/// Delete a thread with its exchanges.
#[utoipa::path(tag = "Threads", security(("api_key" = [])),
    responses((status = 200, body = wire::ThreadDeleted), ErrorResponse<Plain>))]
#[delete("/workspace/{slug}/thread/{thread}")]
pub async fn delete_thread(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
) -> ApiResult<Json<wire::ThreadDeleted>> {
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    let thread = service::by_slug(&*ports.threads, &workspace, &path.1).await?;
    service::delete(&*ports.threads, &[thread], &caller.by()).await?;
    Ok(Json(wire::ThreadDeleted { success: true, error: None }))
}

/// Delete several threads with their exchanges.
///
/// All or none: if one of the slugs names no thread of the workspace, the response is `404` and nothing
/// is deleted.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = wire::ThreadSlugs,
    responses((status = 200, body = wire::ThreadDeleted), ErrorResponse<Plain>))]
#[delete("/workspace/{slug}/threads")]
pub async fn delete_threads(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    slug: Path<String>,
    body: JsonBody<wire::ThreadSlugs>,
) -> ApiResult<Json<wire::ThreadDeleted>> {
    let slugs = body.read().await?.into_slugs()?;
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let mut threads = Vec::with_capacity(slugs.len());
    for slug in &slugs {
        threads.push(service::by_slug(&*ports.threads, &workspace, slug).await?);
    }
    service::delete(&*ports.threads, &threads, &caller.by()).await?;
    Ok(Json(wire::ThreadDeleted { success: true, error: None }))
}

/// Branch a conversation: create a thread with a copy of it, up to and including an exchange.
///
/// The conversation may be a thread, a session, or the main conversation of a user; it does not change.
/// At most the newest 500 exchanges are copied. The new thread has the owner of the conversation.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = wire::BranchBody,
    responses((status = 200, body = wire::ThreadChanged), ErrorResponse<error_body::NoThread>))]
#[post("/workspace/{slug}/chats/{id}/branch")]
pub async fn branch_chat(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
    body: JsonBody<wire::BranchBody>,
) -> ApiResult<Json<wire::ThreadChanged>, error_body::NoThread> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    let id = chat_id(&path.1)?;
    let chat = ports.chat_edits.chat(workspace.id, id).await?;
    let last = chat.ok_or_else(|| Error::not_found("chat", id))?;
    let user = last.conversation.user;
    let options = service::ThreadOptions { name: body.name()?, slug: body.slug()?, user };
    let by = caller.by();
    let thread = service::branch(&ports, &workspace, &last, options, UNTITLED_BRANCH, &by).await?;
    Ok(Json(thread.into()))
}
