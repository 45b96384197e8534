//! Signing in and out.
use actix_web::http::header::{LOCATION, SET_COOKIE};
use actix_web::{HttpMessage, HttpResponse};
use askama::Template;
use carrel_domain::Error;
use carrel_http::csrf;
use carrel_http::request_log::HeadOnly;
use carrel_services::ownership::SetupState;
use carrel_services::sign_in::Refused;
use carrel_services::sign_on::{Redeemed, is_by_links_alone, page as links_page};
use carrel_services::token::Secret;
use url::Url;

use crate::http::form::{Fields, PublicForm};
use crate::http::page_error::{FieldError, PageError};
use crate::http::response::{self, PageResult};
use crate::session::current_user::{Identity, OptionalUser};
use crate::session::session_cookie;
use crate::view::brand::Brand;
use crate::view::filters;
use crate::view::texts::t;

/// Setting that enables sign-in by token, whatever its value.
const SIMPLE_SSO: &str = "SIMPLE_SSO_ENABLED";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignInPage {
    brand: Brand,
    next: String,
    is_multi_user: bool,
    /// True if users sign in by links only.
    is_link_only: bool,
    username: String,
    field_errors: Vec<FieldError>,
}

#[derive(Template)]
#[template(path = "setup_required.html")]
struct SetupRequiredPage {
    brand: Brand,
}

/// Redirects through a page of this server, so that the browser sends its cookie.
#[derive(Template)]
#[template(path = "redirect.html")]
struct RedirectPage {
    brand: Brand,
    address: String,
}

/// Asks for confirmation before a link signs a user in.
#[derive(Template)]
#[template(path = "sign_on.html")]
struct ConfirmPage {
    brand: Brand,
    token: String,
    redirect_to: String,
    /// The user who is signed in now.
    current_user: Option<String>,
}

pub async fn sign_in_page(visitor: OptionalUser) -> PageResult {
    let next = Fields::of_query(&visitor.request);
    let next = session_cookie::safe_next(next.text("next")).to_owned();
    let brand = visitor.site.brand().await?;
    if visitor.identity().await?.is_some() {
        return Ok(response::redirect_to(&next));
    }
    if session_cookie::is_cross_site(&visitor.request) {
        return response::page(
            &visitor.request,
            &RedirectPage { brand, address: visitor.request.uri().to_string() },
        );
    }
    match visitor.setup_state().await? {
        SetupState::Fresh => response::page(&visitor.request, &SetupRequiredPage { brand }),
        SetupState::Shared if is_link_only(&visitor) && link_page(&visitor).is_some() => {
            let address = link_page(&visitor).map(String::from).unwrap_or_default();
            Ok(HttpResponse::SeeOther().insert_header((LOCATION, address)).finish())
        }
        state => {
            let is_link_only = state == SetupState::Shared && is_link_only(&visitor);
            let is_multi_user = state == SetupState::Shared;
            let (username, field_errors) = Default::default();
            response::page(
                &visitor.request,
                &SignInPage { brand, next, is_multi_user, is_link_only, username, field_errors },
            )
        }
    }
}

fn is_link_only(visitor: &OptionalUser) -> bool {
    is_by_links_alone(&visitor.site.ports.settings_store)
}

/// Returns the page where users get sign-in links.
fn link_page(visitor: &OptionalUser) -> Option<Url> {
    links_page(&visitor.site.ports.settings_store)
}

pub async fn sign_in(visitor: OptionalUser, form: PublicForm) -> PageResult {
    let form = form.read().await?;
    let error = match authenticate(&visitor, &form).await {
        Err(error) if response::should_redisplay_form(&visitor.request, &error) => error,
        response => return response,
    };
    let is_multi_user = visitor.setup_state().await? == SetupState::Shared;
    let page = SignInPage {
        brand: visitor.site.brand().await?,
        next: session_cookie::safe_next(form.text("next")).to_owned(),
        is_multi_user,
        is_link_only: is_multi_user && is_link_only(&visitor),
        username: form.text("username").to_owned(),
        field_errors: error.field_errors(),
    };
    response::form_with_errors(&visitor.request, &page, &error)
}

