//! Workspace members at `/api/v1/admin/workspaces/*`.
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, get, post};
use carrel_domain::{Error, WorkspaceId};
use carrel_services::Ports;
use carrel_services::{members, workspaces as service};

use crate::authorized::{Authorized, scope};
use crate::compat::JsonBody;
use crate::compat::admin::wire::members as wire;
use crate::compat::error::error_body::{NoMembers, NotUpdated, Plain};
use crate::error::documented::MultiUserOnly;
use crate::error::{ApiResult, ErrorResponse};
use crate::routes::parse_id;
use crate::v1::admin::wire::Done;

/// List the members of a workspace.
///
/// The list is empty if the workspace does not exist.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = wire::MemberList), ErrorResponse<Plain>, MultiUserOnly))]
#[get("/admin/workspaces/{workspace_id}/users")]
pub async fn list_members(
    _: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<Json<wire::MemberList>, Plain> {
    let members = match parse_id("workspace", &id) {
        Ok(id) => ports.members.of(WorkspaceId(id)).await,
        Err(error) => Err(error),
    };
    let members = match members {
        // quirk(nobody-nowhere): it has no members
        // native: an unknown workspace is `404`
        // test: `compat::members_who_do_not_exist_are_skipped`
        Err(Error::NotFound { .. }) => Vec::new(),
        members => members?,
    };
    Ok(Json(wire::MemberList { users: members.into_iter().map(Into::into).collect() }))
}

/// Replace the members of a workspace.
///
/// If one of the users does not exist, nothing changes and the response is 200 with `success:
/// false`.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::MemberIds,
    responses((status = 200, body = Done), ErrorResponse<NotUpdated>, MultiUserOnly))]
#[post("/admin/workspaces/{workspace_id}/update-users")]
pub async fn update_members(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    id: Path<String>,
    body: JsonBody<wire::MemberIds>,
) -> ApiResult<Json<Done>, NotUpdated> {
    let users = body.read().await?.all()?;
    let id = WorkspaceId(parse_id("workspace", &id)?);
    members::manage(&*ports.members, id, &users, true, &caller.by()).await?;
    Ok(Json(Done::well()))
}

/// Add members to a workspace, or replace them.
///
/// Users that do not exist are ignored.
// quirk(passed-over): `manage-users` ignores users that do not exist, and is `404` when none is
// left; the lists contain members only, not every admin
// native: members are replaced or added all or nothing
// test: `compat::members_who_do_not_exist_are_skipped`
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::MemberIds,
    responses((status = 200, body = wire::MembersManaged), ErrorResponse<NoMembers>, MultiUserOnly))]
#[post("/admin/workspaces/{workspace_slug}/manage-users")]
pub async fn manage_members(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    slug: Path<String>,
    body: JsonBody<wire::MemberIds>,
) -> ApiResult<HttpResponse, NoMembers> {
    let body = body.read().await?;
    let workspace = service::by_slug(&*ports.workspaces, &slug).await?.id;
    let (reset, users) = (body.resets(), body.some()?);
    let is_known =
        members::manage_existing(&*ports.members, workspace, &users, reset, &caller.by()).await?;
    let users = ports.members.of(workspace).await?.into_iter().map(Into::into).collect();
    let error = (!is_known).then_some("No valid user IDs provided.");
    let status = if is_known { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let answer = wire::MembersManaged { success: is_known, error, users };
    Ok(HttpResponse::build(status).json(answer))
}
