//! Users: creating, changing, suspending and deleting them; and switching to multi-user mode.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::user::{Role, User};
use carrel_domain::{Error, UserId};
use carrel_services::accounts::{UserChanges, UserDraft};
use carrel_services::sign_on::is_by_links_alone;
use chrono::{DateTime, Utc};

use super::super::setup::server_address;
use super::super::sign_in::set_cookie;
use super::super::workspace::role_name;
use super::parse_id;
use crate::http::form::{Fields, PageForm};
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::session::session_cookie;
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::t;

struct UserRow {
    id: i32,
    name: String,
    role: &'static str,
    is_suspended: bool,
    limit: Option<i32>,
    created_at: DateTime<Utc>,
    is_self: bool,
}

#[derive(Template)]
#[template(path = "admin/users.html")]
struct UsersPage {
    layout: PageLayout,
    users: Vec<UserRow>,
    roles: Vec<(&'static str, &'static str)>,
}

#[derive(Template)]
#[template(path = "admin/single_user.html")]
struct SingleUserPage {
    layout: PageLayout,
}

#[derive(Template)]
#[template(path = "admin/user.html")]
struct UserPage {
    layout: PageLayout,
    user: User,
    limit: String,
    roles: Vec<(&'static str, &'static str, bool)>,
    /// True if a link can set the user's password.
    can_issue_link: bool,
}

#[derive(Template)]
#[template(path = "admin/recovery_link.html")]
struct RecoveryLinkPage {
    layout: PageLayout,
    user: User,
    link: String,
}

fn roles() -> Vec<(&'static str, &'static str)> {
    Role::ALL.into_iter().map(|role| (role.as_str(), role_name(role))).collect()
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let layout = current_user.admin_layout(t("users.title")).await?;
    let Some(own_id) = current_user.identity.id() else {
        return response::page(&current_user.request, &SingleUserPage { layout });
    };
    let row = |user: User| UserRow {
        is_self: user.id == own_id,
        id: user.id.0,
        name: user.username,
        role: role_name(user.role),
        is_suspended: user.suspended,
        limit: user.daily_message_limit,
        created_at: user.created_at,
    };
    let users =
        current_user.ports().users.list_with_profiles().await?.into_iter().map(row).collect();
    response::page(&current_user.request, &UsersPage { layout, users, roles: roles() })
}

/// Users only exist on shared servers.
fn require_multi_user(current_user: &CurrentUser<role::Admin>) -> Result<(), PageError> {
    current_user.identity.user().map(|_| ()).ok_or_else(|| PageError::not_found("user", "many"))
}

pub async fn create(current_user: CurrentUser<role::Admin>, form: PageForm) -> PageResult {
    require_multi_user(&current_user)?;
    let form = form.read().await?;
    form.check_fields(&["username", "password", "role"], &[])?;
    let draft = UserDraft {
        username: form.text("username").to_owned(),
        password: form.raw("password").to_owned(),
        role: form.parsed("role", Role::parse)?.pop(),
        ..UserDraft::default()
    };
    current_user.ports().accounts.create(draft, &current_user.by()).await?;
    Ok(response::redirect_with_notice("/admin/users", "created"))
}

/// Switches to multi-user mode. The owner becomes the first admin.
pub async fn open(current_user: CurrentUser<role::Admin>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let (ports, by) = (current_user.ports(), current_user.by());
    let (username, password) = (form.text("username").to_owned(), form.raw("password").to_owned());
    let draft = UserDraft { username: username.clone(), password, ..UserDraft::default() };
    ports.accounts.enable_multi_user(draft, &by).await?;
    let session = ports.sign_in.with_password(&username, form.raw("password"), &by).await;
    let (session, _) = session.map_err(|_| PageError::SignIn("/sign-in".to_owned()))?;
    let mut response = response::redirect_with_notice("/admin/users", "opened");
    set_cookie(
        &mut response,
        &session_cookie::sign_in_cookie(&current_user.request, session.reveal()),
    );
    Ok(response)
}

pub async fn show(current_user: CurrentUser<role::Admin>, id: Path<String>) -> PageResult {
    require_multi_user(&current_user)?;
    let user = find_user(&current_user, &id).await?;
    let layout = current_user.admin_layout(&user.username).await?;
    let can_issue_link =
        !user.suspended && !is_by_links_alone(&current_user.ports().settings_store);
    let limit = user.daily_message_limit.map(|limit| limit.to_string()).unwrap_or_default();
    let option = |(value, label)| (value, label, value == user.role.as_str());
    let roles = roles().into_iter().map(option).collect();
    response::page(&current_user.request, &UserPage { layout, user, limit, roles, can_issue_link })
}

async fn find_user(current_user: &CurrentUser<role::Admin>, id: &str) -> Result<User, PageError> {
    let id = UserId(parse_id("user", id)?);
    let user = current_user.ports().users.by_id(id).await?;
    Ok(user.ok_or_else(|| Error::not_found("user", id))?)
}

/// Creates a link that sets the user's password, and shows it once.
pub async fn make_recovery_link(
    current_user: CurrentUser<role::Admin>,
    id: Path<String>,
    form: PageForm,
) -> PageResult {
    require_multi_user(&current_user)?;
    form.read().await?;
    let user = find_user(&current_user, &id).await?;
    let recovery_link =
        current_user.ports().recovery.issue_link(user.id, &current_user.by()).await?;
    let link = format!("{}{}", server_address(&current_user.request), recovery_link.path());
    let layout = current_user.admin_layout(&user.username).await?;
    response::full_page(&current_user.request, &RecoveryLinkPage { layout, user, link })
}

pub async fn save(
    current_user: CurrentUser<role::Admin>,
    id: Path<String>,
    form: PageForm,
) -> PageResult {
    require_multi_user(&current_user)?;
    let id = UserId(parse_id("user", &id)?);
    let changes = changes(&form.read().await?)?;
    current_user.ports().accounts.update(id, changes, &current_user.by()).await?;
    Ok(response::redirect_with_notice("/admin/users", "saved"))
}

fn changes(form: &Fields) -> Result<UserChanges, Error> {
    form.check_fields(&["username", "role", "limit", "password", "suspended"], &[])?;
    let unknown = || Error::invalid("role", "must be one of the offered values");
    Ok(UserChanges {
        username: form.text_or_none("username"),
        password: Some(form.raw("password").to_owned()).filter(|password| !password.is_empty()),
        role: Some(Role::parse(form.text("role")).ok_or_else(unknown)?),
        suspended: Some(form.has("suspended")),
        daily_message_limit: Some(form.number("limit")?),
        ..UserChanges::default()
    })
}

pub async fn delete(
    current_user: CurrentUser<role::Admin>,
    id: Path<String>,
    form: PageForm,
) -> PageResult {
    require_multi_user(&current_user)?;
    let user = find_user(&current_user, &id).await?;
    if form.read().await?.text("name") != user.username {
        return Err(Error::invalid("name", t("users.mistyped")).into());
    }
    current_user.ports().accounts.delete(user.id, &current_user.by()).await?;
    Ok(response::redirect_with_notice("/admin/users", "deleted"))
}
