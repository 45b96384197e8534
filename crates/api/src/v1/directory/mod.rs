//! `/users*`: people for programs that sign them in from elsewhere, and where browsers arrive
pub mod wire;

use actix_web::get;
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use carrel_domain::audit::By;
use carrel_domain::user::{MultiUser, Users};
use carrel_domain::{Result, UserId};
use carrel_services::settings::SettingsStore;
use carrel_services::sign_on::SignOn;

use crate::caller::{Admin, Caller};
use crate::facts::SIMPLE_SSO;
use crate::failure::documented::SwitchedOff;
use crate::failure::{Failure, Plain, Refusal};
use crate::routes::parse_id;

/// List users by id, name and role, suspended ones included.
#[utoipa::path(tag = "User Management", security(("api_key" = [])),
    responses((status = 200, body = wire::Directory), Failure<Plain>, SwitchedOff<401>))]
#[get("/users")]
pub async fn list_directory(
    _: Caller<Admin>,
    mode: Data<dyn MultiUser>,
    users: Data<dyn Users>,
) -> Result<Json<wire::Directory>, Refusal> {
    if !mode.is_on().await.map_err(Refusal::plain)? {
        let why = "Instance is not in Multi-User mode. Permission denied.";
        return Err(Refusal::Off(StatusCode::UNAUTHORIZED, why));
    }
    let users = users.list().await.map_err(Refusal::plain)?;
    Ok(Json(wire::Directory { users: users.into_iter().map(Into::into).collect() }))
}

/// Issue a token that signs a user in, once, within 6 minutes.
///
/// It takes the place of any token the user has. Only where `SIMPLE_SSO_ENABLED` is set.
#[utoipa::path(tag = "User Management", security(("api_key" = [])),
    responses((status = 200, body = wire::TokenIssued), Failure<Plain>, SwitchedOff<403>))]
#[get("/users/{id}/issue-auth-token")]
pub async fn issue_auth_token(
    caller: Caller<Admin>,
    store: Data<SettingsStore>,
    mode: Data<dyn MultiUser>,
    sign_on: Data<SignOn>,
    id: Path<String>,
) -> Result<Json<wire::TokenIssued>, Refusal> {
    check_sign_on(&store, &**mode).await?;
    let token = issue(&sign_on, &id, &caller.by()).await;
    Ok(Json(token.map_err(Refusal::plain)?))
}

/// Issues a token for the user that a path names.
pub async fn issue(sign_on: &SignOn, id: &str, by: &By) -> Result<wire::TokenIssued> {
    let user = UserId(parse_id("user", id)?);
    Ok(sign_on.issue(user, by).await?.into())
}

/// Refuses what has to do with tokens where they are not issued.
pub async fn check_sign_on(store: &SettingsStore, mode: &dyn MultiUser) -> Result<(), Refusal> {
    let off = |why| Err(Refusal::Off(StatusCode::FORBIDDEN, why));
    if store.lookup(SIMPLE_SSO).is_none() {
        return off(
            "Simple SSO is not enabled. It must be enabled to validate or issue temporary auth tokens.",
        );
    }
    match mode.is_on().await.map_err(Refusal::plain)? {
        true => Ok(()),
        false => off("Multi-User mode is not enabled. It must be enabled to use Simple SSO."),
    }
}
