//! `/v1/admin/users*`, and switching to multi-user mode.
use actix_web::http::header::ContentType;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, get, post};
use carrel_domain::{Error, UserId};
use carrel_services::Ports;
use carrel_services::sign_on::is_by_links_alone;

use crate::authorized::{Authorized, scope};
use crate::error::documented::MultiUserOnly;
use crate::error::error_body::{NoUser, NotDone};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::JsonBody;
use crate::routes::parse_id;
use crate::v1::admin::wire::{Done, users as wire};

/// Tell whether multi-user mode is on.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = wire::MultiUserMode), ErrorResponse<Plain>))]
#[get("/admin/is-multi-user-mode")]
pub async fn is_multi_user_mode(
    _: Authorized<scope::Read>,
    ports: Data<Ports>,
) -> ApiResult<Json<wire::MultiUserMode>> {
    Ok(Json(wire::MultiUserMode { is_multi_user: ports.multi_user.is_on().await? }))
}

/// Switch multi-user mode on.
///
/// Creates the first admin. Multi-user mode cannot be switched off, so this works only once.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::Registration,
    responses((status = 200, body = wire::UserCreated), ErrorResponse<NoUser>))]
#[post("/admin/enable-multi-user")]
pub async fn enable_multi_user(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<wire::Registration>,
) -> ApiResult<Json<wire::UserCreated>, NoUser> {
    let admin = ports.accounts.enable_multi_user(body.read().await?.into(), &caller.by()).await?;
    Ok(Json(wire::UserCreated { user: admin.into(), error: None }))
}

/// List all users.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = wire::UserList), ErrorResponse<Plain>, MultiUserOnly))]
#[get("/admin/users")]
pub async fn list_users(
    _: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
) -> ApiResult<HttpResponse> {
    let list = wire::UserList::written(&ports.users.list().await?).map_err(Error::internal)?;
    Ok(HttpResponse::Ok().content_type(ContentType::json()).body(list))
}

/// Create a user.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::NewUserBody,
    responses((status = 200, body = wire::UserCreated), ErrorResponse<NoUser>, MultiUserOnly))]
#[post("/admin/users/new")]
pub async fn create_user(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    body: JsonBody<wire::NewUserBody>,
) -> ApiResult<Json<wire::UserCreated>, NoUser> {
    let draft = body.read().await?.into_draft()?;
    let user = ports.accounts.create(draft, &caller.by()).await?.into();
    Ok(Json(wire::UserCreated { user, error: None }))
}

/// Change a user.
///
/// A new password, another role or a suspension ends the user's sessions. A suspension also
/// disables the user's API keys until it ends. The last admin can be neither demoted nor suspended.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::UserUpdate,
    responses((status = 200, body = Done), ErrorResponse<NotDone>, MultiUserOnly))]
#[post("/admin/users/{id}")]
pub async fn update_user(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    id: Path<String>,
    body: JsonBody<wire::UserUpdate>,
) -> ApiResult<Json<Done>, NotDone> {
    let id = parse_id("user", &id)?;
    let changes = body.read().await?.into_changes()?;
    ports.accounts.update(UserId(id), changes, &caller.by()).await?;
    Ok(Json(Done::well()))
}

/// Delete a user.
///
/// Deletes the user's sessions, memberships, threads and exchanges, and revokes the API keys the
/// user created. To keep the history, suspend the user instead. The last admin cannot be deleted.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = Done), ErrorResponse<NotDone>, MultiUserOnly))]
#[delete("/admin/users/{id}")]
pub async fn delete_user(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<Json<Done>, NotDone> {
    let id = parse_id("user", &id)?;
    ports.accounts.delete(UserId(id), &caller.by()).await?;
    Ok(Json(Done::well()))
}

/// Create a link with which a user sets a new password.
///
/// The link works once, within 24 hours, and replaces an earlier link of the user. Using it ends the user's
/// sessions. Give it only to the user.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = wire::RecoveryLinkCreated), ErrorResponse<Plain>, MultiUserOnly))]
#[post("/admin/users/{id}/recovery-link")]
pub async fn create_recovery_link(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<Json<wire::RecoveryLinkCreated>> {
    if is_by_links_alone(&ports.settings_store) {
        let reason = "passwords are switched off on this server (SIMPLE_SSO_NO_LOGIN)";
        return Err(Error::unprocessable(reason).into());
    }
    let id = UserId(parse_id("user", &id)?);
    Ok(Json(ports.recovery.issue_link(id, &caller.by()).await?.into()))
}
