//! People: made, changed, suspended, removed; and opening a server of one to many.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::user::{Role, User};
use carrel_domain::{Error, UserId};
use carrel_services::accounts::{UserChanges, UserDraft};
use chrono::{DateTime, Utc};

use super::super::entrance::set_cookie;
use super::super::workspace::role;
use super::parse_id;
use crate::filters;
use crate::form::{Fields, Form};
use crate::frame::Frame;
use crate::gate;
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::visit::{Admin, Visit};

struct Row {
    id: i32,
    name: String,
    role: &'static str,
    is_suspended: bool,
    limit: Option<i32>,
    since: DateTime<Utc>,
    is_you: bool,
}

#[derive(Template)]
#[template(path = "admin/users.html")]
struct Users {
    frame: Frame,
    people: Vec<Row>,
    roles: Vec<(&'static str, &'static str)>,
}

#[derive(Template)]
#[template(path = "admin/alone.html")]
struct Alone {
    frame: Frame,
}

#[derive(Template)]
#[template(path = "admin/user.html")]
struct One {
    frame: Frame,
    user: User,
    limit: String,
    roles: Vec<(&'static str, &'static str, bool)>,
}

fn roles() -> Vec<(&'static str, &'static str)> {
    Role::ALL.into_iter().map(|known| (known.as_str(), role(known))).collect()
}

pub async fn list(visit: Visit<Admin>) -> Answer {
    let frame = visit.admin_frame(t("users.title")).await?;
    let Some(you) = visit.who.id() else {
        return reply::page(&visit.request, &Alone { frame });
    };
    let row = |user: User| Row {
        is_you: user.id == you,
        id: user.id.0,
        name: user.username,
        role: role(user.role),
        is_suspended: user.suspended,
        limit: user.daily_message_limit,
        since: user.created_at,
    };
    let people = visit.ports().users.list_whole().await?.into_iter().map(row).collect();
    reply::page(&visit.request, &Users { frame, people, roles: roles() })
}

/// There are users only where the server is shared.
fn shared(visit: &Visit<Admin>) -> Result<(), Refusal> {
    visit.who.user().map(|_| ()).ok_or_else(|| Refusal::missing("user", "many"))
}

pub async fn create(visit: Visit<Admin>, form: Form) -> Answer {
    shared(&visit)?;
    let form = form.read().await?;
    form.check_fields(&["username", "password", "role"], &[])?;
    let draft = UserDraft {
        username: form.text("username").to_owned(),
        password: form.raw("password").to_owned(),
        role: form.parsed("role", Role::parse)?.pop(),
        ..UserDraft::default()
    };
    visit.ports().accounts.create(draft, &visit.by()).await?;
    Ok(reply::done("/admin/users", "created"))
}

/// Opens a server of one to many: the owner becomes the first administrator.
pub async fn open(visit: Visit<Admin>, form: Form) -> Answer {
    let form = form.read().await?;
    let (ports, by) = (visit.ports(), visit.by());
    let (username, password) = (form.text("username").to_owned(), form.raw("password").to_owned());
    let draft = UserDraft { username: username.clone(), password, ..UserDraft::default() };
    ports.accounts.enable_multi_user(draft, &by).await?;
    let session = ports.sign_in.with_password(&username, form.raw("password"), &by).await;
    let (session, _) = session.map_err(|_| Refusal::SignIn("/sign-in".to_owned()))?;
    let mut answer = reply::done("/admin/users", "opened");
    set_cookie(&mut answer, &gate::open(&visit.request, session.reveal()));
    Ok(answer)
}

pub async fn one(visit: Visit<Admin>, id: Path<String>) -> Answer {
    shared(&visit)?;
    let id = UserId(parse_id("user", &id)?);
    let user = visit.ports().users.by_id(id).await?;
    let user = user.ok_or_else(|| Error::not_found("user", id))?;
    let frame = visit.admin_frame(&user.username).await?;
    let limit = user.daily_message_limit.map(|limit| limit.to_string()).unwrap_or_default();
    let chosen = |(value, label)| (value, label, value == user.role.as_str());
    let roles = roles().into_iter().map(chosen).collect();
    reply::page(&visit.request, &One { frame, user, limit, roles })
}

pub async fn save(visit: Visit<Admin>, id: Path<String>, form: Form) -> Answer {
    shared(&visit)?;
    let id = UserId(parse_id("user", &id)?);
    let changes = changes(&form.read().await?)?;
    visit.ports().accounts.update(id, changes, &visit.by()).await?;
    Ok(reply::done("/admin/users", "saved"))
}

fn changes(form: &Fields) -> Result<UserChanges, Error> {
    form.check_fields(&["username", "role", "limit", "password", "suspended"], &[])?;
    let unknown = || Error::invalid("role", "must be one of those offered");
    Ok(UserChanges {
        username: form.given("username"),
        password: Some(form.raw("password").to_owned()).filter(|new| !new.is_empty()),
        role: Some(Role::parse(form.text("role")).ok_or_else(unknown)?),
        suspended: Some(form.has("suspended")),
        daily_message_limit: Some(form.number("limit")?),
        ..UserChanges::default()
    })
}

pub async fn delete(visit: Visit<Admin>, id: Path<String>, form: Form) -> Answer {
    shared(&visit)?;
    let id = UserId(parse_id("user", &id)?);
    let user = visit.ports().users.by_id(id).await?;
    let user = user.ok_or_else(|| Error::not_found("user", id))?;
    if form.read().await?.text("name") != user.username {
        return Err(Error::invalid("name", t("users.mistyped")).into());
    }
    visit.ports().accounts.delete(id, &visit.by()).await?;
    Ok(reply::done("/admin/users", "deleted"))
}
