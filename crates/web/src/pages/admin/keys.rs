//! API keys: creating, listing and revoking them.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::api_key::{ApiKey, KeyOrigin, Scope};
use carrel_domain::{ApiKeyId, WorkspaceId};
use carrel_services::api_keys::KeyOptions;
use chrono::{DateTime, Utc};

use super::super::setup::{NewKeyPart, base};
use super::parse_id;
use crate::http::form::PageForm;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::{self, t};

struct Row {
    id: i32,
    name: String,
    prefix: String,
    may: String,
    within: String,
    last_used: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    /// Why the key is not valid, if it is not.
    state: Option<&'static str>,
    is_revocable: bool,
}

#[derive(Template)]
#[template(path = "admin/keys.html")]
struct Keys {
    layout: PageLayout,
    rows: Vec<Row>,
    scopes: Vec<(&'static str, &'static str)>,
    workspaces: Vec<(i32, String)>,
}

fn scope(scope: Scope) -> &'static str {
    texts::find(&format!("scope.{}", scope.as_str())).unwrap_or_default()
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let known: Vec<_> = current_user.workspaces().await?;
    let known: Vec<_> =
        known.into_iter().map(|workspace| (workspace.id.0, workspace.settings.name)).collect();
    let mut keys = current_user.ports().api_keys.list().await?;
    // Valid keys first, newest first.
    keys.sort_by_key(|key| (!key.is_valid(current_user.at), std::cmp::Reverse(key.id)));
    let rows = keys.into_iter().map(|key| row(key, &known, current_user.at)).collect();
    let scopes = Scope::ALL.into_iter().map(|known| (known.as_str(), scope(known))).collect();
    let layout = current_user.admin_layout(t("keys.title")).await?;
    response::page(&current_user.request, &Keys { layout, rows, scopes, workspaces: known })
}

fn row(key: ApiKey, known: &[(i32, String)], now: DateTime<Utc>) -> Row {
    let may: Vec<_> = key.scopes.iter().map(|known| scope(*known)).collect();
    let named = |id: &WorkspaceId| known.iter().find(|(known, _)| *known == id.0);
    let within: Vec<_> =
        key.workspaces.iter().filter_map(named).map(|(_, name)| name.as_str()).collect();
    let is_over = key.expires_at.is_some_and(|end| end <= now);
    let (id, is_environment) = (key.id.0, key.origin == KeyOrigin::Environment);
    Row {
        id,
        name: key.name.unwrap_or_else(|| t("keys.unnamed").to_owned()),
        prefix: key.prefix,
        may: if may.is_empty() { t("keys.everything").to_owned() } else { may.join(", ") },
        within: match key.workspaces.is_empty() {
            true => t("keys.everywhere").to_owned(),
            false => within.join(", "),
        },
        last_used: key.last_used_at,
        until: key.expires_at,
        state: match () {
            () if key.revoked_at.is_some() => Some(t("status.revoked")),
            () if is_over => Some(t("status.over")),
            () if key.is_suspended => Some(t("status.suspended")),
            () => None,
        },
        is_revocable: key.revoked_at.is_none() && !is_environment,
    }
}

/// Creates a key and shows its secret once.
pub async fn create(current_user: CurrentUser<role::Admin>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    form.check_fields(&["name", "days", "rate"], &["scope", "workspace"])?;
    let expires_at = form.days("days", 36_500)?.map(|lasts| current_user.at + lasts);
    let options = KeyOptions {
        name: form.text_or_none("name"),
        scopes: form.parsed("scope", Scope::parse)?,
        workspaces: form.parsed("workspace", |id| id.parse().ok().map(WorkspaceId))?,
        rate_limit: form.number("rate")?,
        expires_at,
        created_by: current_user.identity.id(),
    };
    let (secret, _) = current_user.ports().api_keys.create(options, &current_user.by()).await?;
    let layout = current_user.admin_layout(t("key.title")).await?;
    let (secret, base) = (secret.reveal().to_owned(), base(&current_user.request));
    response::page(&current_user.request, &NewKeyPart { layout, secret, base, next: "/admin/keys" })
}

pub async fn revoke(current_user: CurrentUser<role::Admin>, id: Path<String>) -> PageResult {
    let id = ApiKeyId(parse_id("API key", &id)?);
    current_user.ports().api_keys.revoke(id, &current_user.by()).await?;
    Ok(response::done("/admin/keys", "revoked"))
}
