//! The user's own account: password, profile, language and sessions.
use askama::Template;
use carrel_domain::Error;
use carrel_domain::api_key::KeyDigest;
use carrel_domain::user::OpenSession;
use carrel_services::accounts::UserChanges;
use carrel_services::sign_in::Refused;
use carrel_services::token;
use chrono::{DateTime, Utc};

use super::entrance::set_cookie;
use super::workspace::role;
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
    mark: String,
    address: String,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    is_this: bool,
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    layout: PageLayout,
    role: &'static str,
    bio: String,
    /// Code of the language chosen in this browser.
    chosen: Option<&'static str>,
    sessions: Vec<Session>,
    /// Number of unused recovery codes.
    codes: u64,
}

pub async fn show(current_user: CurrentUser<role::Any>) -> PageResult {
    let ports = current_user.ports();
    let open = match &current_user.identity {
        Identity::Owner => ports.ownership.sessions(current_user.at).await?,
        Identity::User(user) => ports.sessions.of(user.id, current_user.at).await?,
    };
    let this = session_cookie::token(&current_user.request).map(token::digest);
    let session = |open: OpenSession| Session {
        is_this: this == Some(open.digest),
        mark: hex(open.digest),
        address: open.address.unwrap_or_default(),
        since: open.created_at,
        until: open.expires_at,
    };
    let page = Account {
        layout: current_user.layout(t("account.title"), Section::Account).await?,
        role: role(current_user.identity.role()),
        bio: current_user.identity.user().map(|user| user.bio.clone()).unwrap_or_default(),
        chosen: language::chosen(&current_user.request).map(|language| language.code),
        sessions: open.into_iter().map(session).collect(),
        codes: match current_user.identity.id() {
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
    Ok(response::done("/account", "saved"))
}

/// Stores the interface language in this browser.
pub async fn choose_language(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let mut answer = response::done("/account", "saved");
    set_cookie(&mut answer, &language::remember(&current_user.request, form.text("language")));
    Ok(answer)
}

/// Changes the password. This ends every session; this browser gets a new one.
pub async fn change_password(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let (ports, by) = (current_user.ports(), current_user.by());
    let (current, new) = (form.raw("current"), form.raw("new").to_owned());
    let session = match &current_user.identity {
        Identity::Owner => {
            ports.accounts.passwords.check(&new).map_err(|error| at_field("new", error))?;
            ports.ownership.change_password(current, new, &by).await.map_err(refused)?
        }
        Identity::User(user) => {
            let name = &user.username;
            ports.accounts.passwords.check(&new).map_err(|error| at_field("new", error))?;
            let (once, _) =
                ports.sign_in.with_password(name, current, &by).await.map_err(refused)?;
            let changes = UserChanges { password: Some(new.clone()), ..UserChanges::default() };
            if let Err(error) = ports.accounts.update(user.id, changes, &by).await {
                ports.sign_in.sign_out(once.reveal(), &by).await?;
                return Err(error.into());
            }
            ports.sign_in.with_password(name, &new, &by).await.map_err(refused)?.0
        }
    };
    let mut answer = response::done("/account", "password");
    set_cookie(&mut answer, &session_cookie::open(&current_user.request, session.reveal()));
    Ok(answer)
}

fn refused(refused: Refused) -> PageError {
    match refused {
        Refused::Wrong => Error::invalid("current", t("account.wrong")).into(),
        Refused::Later(seconds) => PageError::Later(seconds),
        Refused::Failed(error) => error.into(),
    }
}

fn at_field(field: &'static str, error: Error) -> Error {
    match error {
        Error::Invalid { reason, .. } => Error::invalid(field, reason),
        other => other,
    }
}

/// Ends one of the user's own sessions.
pub async fn end_session(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let mark = form.text("session");
    let (ports, by) = (current_user.ports(), current_user.by());
    match &current_user.identity {
        Identity::Owner => {
            let open = ports.ownership.sessions(current_user.at).await?;
            for open in open.iter().filter(|open| hex(open.digest) == mark) {
                ports.ownership.close(open.digest, &by).await?;
            }
        }
        Identity::User(user) => {
            let open = ports.sessions.of(user.id, current_user.at).await?;
            for open in open.iter().filter(|open| hex(open.digest) == mark) {
                ports.sessions.close(open.digest, by.event("logout_event", "{}")).await?;
            }
        }
    }
    Ok(response::done("/account", "ended"))
}

fn hex(digest: KeyDigest) -> String {
    digest.0.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
