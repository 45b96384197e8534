//! The user's own account: password, profile, language and sessions.
use askama::Template;
use carrel_domain::Error;
use carrel_domain::api_key::KeyDigest;
use carrel_domain::user::OpenSession;
use carrel_services::accounts::UserChanges;
use carrel_services::sign_in::Refused;
use carrel_services::token;
use chrono::{DateTime, Utc};

use super::sign_in::set_cookie;
use super::workspace::role_name;
use crate::http::form::PageForm;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, Identity, role};
use crate::session::session_cookie;
use crate::view::filters;
use crate::view::language;
use crate::view::layout::{PageLayout, Section};
use crate::view::texts::t;

struct Session {
    /// Identifies the session in a form. It cannot be used to sign in.
    id: String,
    address: String,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "account.html")]
struct AccountPage {
    layout: PageLayout,
    role: &'static str,
    bio: String,
    /// Code of the language selected in this browser.
    chosen_language: Option<&'static str>,
    sessions: Vec<Session>,
    /// Number of unused recovery codes.
    recovery_code_count: u64,
}

pub async fn show(current_user: CurrentUser<role::Any>) -> PageResult {
    let ports = current_user.ports();
    let sessions = match &current_user.identity {
        Identity::Owner => ports.ownership.sessions(current_user.now).await?,
        Identity::User(user) => ports.sessions.of(user.id, current_user.now).await?,
    };
    let current_digest = session_cookie::token(&current_user.request).map(token::digest);
    let session = |open_session: OpenSession| Session {
        is_current: current_digest == Some(open_session.digest),
        id: hex(open_session.digest),
        address: open_session.address.unwrap_or_default(),
        created_at: open_session.created_at,
        expires_at: open_session.expires_at,
    };
    let page = AccountPage {
        layout: current_user.layout(t("account.title"), Section::Account).await?,
        role: role_name(current_user.identity.role()),
        bio: current_user.identity.user().map(|user| user.bio.clone()).unwrap_or_default(),
        chosen_language: language::choice(&current_user.request).map(|language| language.code),
        sessions: sessions.into_iter().map(session).collect(),
        recovery_code_count: match current_user.identity.id() {
            Some(user) => ports.recovery.remaining_codes(user).await?,
            None => 0,
        },
    };
    response::page(&current_user.request, &page)
}

pub async fn save(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    let bio = form.read().await?.text("bio").to_owned();
    if let Some(id) = current_user.identity.id() {
        let changes = UserChanges { bio: Some(bio), ..UserChanges::default() };
        current_user.ports().accounts.update(id, changes, &current_user.by()).await?;
    }
    Ok(response::redirect_with_notice("/account", "saved"))
}

/// Stores the interface language in this browser.
pub async fn choose_language(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let mut response = response::redirect_with_notice("/account", "saved");
    set_cookie(
        &mut response,
        &language::choice_cookie(&current_user.request, form.text("language")),
    );
    Ok(response)
}

/// Changes the password. This ends every session; this browser gets a new one.
pub async fn change_password(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let (ports, by) = (current_user.ports(), current_user.by());
    let (current_password, new_password) = (form.raw("current"), form.raw("new").to_owned());
    let session = match &current_user.identity {
        Identity::Owner => {
            ports
                .accounts
                .passwords
                .check(&new_password)
                .map_err(|error| with_field("new", error))?;
            ports
                .ownership
                .change_password(current_password, new_password, &by)
                .await
                .map_err(sign_in_error)?
        }
        Identity::User(user) => {
            let name = &user.username;
            ports
                .accounts
                .passwords
                .check(&new_password)
                .map_err(|error| with_field("new", error))?;
            let (temporary_session, _) = ports
                .sign_in
                .with_password(name, current_password, &by)
                .await
                .map_err(sign_in_error)?;
            let changes =
                UserChanges { password: Some(new_password.clone()), ..UserChanges::default() };
            if let Err(error) = ports.accounts.update(user.id, changes, &by).await {
                ports.sign_in.sign_out(temporary_session.reveal(), &by).await?;
                return Err(error.into());
            }
            ports.sign_in.with_password(name, &new_password, &by).await.map_err(sign_in_error)?.0
        }
    };
    let mut response = response::redirect_with_notice("/account", "password");
    set_cookie(
        &mut response,
        &session_cookie::sign_in_cookie(&current_user.request, session.reveal()),
    );
    Ok(response)
}

fn sign_in_error(reason: Refused) -> PageError {
    match reason {
        Refused::Wrong => Error::invalid("current", t("account.wrong")).into(),
        Refused::Later(seconds) => PageError::RateLimited(seconds),
        Refused::Failed(error) => error.into(),
    }
}

fn with_field(field: &'static str, error: Error) -> Error {
    match error {
        Error::Invalid { reason, .. } => Error::invalid(field, reason),
        other => other,
    }
}

/// Ends one of the user's own sessions.
pub async fn end_session(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let id = form.text("session");
    let (ports, by) = (current_user.ports(), current_user.by());
    match &current_user.identity {
        Identity::Owner => {
            let sessions = ports.ownership.sessions(current_user.now).await?;
            for session in sessions.iter().filter(|session| hex(session.digest) == id) {
                ports.ownership.close(session.digest, &by).await?;
            }
        }
        Identity::User(user) => {
            let sessions = ports.sessions.of(user.id, current_user.now).await?;
            for session in sessions.iter().filter(|session| hex(session.digest) == id) {
                ports.sessions.close(session.digest, by.event("logout_event", "{}")).await?;
            }
        }
    }
    Ok(response::redirect_with_notice("/account", "ended"))
}

fn hex(digest: KeyDigest) -> String {
    digest.0.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
