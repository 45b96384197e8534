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
use crate::http::page_error::{FieldFault, PageError};
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
    is_shared: bool,
    /// True if users sign in by links only.
    is_by_links: bool,
    username: String,
    faults: Vec<FieldFault>,
}

#[derive(Template)]
#[template(path = "fresh.html")]
struct Fresh {
    brand: Brand,
}

/// Redirects through a page of this server, so that the browser sends its cookie.
#[derive(Template)]
#[template(path = "hop.html")]
struct Hop {
    brand: Brand,
    to: String,
}

/// Asks for confirmation before a link signs a user in.
#[derive(Template)]
#[template(path = "sign_on.html")]
struct Confirm {
    brand: Brand,
    token: String,
    to: String,
    /// The user who is signed in now.
    current: Option<String>,
}

pub async fn sign_in_page(visitor: OptionalUser) -> PageResult {
    let next = Fields::of_query(&visitor.request);
    let next = session_cookie::safe_next(next.text("next")).to_owned();
    let brand = visitor.site.brand().await?;
    if visitor.identity().await?.is_some() {
        return Ok(response::see(&next));
    }
    if session_cookie::is_from_elsewhere(&visitor.request) {
        return response::page(
            &visitor.request,
            &Hop { brand, to: visitor.request.uri().to_string() },
        );
    }
    match visitor.setup_state().await? {
        SetupState::Fresh => response::page(&visitor.request, &Fresh { brand }),
        SetupState::Shared if is_by_links(&visitor) && page(&visitor).is_some() => {
            let page = page(&visitor).map(String::from).unwrap_or_default();
            Ok(HttpResponse::SeeOther().insert_header((LOCATION, page)).finish())
        }
        standing => {
            let is_by_links = standing == SetupState::Shared && is_by_links(&visitor);
            let is_shared = standing == SetupState::Shared;
            let (username, faults) = Default::default();
            response::page(
                &visitor.request,
                &SignInPage { brand, next, is_shared, is_by_links, username, faults },
            )
        }
    }
}

fn is_by_links(visitor: &OptionalUser) -> bool {
    is_by_links_alone(&visitor.site.ports.settings_store)
}

/// Returns the page where users get sign-in links.
fn page(visitor: &OptionalUser) -> Option<Url> {
    links_page(&visitor.site.ports.settings_store)
}

pub async fn sign_in(visitor: OptionalUser, form: PublicForm) -> PageResult {
    let form = form.read().await?;
    let refusal = match signed_in_with(&visitor, &form).await {
        Err(refusal) if response::shows_form_again(&visitor.request, &refusal) => refusal,
        done => return done,
    };
    let is_shared = visitor.setup_state().await? == SetupState::Shared;
    let page = SignInPage {
        brand: visitor.site.brand().await?,
        next: session_cookie::safe_next(form.text("next")).to_owned(),
        is_shared,
        is_by_links: is_shared && is_by_links(&visitor),
        username: form.text("username").to_owned(),
        faults: refusal.faults(),
    };
    response::page_again(&visitor.request, &page, &refusal)
}

async fn signed_in_with(visitor: &OptionalUser, form: &Fields) -> PageResult {
    let (ports, by) = (&visitor.site.ports, visitor.by());
    let (name, password) = (form.text("username"), form.raw("password"));
    let standing = visitor.setup_state().await?;
    if standing == SetupState::Shared && is_by_links(visitor) {
        return Err(Error::unprocessable(t("sign-in.by-links")).into());
    }
    let session = match standing {
        SetupState::Shared => {
            ports.sign_in.with_password(name, password, &by).await.map(|(token, _)| token)
        }
        _ => ports.ownership.with_password(password, &by).await,
    };
    let wrong = match standing {
        SetupState::Shared => t("sign-in.wrong"),
        _ => t("sign-in.wrong-alone"),
    };
    match session {
        Ok(session) => {
            Ok(signed_in(visitor, &session, session_cookie::safe_next(form.text("next"))))
        }
        Err(Refused::Wrong) => Err(Error::invalid("password", wrong).into()),
        Err(Refused::Later(seconds)) => Err(PageError::Later(seconds)),
        Err(Refused::Failed(error)) => Err(error.into()),
    }
}

pub async fn sign_out(visitor: OptionalUser) -> PageResult {
    if let Some(token) = session_cookie::token(&visitor.request) {
        let ports = &visitor.site.ports;
        ports.sign_in.sign_out(token, &visitor.by()).await?;
        ports.ownership.sign_out(token, &visitor.by()).await?;
    }
    let mut answer = response::see("/sign-in");
    set_cookie(&mut answer, &session_cookie::closed(&visitor.request));
    Ok(answer)
}

/// Handles a sign-in link with a token that a program requested. A link on another site must not
/// sign its reader in to an account of the site's choice, so browsers that come from there must
/// confirm first.
pub async fn sign_on(visitor: OptionalUser) -> PageResult {
    let ports = &visitor.site.ports;
    if ports.settings_store.lookup(SIMPLE_SSO).is_none() {
        return Err(PageError::missing("page", "/sso/simple"));
    }
    let query = Fields::of_query(&visitor.request);
    let head_only = visitor.request.extensions().contains::<HeadOnly>();
    if head_only || !csrf::is_from_here(&visitor.request) {
        let current = match visitor.identity().await? {
            Some(Identity::User(user)) => Some(user.username),
            _ => None,
        };
        let (brand, token) = (visitor.site.brand().await?, query.text("token").to_owned());
        let to = session_cookie::safe_next(query.text("redirectTo")).to_owned();
        return response::page(&visitor.request, &Confirm { brand, token, to, current });
    }
    redeem(&visitor, &query).await
}

/// Signs in the holder of a token after confirmation.
pub async fn confirm_sign_on(visitor: OptionalUser, form: PublicForm) -> PageResult {
    if visitor.site.ports.settings_store.lookup(SIMPLE_SSO).is_none() {
        return Err(PageError::missing("page", "/sso/simple"));
    }
    redeem(&visitor, &form.read().await?).await
}

async fn redeem(visitor: &OptionalUser, fields: &Fields) -> PageResult {
    let redeemed = visitor.site.ports.sign_on.redeem(fields.text("token"), &visitor.by()).await?;
    let Redeemed::In(session, _) = redeemed else {
        return Err(PageError::over(t("sso.over"), t("sso.over-words")));
    };
    let to = session_cookie::safe_next(fields.text("redirectTo")).to_owned();
    let mut answer =
        response::page(&visitor.request, &Hop { brand: visitor.site.brand().await?, to })?;
    set_cookie(&mut answer, &session_cookie::open(&visitor.request, session.reveal()));
    Ok(answer)
}

/// Redirects with the cookie of a new session.
pub fn signed_in(visitor: &OptionalUser, session: &Secret, to: &str) -> HttpResponse {
    let mut answer = response::see(to);
    set_cookie(&mut answer, &session_cookie::open(&visitor.request, session.reveal()));
    answer
}

pub fn set_cookie(answer: &mut HttpResponse, cookie: &str) {
    if let Ok(cookie) = cookie.parse() {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
}
