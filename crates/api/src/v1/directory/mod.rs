//! `/users*`: people for programs that sign them in from elsewhere, and where browsers arrive
pub mod wire;

use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, get};
use carrel_domain::audit::{Actor, By};
use carrel_domain::user::{MultiUser, Users};
use carrel_domain::{Error, UserId};
use carrel_http::origin;
use carrel_http::request_log::HeadOnly;
use carrel_services::settings::SettingsStore;
use carrel_services::sign_in::SESSION;
use carrel_services::sign_on::{Redeemed, SignOn};
use chrono::Utc;

use crate::caller::{Admin, Caller, address};
use crate::facts::SIMPLE_SSO;
use crate::failure::shapes::NoSuchUser;
use crate::failure::{Failure, Plain, Refusal};
use crate::routes::parse_id;
use crate::v1::session::{FOREIGN, cookie};

/// List users by id, name and role, suspended ones included.
#[utoipa::path(tag = "User Management", security(("api_key" = [])),
    responses((status = 200, body = wire::Directory), Failure<Plain>))]
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
    responses((status = 200, body = wire::TokenIssued), Failure<NoSuchUser>))]
#[get("/users/{id}/issue-auth-token")]
pub async fn issue_auth_token(
    caller: Caller<Admin>,
    store: Data<SettingsStore>,
    mode: Data<dyn MultiUser>,
    sign_on: Data<SignOn>,
    id: Path<String>,
) -> Result<Json<wire::TokenIssued>, Refusal> {
    check_sign_on(&store, &**mode).await?;
    let user = parse_id("user", &id).map(UserId);
    let token = match user {
        Ok(user) => sign_on.issue(user, &caller.by()).await,
        Err(unknown) => Err(unknown),
    };
    Ok(Json(token.map_err(Refusal::of::<NoSuchUser>)?.into()))
}

/// Signs the browser in that was sent here with a token; needs no key.
pub async fn redeem_auth_token(
    request: HttpRequest,
    store: Data<SettingsStore>,
    mode: Data<dyn MultiUser>,
    sign_on: Data<SignOn>,
    query: Query<wire::TokenQuery>,
) -> Result<HttpResponse, Refusal> {
    check_sign_on(&store, &**mode).await?;
    if request.extensions().contains::<HeadOnly>() {
        return Ok(HttpResponse::MethodNotAllowed().finish());
    }
    if origin::is_read_from_elsewhere(&request) {
        return Err(Refusal::Off(StatusCode::FORBIDDEN, FOREIGN));
    }
    let by = By { actor: Actor::Stranger, address: address(&request), at: Utc::now() };
    let redeemed = sign_on.redeem(&query.token, &by).await;
    let why = match redeemed {
        Ok(Redeemed::In(token, user)) => {
            let mut answer = HttpResponse::Ok();
            // A link that leads here must not sign its reader in to an account of its author's.
            if !origin::is_navigation(&request) {
                let cookie = cookie(&request, token.reveal(), SESSION.num_seconds());
                answer.insert_header((SET_COOKIE, cookie));
            }
            return Ok(answer.json(wire::SignedIn::new(&token, user)));
        }
        Ok(Redeemed::Unknown) => "Invalid token.",
        Ok(Redeemed::Expired) => "Token expired.",
        // Also when the user went while the session was being opened.
        Ok(Redeemed::Suspended) | Err(Error::NotFound { .. }) => "User account suspended.",
        Err(error) => return Err(Refusal::plain(error)),
    };
    Ok(HttpResponse::Unauthorized().json(wire::NotSignedIn::new(why)))
}

async fn check_sign_on(store: &SettingsStore, mode: &dyn MultiUser) -> Result<(), Refusal> {
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
