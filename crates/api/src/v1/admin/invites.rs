//! `/v1/admin/invite*` and `/v1/invite/{code}`.
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, delete, get, post};
use carrel_domain::audit::{Actor, By};
use carrel_domain::invite::{InviteStatus, UnknownWorkspaces};
use carrel_domain::{Error, InviteId};
use carrel_services::Ports;
use chrono::Utc;

use crate::authorized::{Authorized, address, scope};
use crate::error::documented::MultiUserOnly;
use crate::error::error_body::{Alike, NoInvite, NoUser, NotDone};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::JsonBody;
use crate::routes::parse_id;
use crate::v1::admin::wire::{Done, invites as wire, users};

/// List all invites, whatever their status.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = wire::InviteList), ErrorResponse<Plain>, MultiUserOnly))]
#[get("/admin/invites")]
pub async fn list_invites(
    _: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
) -> ApiResult<Json<wire::InviteList>> {
    let invites = ports.invites.list().await?.into_iter().map(Into::into).collect();
    Ok(Json(wire::InviteList { invites }))
}

/// Get an invite and the time at which it expires.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = wire::InviteFound), ErrorResponse<Alike>, MultiUserOnly))]
#[get("/admin/invite/{id}")]
pub async fn find_invite(
    _: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<Json<wire::InviteFound>, Alike> {
    let number = parse_id("invite", &id)?;
    let invite = ports.invites.list().await?.into_iter().find(|invite| invite.id.0 == number);
    let invite = invite.ok_or_else(|| Error::not_found("invite", &*id))?.into();
    Ok(Json(wire::InviteFound { invite }))
}

/// Create an invite.
///
/// A person who redeems the code registers with the role `default` and becomes a member of the
/// invite's workspaces.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::NewInviteBody,
    responses((status = 200, body = wire::InviteCreated), ErrorResponse<NoInvite>, MultiUserOnly))]
#[post("/admin/invite/new")]
pub async fn create_invite(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    body: JsonBody<wire::NewInviteBody>,
) -> ApiResult<Json<wire::InviteCreated>, NoInvite> {
    let (workspaces, expires_at) = body.read().await?.into_parts()?;
    let unknown = UnknownWorkspaces::Refuse;
    let invite = ports.invitations.create(workspaces, unknown, expires_at, &caller.by()).await?;
    Ok(Json(wire::InviteCreated { invite: invite.into(), error: None }))
}

/// Disable an invite.
///
/// Only a pending invite can be disabled. Its code no longer works afterwards.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = Done), ErrorResponse<NotDone>, MultiUserOnly))]
#[delete("/admin/invite/{id}")]
pub async fn disable_invite(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<Json<Done>, NotDone> {
    let id = InviteId(parse_id("invite", &id)?);
    let invite = ports.invitations.disable(id, &caller.by()).await?;
    if invite.status != InviteStatus::Pending {
        let reason = format!("this invite is already {}", invite.status.as_str());
        return Err(Error::invalid("id", reason).into());
    }
    Ok(Json(Done::well()))
}

/// Redeem an invite and register a user.
///
/// Needs no key: the invite's code authorizes the request, once.
#[utoipa::path(tag = "Admin", request_body = users::Registration,
    responses((status = 200, body = users::UserCreated), ErrorResponse<NoUser>))]
#[post("/invite/{code}")]
pub async fn redeem_invite(
    request: HttpRequest,
    ports: Data<Ports>,
    code: Path<String>,
    body: JsonBody<users::Registration>,
) -> ApiResult<Json<users::UserCreated>, NoUser> {
    let by = By { actor: Actor::Stranger, address: address(&request), at: Utc::now() };
    let user = ports.invitations.redeem(&code, body.read_public().await?.into(), &by).await?;
    Ok(Json(users::UserCreated { user: user.into(), error: None }))
}
