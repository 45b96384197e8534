//! Invites at `/api/v1/admin/invite*`.
use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::invite::UnknownWorkspaces;
use carrel_domain::{Error, InviteId};
use carrel_services::Ports;

use crate::authorized::{Authorized, scope};
use crate::compat::JsonBody;
use crate::compat::admin::wire::invites as wire;
use crate::compat::error::error_body::{NotDone, Plain};
use crate::error::documented::MultiUserOnly;
use crate::error::error_body::NoInvite;
use crate::error::{ApiResult, ErrorResponse};
use crate::v1::admin::wire::Done;

/// List all invites, whatever their status.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = wire::InviteList), ErrorResponse<Plain>, MultiUserOnly))]
#[get("/admin/invites")]
pub async fn list_invites(
    _: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
) -> ApiResult<Json<wire::InviteList>, Plain> {
    let invites = ports.invites.list().await?.into_iter().map(Into::into).collect();
    Ok(Json(wire::InviteList { invites }))
}

/// Create an invite.
///
/// Ids of workspaces that do not exist are accepted; redeeming the invite ignores them.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::NewInviteBody,
    responses((status = 200, body = wire::InviteCreated), ErrorResponse<NoInvite>, MultiUserOnly))]
#[post("/admin/invite/new")]
pub async fn create_invite(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    body: JsonBody<wire::NewInviteBody>,
) -> ApiResult<Json<wire::InviteCreated>, NoInvite> {
    let workspaces = body.read().await?.into_workspaces();
    // quirk(unknown-workspaces): unknown ids are kept, values that are not ids are dropped
    // native: an invite names existing workspaces
    // test: `compat::invites_keep_unknown_workspace_ids`
    let unknown = UnknownWorkspaces::Keep;
    let invite = ports.invitations.create(workspaces, unknown, None, &caller.by()).await?;
    Ok(Json(wire::InviteCreated { invite: invite.into(), error: None }))
}

/// Disable an invite.
///
/// Disabling an invite that was claimed or disabled before succeeds and changes nothing.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = Done), ErrorResponse<NotDone>, MultiUserOnly))]
#[delete("/admin/invite/{id}")]
pub async fn disable_invite(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<Json<Done>, NotDone> {
    let id = id.parse().map_err(|_| Error::invalid("id", "Invalid invite id"))?;
    // quirk(withdrawn-again): disabling it succeeds and changes nothing
    // native: an invite that is not pending cannot be disabled
    // test: `compat::invites_keep_unknown_workspace_ids`
    ports.invitations.disable(InviteId(id), &caller.by()).await?;
    Ok(Json(Done::well()))
}
