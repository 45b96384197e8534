//! `/api/v1/users*`, and the page that signs a browser in with a token.
use actix_web::http::StatusCode;
use actix_web::http::header::SET_COOKIE;
use actix_web::web::{Data, Json, Path, Query};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, get};
use carrel_domain::Error;
use carrel_domain::audit::{Actor, By};
use carrel_domain::user::User;
use carrel_http::csrf;
use carrel_http::request_log::HeadOnly;
use carrel_services::Ports;
use carrel_services::sign_in::SESSION_TTL;
use carrel_services::sign_on::Redeemed;
use carrel_services::token::Secret;
use chrono::Utc;
use serde::{Deserialize, Serialize};

use super::admin::wire::users::UserRow;
use super::error::error_body::NoSuchUser;
use crate::authorized::{Authorized, address, scope};
use crate::error::documented::SwitchedOff;
use crate::error::{ApiError, ErrorResponse};
use crate::v1::directory::wire::TokenIssued;
use crate::v1::directory::{check_sign_on, issue};
use crate::v1::session::{FOREIGN, cookie};

/// Issue a token that signs a user in.
///
/// The token works once, within 6 minutes.
#[utoipa::path(tag = "User Management", security(("api_key" = [])),
    responses((status = 200, body = TokenIssued), ErrorResponse<NoSuchUser>, SwitchedOff<403>))]
#[get("/users/{id}/issue-auth-token")]
pub async fn issue_auth_token(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    id: Path<String>,
) -> Result<Json<TokenIssued>, ApiError> {
    check_sign_on(&ports.settings_store, &*ports.multi_user).await?;
    let token = issue(&ports.sign_on, &id, &caller.by()).await;
    Ok(Json(token.map_err(ApiError::of::<NoSuchUser>)?))
}

/// Signs in the browser that opens this page with a token. Needs no key.
pub async fn redeem_auth_token(
    request: HttpRequest,
    ports: Data<Ports>,
    query: Query<TokenQuery>,
) -> Result<HttpResponse, ApiError> {
    check_sign_on(&ports.settings_store, &*ports.multi_user).await?;
    if request.extensions().contains::<HeadOnly>() {
        return Ok(HttpResponse::MethodNotAllowed().finish());
    }
    if csrf::is_read_from_elsewhere(&request) {
        return Err(ApiError::Off(StatusCode::FORBIDDEN, FOREIGN));
    }
    let by = By { actor: Actor::Stranger, address: address(&request), at: Utc::now() };
    let redeemed = ports.sign_on.redeem(&query.token, &by).await;
    let reason = match redeemed {
        Ok(Redeemed::In(token, user)) => {
            let mut answer = HttpResponse::Ok();
            // A link to this page must not sign its reader in to the account of the link's author.
            if !csrf::is_navigation(&request) {
                let cookie = cookie(&request, token.reveal(), SESSION_TTL.num_seconds());
                answer.insert_header((SET_COOKIE, cookie));
            }
            return Ok(answer.json(SignedIn::new(&token, user)));
        }
        Ok(Redeemed::Unknown) => "Invalid token.",
        Ok(Redeemed::Expired) => "Token expired.",
        // Also covers a user who was deleted while the session was created.
        Ok(Redeemed::Suspended) | Err(Error::NotFound { .. }) => "User account suspended.",
        Err(error) => return Err(ApiError::plain(error)),
    };
    Ok(HttpResponse::Unauthorized().json(NotSignedIn::new(reason)))
}

#[derive(Deserialize)]
pub struct TokenQuery {
    #[serde(default)]
    token: String,
}

/// The user that a token signed in, and the session token.
#[derive(Serialize)]
struct SignedIn {
    valid: bool,
    user: UserRow,
    token: String,
    message: Option<String>,
}

impl SignedIn {
    fn new(token: &Secret, user: User) -> Self {
        let token = token.reveal().to_owned();
        Self { valid: true, user: user.into(), token, message: None }
    }
}

#[derive(Serialize)]
struct NotSignedIn {
    valid: bool,
    token: Option<String>,
    message: String,
}

impl NotSignedIn {
    fn new(reason: &str) -> Self {
        let message = format!("[001] An error occurred while validating the token: {reason}");
        Self { valid: false, token: None, message }
    }
}
