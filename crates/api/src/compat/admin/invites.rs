//! `/api/v1/admin/invite*`
use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::invite::{Invites, UnknownWorkspaces};
use carrel_domain::{Error, InviteId};
use carrel_services::invitations::Invitations;

use crate::caller::{Caller, Host};
use crate::compat::Body;
use crate::compat::admin::wire::invites as wire;
use crate::compat::failure::shapes::{NotDone, Plain};
use crate::failure::documented::MultiUserOnly;
use crate::failure::shapes::NoInvite;
use crate::failure::{Answer, Failure};
use crate::v1::admin::wire::Done;

/// List every invite, whatever its status.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = wire::InviteList), Failure<Plain>, MultiUserOnly))]
#[get("/admin/invites")]
pub async fn list_invites(
    _: Caller<Host>,
    invites: Data<dyn Invites>,
) -> Answer<Json<wire::InviteList>, Plain> {
    let invites = invites.list().await?.into_iter().map(Into::into).collect();
    Ok(Json(wire::InviteList { invites }))
}

/// Create an invite.
///
/// Workspaces that do not exist may be named; they are passed over when it is redeemed.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::NewInvite,
    responses((status = 200, body = wire::InviteCreated), Failure<NoInvite>, MultiUserOnly))]
#[post("/admin/invite/new")]
pub async fn create_invite(
    caller: Caller<Host>,
    invitations: Data<Invitations>,
    body: Body<wire::NewInvite>,
) -> Answer<Json<wire::InviteCreated>, NoInvite> {
    let workspaces = body.read().await?.into_workspaces();
    // quirk(unknown-workspaces): unknown ids are kept, what is no id is left out
    // native: an invite names workspaces there are
    // test: `compat::invites_keep_what_they_are_given`
    let unknown = UnknownWorkspaces::Keep;
    let invite = invitations.create(workspaces, unknown, None, &caller.by()).await?;
    Ok(Json(wire::InviteCreated { invite: invite.into(), error: None }))
}

/// Withdraw an invite. One that cannot be redeemed any more is withdrawn as it is.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = Done), Failure<NotDone>, MultiUserOnly))]
#[delete("/admin/invite/{id}")]
pub async fn disable_invite(
    caller: Caller<Host>,
    invitations: Data<Invitations>,
    id: Path<String>,
) -> Answer<Json<Done>, NotDone> {
    let id = id.parse().map_err(|_| Error::invalid("id", "Invalid invite id"))?;
    // quirk(withdrawn-again): withdrawing it succeeds and changes nothing
    // native: an invite that is not pending cannot be withdrawn
    // test: `compat::invites_keep_what_they_are_given`
    invitations.disable(InviteId(id), &caller.by()).await?;
    Ok(Json(Done::well()))
}
