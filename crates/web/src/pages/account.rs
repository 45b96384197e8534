//! One's own account: the password, what is said about oneself, and where one is signed in.
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
use crate::filters;
use crate::form::Form;
use crate::frame::{Frame, Section};
use crate::gate;
use crate::language;
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::visit::{Reader, Visit, Who};

struct Session {
    /// Names it in a form; it is not what signs anybody in.
    mark: String,
    address: String,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    is_this: bool,
}

#[derive(Template)]
#[template(path = "account.html")]
struct Account {
    frame: Frame,
    role: &'static str,
    bio: String,
    /// The code of the language that was chosen in this browser.
    chosen: Option<&'static str>,
    sessions: Vec<Session>,
}

pub async fn show(visit: Visit<Reader>) -> Answer {
    let ports = visit.ports();
    let open = match &visit.who {
        Who::Owner => ports.ownership.sessions(visit.at).await?,
        Who::User(user) => ports.sessions.of(user.id, visit.at).await?,
    };
    let this = gate::token(&visit.request).map(token::digest);
    let session = |open: OpenSession| Session {
        is_this: this == Some(open.digest),
        mark: hex(open.digest),
        address: open.address.unwrap_or_default(),
        since: open.created_at,
        until: open.expires_at,
    };
    let page = Account {
        frame: visit.frame(t("account.title"), Section::Account).await?,
        role: role(visit.who.role()),
        bio: visit.who.user().map(|user| user.bio.clone()).unwrap_or_default(),
        chosen: language::chosen(&visit.request).map(|language| language.code),
        sessions: open.into_iter().map(session).collect(),
    };
    reply::page(&visit.request, &page)
}

pub async fn save(visit: Visit<Reader>, form: Form) -> Answer {
    let bio = form.read().await?.text("bio").to_owned();
    if let Some(id) = visit.who.id() {
        let changes = UserChanges { bio: Some(bio), ..UserChanges::default() };
        visit.ports().accounts.update(id, changes, &visit.by()).await?;
    }
    Ok(reply::done("/account", "saved"))
}

/// Remembers in this browser which language its pages are to be in.
pub async fn choose_language(visit: Visit<Reader>, form: Form) -> Answer {
    let form = form.read().await?;
    let mut answer = reply::done("/account", "saved");
    set_cookie(&mut answer, &language::remember(&visit.request, form.text("language")));
    Ok(answer)
}

/// Another password ends every session; this browser gets a new one.
pub async fn change_password(visit: Visit<Reader>, form: Form) -> Answer {
    let form = form.read().await?;
    let (ports, by) = (visit.ports(), visit.by());
    let (current, new) = (form.raw("current"), form.raw("new").to_owned());
    let session = match &visit.who {
        Who::Owner => {
            ports.accounts.passwords.check(&new).map_err(|error| at_field("new", error))?;
            ports.ownership.change_password(current, new, &by).await.map_err(refused)?
        }
        Who::User(user) => {
            let name = &user.username;
            ports.accounts.passwords.check(&new).map_err(|error| at_field("new", error))?;
            let (once, _) =
                ports.sign_in.with_password(name, current, &by).await.map_err(refused)?;
            let changes = UserChanges { password: Some(new.clone()), ..UserChanges::default() };
            if let Err(error) = ports.accounts.update(user.id, changes, &by).await {
                ports.sign_in.out(once.reveal(), &by).await?;
                return Err(error.into());
            }
            ports.sign_in.with_password(name, &new, &by).await.map_err(refused)?.0
        }
    };
    let mut answer = reply::done("/account", "password");
    set_cookie(&mut answer, &gate::open(&visit.request, session.reveal()));
    Ok(answer)
}

fn refused(refused: Refused) -> Refusal {
    match refused {
        Refused::Wrong => Error::invalid("current", t("account.wrong")).into(),
        Refused::Later(seconds) => Refusal::Later(seconds),
        Refused::Failed(error) => error.into(),
    }
}

fn at_field(field: &'static str, error: Error) -> Error {
    match error {
        Error::Invalid { reason, .. } => Error::invalid(field, reason),
        other => other,
    }
}

/// Ends one of one's own sessions.
pub async fn end_session(visit: Visit<Reader>, form: Form) -> Answer {
    let form = form.read().await?;
    let mark = form.text("session");
    let (ports, by) = (visit.ports(), visit.by());
    match &visit.who {
        Who::Owner => {
            let open = ports.ownership.sessions(visit.at).await?;
            for open in open.iter().filter(|open| hex(open.digest) == mark) {
                ports.ownership.close(open.digest, &by).await?;
            }
        }
        Who::User(user) => {
            let open = ports.sessions.of(user.id, visit.at).await?;
            for open in open.iter().filter(|open| hex(open.digest) == mark) {
                ports.sessions.close(open.digest, by.event("logout_event", "{}")).await?;
            }
        }
    }
    Ok(reply::done("/account", "ended"))
}

fn hex(digest: KeyDigest) -> String {
    digest.0.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
