//! Users at `/api/v1/admin/users*`.
use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::UserId;
use carrel_services::Ports;

use crate::authorized::{Authorized, scope};
use crate::compat::JsonBody;
use crate::compat::admin::wire::users as wire;
use crate::compat::error::error_body::{NoUser, NotDone, NotUpdated, Plain};
use crate::compat::values::leading_number;
use crate::error::documented::MultiUserOnly;
use crate::error::{ApiResult, ErrorResponse};
use crate::routes::parse_id;
use crate::v1::admin::wire::Done;

/// List all users.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = wire::UserList), ErrorResponse<Plain>, MultiUserOnly))]
#[get("/admin/users")]
pub async fn list_users(
    _: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
) -> ApiResult<Json<wire::UserList>, Plain> {
    let users = ports.users.list_with_profiles().await?.into_iter().map(Into::into).collect();
    Ok(Json(wire::UserList { users }))
}

/// Create a user.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::UserFields,
    responses((status = 200, body = wire::UserCreated), ErrorResponse<NoUser>, MultiUserOnly))]
#[post("/admin/users/new")]
pub async fn create_user(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    body: JsonBody<wire::UserFields>,
) -> ApiResult<Json<wire::UserCreated>, NoUser> {
    let draft = body.read().await?.into_draft()?;
    let user = ports.accounts.create(draft, &caller.by()).await?.into();
    Ok(Json(wire::UserCreated { user, error: None }))
}

/// Change a user.
///
/// A refused change is answered with 200 and `success: false`.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::UserFields,
    responses((status = 200, body = Done), ErrorResponse<NotUpdated>, MultiUserOnly))]
#[post("/admin/users/{id}")]
pub async fn update_user(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    id: Path<String>,
    body: JsonBody<wire::UserFields>,
) -> ApiResult<Json<Done>, NotUpdated> {
    let changes = body.read().await?.into_changes()?;
    // quirk(leading-number): in `POST /admin/users/2abc` the id is 2
    // native: an id is a number
    // test: `compat::users_are_parsed_loosely_and_refused_with_200`
    let id = parse_id("user", leading_number(&id))?;
    ports.accounts.update(UserId(id), changes, &caller.by()).await?;
    Ok(Json(Done::well()))
}

/// Delete a user with their sessions, memberships, threads and exchanges.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = Done), ErrorResponse<NotDone>, MultiUserOnly))]
#[delete("/admin/users/{id}")]
pub async fn delete_user(
    caller: Authorized<scope::MultiUserAdmin>,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<Json<Done>, NotDone> {
    ports.accounts.delete(UserId(parse_id("user", &id)?), &caller.by()).await?;
    Ok(Json(Done::well()))
}
