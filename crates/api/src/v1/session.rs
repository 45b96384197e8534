//! `/v1/session`: sign-in of users with a browser.
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, COOKIE, SET_COOKIE};
use actix_web::web::Data;
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use carrel_domain::audit::{Actor, By};
use carrel_domain::user::MultiUser;
use carrel_http::csrf;
use carrel_services::Ports;
use carrel_services::sign_in::{INVALID_CREDENTIALS, Refused, SESSION_TTL};
use carrel_services::sign_on::is_by_links_alone;
use chrono::Utc;

use crate::authorized::address;
use crate::error::error_body::{ErrorBody, NoUser, NotDone};
use crate::error::{ApiError, ErrorResponse};
use crate::read::JsonBody;
use crate::v1::admin::wire::Done;
use crate::v1::admin::wire::users::{MadeUser, Registration, SessionShown, UserCreated};

pub const FOREIGN: &str = "Sessions start and end on pages of this server only.";

const NO_PASSWORDS: &str = "Password sign-in is turned off on this server.";

/// Cookie with the session token. No other route reads it.
const NAME: &str = "carrel_session";

/// Sign in.
///
/// Needs no key. The response sets the cookie `carrel_session`, which scripts cannot read and which
/// is valid for 30 days. A wrong name, a wrong password and a suspended user get the same response.
/// After ten failures in five minutes, the user name or the address must wait.
#[utoipa::path(tag = "Authentication", request_body = Registration, responses(
    (status = 200, body = UserCreated),
    (status = 401, description = "The credentials are invalid, or multi-user mode is off.", body = Object),
    (status = 403, description = "The request came from a page of another site, or password sign-in is turned off.", body = Object),
    (status = 429, description = "Too many failures; `Retry-After` says how long to wait.", body = Object), ErrorResponse<NoUser>))]
#[post("/session")]
pub async fn sign_in(
    request: HttpRequest,
    ports: Data<Ports>,
    body: JsonBody<Registration>,
) -> Result<HttpResponse, ApiError> {
    check_multi_user::<NoUser>(&*ports.multi_user).await?;
    check_origin(&request)?;
    if is_by_links_alone(&ports.settings_store) {
        return Ok(HttpResponse::Forbidden().json(NoUser::body(NO_PASSWORDS)));
    }
    let (username, password) =
        body.read_public().await.map_err(ApiError::of::<NoUser>)?.into_parts();
    match ports.sign_in.with_password(&username, &password, &by(&request)).await {
        Ok((token, user)) => Ok(HttpResponse::Ok()
            .insert_header((
                SET_COOKIE,
                cookie(&request, token.reveal(), SESSION_TTL.num_seconds()),
            ))
            .insert_header((CACHE_CONTROL, "no-store"))
            .json(UserCreated { user: user.into(), error: None })),
        Err(Refused::Wrong) => {
            Ok(HttpResponse::Unauthorized().json(NoUser::body(INVALID_CREDENTIALS)))
        }
        Err(Refused::Later(seconds)) => Err(ApiError::TooMany(seconds)),
        Err(Refused::Failed(error)) => Err(ApiError::of::<NoUser>(error)),
    }
}

/// Get the signed-in user.
#[utoipa::path(tag = "Authentication", responses(
    (status = 200, body = SessionShown),
    (status = 401, description = "No user is signed in, or multi-user mode is off.", body = Object), ErrorResponse<NoUser>))]
#[get("/session")]
pub async fn show_session(
    request: HttpRequest,
    ports: Data<Ports>,
) -> Result<HttpResponse, ApiError> {
    check_multi_user::<NoUser>(&*ports.multi_user).await?;
    let user = match token(&request) {
        Some(token) => {
            ports.sign_in.user_of(token, Utc::now()).await.map_err(ApiError::of::<NoUser>)?
        }
        None => None,
    };
    Ok(match user.map(MadeUser::from) {
        Some(user) => HttpResponse::Ok()
            .insert_header((CACHE_CONTROL, "no-store"))
            .json(SessionShown { user }),
        None => HttpResponse::Unauthorized().json(NoUser::body("No user is signed in.")),
    })
}

/// Sign out.
///
/// Ends the session, if there is one, and clears the cookie.
#[utoipa::path(tag = "Authentication", responses(
    (status = 200, body = Done),
    (status = 403, description = "The request came from a page of another site.", body = Object),
    (status = 401, description = "Multi-user mode is off.", body = Object), ErrorResponse<NotDone>))]
#[delete("/session")]
pub async fn sign_out(request: HttpRequest, ports: Data<Ports>) -> Result<HttpResponse, ApiError> {
    check_multi_user::<NotDone>(&*ports.multi_user).await?;
    check_origin(&request)?;
    if let Some(token) = token(&request) {
        ports.sign_in.sign_out(token, &by(&request)).await.map_err(ApiError::of::<NotDone>)?;
    }
    Ok(HttpResponse::Ok().insert_header((SET_COOKIE, cookie(&request, "", 0))).json(Done::well()))
}

/// Refuses requests from pages of other sites, which could sign a browser in to another account.
fn check_origin(request: &HttpRequest) -> Result<(), ApiError> {
    match csrf::is_foreign(request) {
        true => Err(ApiError::Off(StatusCode::FORBIDDEN, FOREIGN)),
        false => Ok(()),
    }
}

async fn check_multi_user<S: ErrorBody>(mode: &dyn MultiUser) -> Result<(), ApiError> {
    match mode.is_on().await.map_err(ApiError::of::<S>)? {
        true => Ok(()),
        false => Err(ApiError::SingleUser),
    }
}

fn by(request: &HttpRequest) -> By {
    By { actor: Actor::Stranger, address: address(request), at: Utc::now() }
}

fn token(request: &HttpRequest) -> Option<&str> {
    let cookies = request.headers().get_all(COOKIE).filter_map(|cookies| cookies.to_str().ok());
    let mut pairs = cookies.flat_map(|cookies| cookies.split(';'));
    pairs.find_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='))
}

/// Returns the cookie with a token, valid for this many seconds. It is restricted to encrypted
/// connections if it was set over one, to this server or to a proxy in front of it.
pub fn cookie(request: &HttpRequest, token: &str, seconds: i64) -> String {
    let secure = if request.connection_info().scheme() == "https" { "; Secure" } else { "" };
    format!("{NAME}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}")
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_token_is_found_among_other_cookies() {
        for (cookies, found) in [
            ("carrel_session=abc", Some("abc")),
            ("theme=dark; carrel_session=abc; x=y", Some("abc")),
            ("xcarrel_session=abc", None),
            ("carrel_session_id=abc; carrel_session", None),
            ("", None),
        ] {
            let request = TestRequest::default().insert_header((COOKIE, cookies));
            assert_eq!(token(&request.to_http_request()), found, "{cookies}");
        }
    }

    #[test]
    fn a_cookie_set_over_an_encrypted_connection_is_restricted_to_such() {
        let plain = TestRequest::default().to_http_request();
        let encrypted = TestRequest::default().insert_header(("x-forwarded-proto", "https"));
        assert!(!cookie(&plain, "abc", 60).contains("Secure"));
        let set_cookie = cookie(&encrypted.to_http_request(), "abc", 60);
        let parts: Vec<_> = set_cookie.split("; ").collect();
        let expected =
            ["carrel_session=abc", "Path=/", "Max-Age=60", "HttpOnly", "SameSite=Strict", "Secure"];
        assert_eq!(parts, expected);
    }
}