async fn authenticate(visitor: &OptionalUser, form: &Fields) -> PageResult {
    let (ports, by) = (&visitor.site.ports, visitor.by());
    let (name, password) = (form.text("username"), form.raw("password"));
    let state = visitor.setup_state().await?;
    if state == SetupState::Shared && is_link_only(visitor) {
        return Err(Error::unprocessable(t("sign-in.by-links")).into());
    }
    let session = match state {
        SetupState::Shared => {
            ports.sign_in.with_password(name, password, &by).await.map(|(token, _)| token)
        }
        _ => ports.ownership.with_password(password, &by).await,
    };
    let message = match state {
        SetupState::Shared => t("sign-in.wrong"),
        _ => t("sign-in.wrong-alone"),
    };
    match session {
        Ok(session) => {
            Ok(session_redirect(visitor, &session, session_cookie::safe_next(form.text("next"))))
        }
        Err(Refused::Wrong) => Err(Error::invalid("password", message).into()),
        Err(Refused::Later(seconds)) => Err(PageError::RateLimited(seconds)),
        Err(Refused::Failed(error)) => Err(error.into()),
    }
}

pub async fn sign_out(visitor: OptionalUser) -> PageResult {
    if let Some(token) = session_cookie::token(&visitor.request) {
        let ports = &visitor.site.ports;
        ports.sign_in.sign_out(token, &visitor.by()).await?;
        ports.ownership.sign_out(token, &visitor.by()).await?;
    }
    let mut response = response::redirect_to("/sign-in");
    set_cookie(&mut response, &session_cookie::sign_out_cookie(&visitor.request));
    Ok(response)
}

/// Handles a sign-in link with a token that a program requested. A link on another site must not
/// sign its reader in to an account of the site's choice, so browsers that come from there must
/// confirm first.
pub async fn sign_on(visitor: OptionalUser) -> PageResult {
    let ports = &visitor.site.ports;
    if ports.settings_store.lookup(SIMPLE_SSO).is_none() {
        return Err(PageError::not_found("page", "/sso/simple"));
    }
    let query = Fields::of_query(&visitor.request);
    let head_only = visitor.request.extensions().contains::<HeadOnly>();
    if head_only || !csrf::is_from_here(&visitor.request) {
        let current_user = match visitor.identity().await? {
            Some(Identity::User(user)) => Some(user.username),
            _ => None,
        };
        let (brand, token) = (visitor.site.brand().await?, query.text("token").to_owned());
        let redirect_to = session_cookie::safe_next(query.text("redirectTo")).to_owned();
        return response::page(
            &visitor.request,
            &ConfirmPage { brand, token, redirect_to, current_user },
        );
    }
    redeem(&visitor, &query).await
}

/// Signs in the holder of a token after confirmation.
pub async fn confirm_sign_on(visitor: OptionalUser, form: PublicForm) -> PageResult {
    if visitor.site.ports.settings_store.lookup(SIMPLE_SSO).is_none() {
        return Err(PageError::not_found("page", "/sso/simple"));
    }
    redeem(&visitor, &form.read().await?).await
}

async fn redeem(visitor: &OptionalUser, fields: &Fields) -> PageResult {
    let redemption = visitor.site.ports.sign_on.redeem(fields.text("token"), &visitor.by()).await?;
    let Redeemed::In(session, _) = redemption else {
        return Err(PageError::expired(t("sso.over"), t("sso.over-words")));
    };
    let address = session_cookie::safe_next(fields.text("redirectTo")).to_owned();
    let mut response = response::page(
        &visitor.request,
        &RedirectPage { brand: visitor.site.brand().await?, address },
    )?;
    set_cookie(&mut response, &session_cookie::sign_in_cookie(&visitor.request, session.reveal()));
    Ok(response)
}

/// Redirects with the cookie of a new session.
pub fn session_redirect(visitor: &OptionalUser, session: &Secret, address: &str) -> HttpResponse {
    let mut response = response::redirect_to(address);
    set_cookie(&mut response, &session_cookie::sign_in_cookie(&visitor.request, session.reveal()));
    response
}

pub fn set_cookie(response: &mut HttpResponse, cookie: &str) {
    if let Ok(cookie) = cookie.parse() {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}
