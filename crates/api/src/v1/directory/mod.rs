//! `/users*`: the user directory and sign-in tokens, for programs that sign users in.
pub mod wire;

use actix_web::get;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use carrel_domain::audit::By;
use carrel_domain::user::MultiUser;
use carrel_domain::{Result, UserId};
use carrel_services::Ports;
use carrel_services::settings::SettingsStore;
use carrel_services::sign_on::SignOn;

use crate::authorized::{Authorized, scope};
use crate::error::documented::SwitchedOff;
use crate::error::{ApiError, ErrorResponse, Plain};
use crate::facts::SIMPLE_SSO;
use crate::routes::parse_id;

/// List the id, name and role of all users, including suspended ones.
#[utoipa::path(tag = "User Management", security(("api_key" = [])),
    responses((status = 200, body = wire::UserDirectory), ErrorResponse<Plain>, SwitchedOff<401>))]
#[get("/users")]
pub async fn list_directory(
    _: Authorized<scope::Admin>,
    ports: Data<Ports>,
) -> Result<Json<wire::UserDirectory>, ApiError> {
    if !ports.multi_user.is_on().await.map_err(ApiError::plain)? {
        let reason = "Instance is not in Multi-User mode. Permission denied.";
        return Err(ApiError::Off(StatusCode::UNAUTHORIZED, reason));
    }
    let users = ports.users.list().await.map_err(ApiError::plain)?;
    Ok(Json(wire::UserDirectory { users: users.into_iter().map(Into::into).collect() }))
}

/// Issue a token that signs a user in.
///
/// The token works once, within 6 minutes, and replaces any earlier token of the user. Only
/// available if `SIMPLE_SSO_ENABLED` is set.
#[utoipa::path(tag = "User Management", security(("api_key" = [])),
    responses((status = 200, body = wire::TokenIssued), ErrorResponse<Plain>, SwitchedOff<403>))]
#[get("/users/{id}/issue-auth-token")]
pub async fn issue_auth_token(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    id: Path<String>,
) -> Result<Json<wire::TokenIssued>, ApiError> {
    check_sign_on(&ports.settings_store, &*ports.multi_user).await?;
    let token = issue(&ports.sign_on, &id, &caller.by()).await;
    Ok(Json(token.map_err(ApiError::plain)?))
}

/// Issues a token for the user in a path.
pub async fn issue(sign_on: &SignOn, id: &str, by: &By) -> Result<wire::TokenIssued> {
    let user = UserId(parse_id("user", id)?);
    Ok(sign_on.issue(user, by).await?.into())
}

/// Refuses the request if sign-in by token is switched off.
pub async fn check_sign_on(store: &SettingsStore, mode: &dyn MultiUser) -> Result<(), ApiError> {
    let denied = |reason| Err(ApiError::Off(StatusCode::FORBIDDEN, reason));
    if store.lookup(SIMPLE_SSO).is_none() {
        return denied(
            "Simple SSO is not enabled. It must be enabled to validate or issue temporary auth tokens.",
        );
    }
    match mode.is_on().await.map_err(ApiError::plain)? {
        true => Ok(()),
        false => denied("Multi-User mode is not enabled. It must be enabled to use Simple SSO."),
    }
}
