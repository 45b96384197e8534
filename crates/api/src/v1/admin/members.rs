//! Workspace members at `/v1/admin/workspaces/*`.
use actix_web::web::{Data, Json, Path};
use actix_web::{get, post};
use carrel_domain::WorkspaceId;
use carrel_services::Ports;
use carrel_services::{members, workspaces as service};

use crate::authorized::{Authorized, scope};
use crate::error::documented::MultiUserOnly;
use crate::error::error_body::{NoMembers, NotDone};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::JsonBody;
use crate::routes::parse_id;
use crate::v1::admin::wire::{Done, members as wire};

/// List the users who may use a workspace: its members and all admins.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = wire::MemberList), ErrorResponse<Plain>, MultiUserOnly))]
#[get("/admin/workspaces/{workspace_id}/users")]
pub async fn list_members(
    _: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<Json<wire::MemberList>> {
    let id = WorkspaceId(parse_id("workspace", &id)?);
    let list = members::with_admins(&*ports.members, &*ports.users, id).await?;
    Ok(Json(wire::MemberList { users: list.into_iter().map(Into::into).collect() }))
}

/// Replace the members of a workspace.
///
/// If one of the users does not exist, the request is refused and nothing changes.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::UpdateMembers,
    responses((status = 200, body = Done), ErrorResponse<NotDone>, MultiUserOnly))]
#[post("/admin/workspaces/{workspace_id}/update-users")]
pub async fn update_members(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    id: Path<String>,
    body: JsonBody<wire::UpdateMembers>,
) -> ApiResult<Json<Done>, NotDone> {
    let id = WorkspaceId(parse_id("workspace", &id)?);
    let users = body.read().await?.into_ids();
    members::manage(&*ports.members, id, &users, true, &caller.by()).await?;
    Ok(Json(Done::well()))
}

/// Add members to a workspace, or replace them.
///
/// With `reset`, the given users replace the members. If one of them does not exist, the request is
/// refused and nothing changes.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::ManageMembers,
    responses((status = 200, body = wire::MembersManaged), ErrorResponse<NoMembers>, MultiUserOnly))]
#[post("/admin/workspaces/{workspace_slug}/manage-users")]
pub async fn manage_members(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    slug: Path<String>,
    body: JsonBody<wire::ManageMembers>,
) -> ApiResult<Json<wire::MembersManaged>, NoMembers> {
    let body = body.read().await?;
    let workspace = service::by_slug(&*ports.workspaces, &slug).await?.id;
    members::manage(&*ports.members, workspace, &body.ids(), body.reset, &caller.by()).await?;
    let list = members::with_admins(&*ports.members, &*ports.users, workspace).await?;
    let users = list.into_iter().map(Into::into).collect();
    Ok(Json(wire::MembersManaged { success: true, error: None, users }))
}
