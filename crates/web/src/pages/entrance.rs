//! Signing in and out.
use actix_web::http::header::{LOCATION, SET_COOKIE};
use actix_web::{HttpMessage, HttpResponse};
use askama::Template;
use carrel_domain::Error;
use carrel_http::origin;
use carrel_http::request_log::HeadOnly;
use carrel_services::ownership::SetupState;
use carrel_services::sign_in::Refused;
use carrel_services::sign_on::{Redeemed, is_by_links_alone, page as links_page};
use carrel_services::token::Secret;
use url::Url;

use crate::filters;
use crate::form::{Fields, PublicForm};
use crate::frame::Brand;
use crate::gate;
use crate::refusal::{FieldFault, Refusal};
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::visit::{Guest, Who};

/// What switches signing in by token on, whatever it holds.
const SIMPLE_SSO: &str = "SIMPLE_SSO_ENABLED";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct Door {
    brand: Brand,
    next: String,
    is_shared: bool,
    /// Whether there is nothing to fill in here.
    is_by_links: bool,
    username: String,
    faults: Vec<FieldFault>,
}

#[derive(Template)]
#[template(path = "fresh.html")]
struct Fresh {
    brand: Brand,
}

/// Sends the browser on by a page of this server, so that its cookie goes along.
#[derive(Template)]
#[template(path = "hop.html")]
struct Hop {
    brand: Brand,
    to: String,
}

/// Asks before a link signs somebody in.
#[derive(Template)]
#[template(path = "sign_on.html")]
struct Confirm {
    brand: Brand,
    token: String,
    to: String,
    /// Who is signed in now.
    current: Option<String>,
}

pub async fn door(guest: Guest) -> Answer {
    let next = Fields::of_query(&guest.request);
    let next = gate::safe_next(next.text("next")).to_owned();
    let brand = guest.site.brand().await?;
    if guest.who().await?.is_some() {
        return Ok(reply::see(&next));
    }
    if gate::is_from_elsewhere(&guest.request) {
        return reply::page(&guest.request, &Hop { brand, to: guest.request.uri().to_string() });
    }
    match guest.setup_state().await? {
        SetupState::Fresh => reply::page(&guest.request, &Fresh { brand }),
        SetupState::Shared if is_by_links(&guest) && page(&guest).is_some() => {
            let page = page(&guest).map(String::from).unwrap_or_default();
            Ok(HttpResponse::SeeOther().insert_header((LOCATION, page)).finish())
        }
        standing => {
            let is_by_links = standing == SetupState::Shared && is_by_links(&guest);
            let is_shared = standing == SetupState::Shared;
            let (username, faults) = Default::default();
            reply::page(
                &guest.request,
                &Door { brand, next, is_shared, is_by_links, username, faults },
            )
        }
    }
}

fn is_by_links(guest: &Guest) -> bool {
    is_by_links_alone(&guest.site.ports.settings_store)
}

/// Where people get links to sign in by.
fn page(guest: &Guest) -> Option<Url> {
    links_page(&guest.site.ports.settings_store)
}

pub async fn sign_in(guest: Guest, form: PublicForm) -> Answer {
    let form = form.read().await?;
    let refusal = match signed_in_with(&guest, &form).await {
        Err(refusal) if reply::shows_form_again(&guest.request, &refusal) => refusal,
        done => return done,
    };
    let is_shared = guest.setup_state().await? == SetupState::Shared;
    let page = Door {
        brand: guest.site.brand().await?,
        next: gate::safe_next(form.text("next")).to_owned(),
        is_shared,
        is_by_links: is_shared && is_by_links(&guest),
        username: form.text("username").to_owned(),
        faults: refusal.faults(),
    };
    reply::page_again(&guest.request, &page, &refusal)
}

async fn signed_in_with(guest: &Guest, form: &Fields) -> Answer {
    let (ports, by) = (&guest.site.ports, guest.by());
    let (name, password) = (form.text("username"), form.raw("password"));
    let standing = guest.setup_state().await?;
    if standing == SetupState::Shared && is_by_links(guest) {
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
        Ok(session) => Ok(signed_in(guest, &session, gate::safe_next(form.text("next")))),
        Err(Refused::Wrong) => Err(Error::invalid("password", wrong).into()),
        Err(Refused::Later(seconds)) => Err(Refusal::Later(seconds)),
        Err(Refused::Failed(error)) => Err(error.into()),
    }
}

pub async fn sign_out(guest: Guest) -> Answer {
    if let Some(token) = gate::token(&guest.request) {
        let ports = &guest.site.ports;
        ports.sign_in.out(token, &guest.by()).await?;
        ports.ownership.out(token, &guest.by()).await?;
    }
    let mut answer = reply::see("/sign-in");
    set_cookie(&mut answer, &gate::closed(&guest.request));
    Ok(answer)
}

/// A link with a token that a program asked for. A link on a page of another site must not sign its
/// reader in to an account of the site's choice, so a browser that comes from there is asked first.
pub async fn sign_on(guest: Guest) -> Answer {
    let ports = &guest.site.ports;
    if ports.settings_store.lookup(SIMPLE_SSO).is_none() {
        return Err(Refusal::missing("page", "/sso/simple"));
    }
    let query = Fields::of_query(&guest.request);
    let head_only = guest.request.extensions().contains::<HeadOnly>();
    if head_only || !origin::is_from_here(&guest.request) {
        let current = match guest.who().await? {
            Some(Who::User(user)) => Some(user.username),
            _ => None,
        };
        let (brand, token) = (guest.site.brand().await?, query.text("token").to_owned());
        let to = gate::safe_next(query.text("redirectTo")).to_owned();
        return reply::page(&guest.request, &Confirm { brand, token, to, current });
    }
    redeem(&guest, &query).await
}

/// Signs in the holder of a token who has confirmed it.
pub async fn confirm_sign_on(guest: Guest, form: PublicForm) -> Answer {
    if guest.site.ports.settings_store.lookup(SIMPLE_SSO).is_none() {
        return Err(Refusal::missing("page", "/sso/simple"));
    }
    redeem(&guest, &form.read().await?).await
}

async fn redeem(guest: &Guest, fields: &Fields) -> Answer {
    let redeemed = guest.site.ports.sign_on.redeem(fields.text("token"), &guest.by()).await?;
    let Redeemed::In(session, _) = redeemed else {
        return Err(Refusal::over(t("sso.over"), t("sso.over-words")));
    };
    let to = gate::safe_next(fields.text("redirectTo")).to_owned();
    let mut answer = reply::page(&guest.request, &Hop { brand: guest.site.brand().await?, to })?;
    set_cookie(&mut answer, &gate::open(&guest.request, session.reveal()));
    Ok(answer)
}

/// The way on, with the cookie of a session.
pub fn signed_in(guest: &Guest, session: &Secret, to: &str) -> HttpResponse {
    let mut answer = reply::see(to);
    set_cookie(&mut answer, &gate::open(&guest.request, session.reveal()));
    answer
}

pub fn set_cookie(answer: &mut HttpResponse, cookie: &str) {
    if let Ok(cookie) = cookie.parse() {
        answer.headers_mut().append(SET_COOKIE, cookie);
    }
}
