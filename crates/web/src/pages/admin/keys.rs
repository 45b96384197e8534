//! API keys: creating, listing and revoking them.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::api_key::{ApiKey, KeyOrigin, Scope};
use carrel_domain::{ApiKeyId, WorkspaceId};
use carrel_services::api_keys::KeyOptions;
use chrono::{DateTime, Utc};

use super::super::setup::{NewKeyPart, server_address};
use super::parse_id;
use crate::http::form::PageForm;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::PageLayout;
use crate::view::texts::{self, t};

struct KeyRow {
    id: i32,
    name: String,
    prefix: String,
    scopes: String,
    workspaces: String,
    last_used: Option<DateTime<Utc>>,
    expires_at: Option<DateTime<Utc>>,
    /// Why the key is not valid, if it is not.
    state: Option<&'static str>,
    is_revocable: bool,
}

#[derive(Template)]
#[template(path = "admin/keys.html")]
struct KeysPage {
    layout: PageLayout,
    rows: Vec<KeyRow>,
    scopes: Vec<(&'static str, &'static str)>,
    workspaces: Vec<(i32, String)>,
}

fn scope_name(scope: Scope) -> &'static str {
    texts::find(&format!("scope.{}", scope.as_str())).unwrap_or_default()
}

pub async fn list(current_user: CurrentUser<role::Admin>) -> PageResult {
    let workspaces: Vec<_> = current_user.workspaces().await?;
    let workspaces: Vec<_> =
        workspaces.into_iter().map(|workspace| (workspace.id.0, workspace.settings.name)).collect();
    let mut keys = current_user.ports().api_keys.list().await?;
    // Valid keys first, newest first.
    keys.sort_by_key(|key| (!key.is_valid(current_user.now), std::cmp::Reverse(key.id)));
    let rows = keys.into_iter().map(|key| row(key, &workspaces, current_user.now)).collect();
    let scopes = Scope::ALL.into_iter().map(|scope| (scope.as_str(), scope_name(scope))).collect();
    let layout = current_user.admin_layout(t("keys.title")).await?;
    response::page(&current_user.request, &KeysPage { layout, rows, scopes, workspaces })
}

fn row(key: ApiKey, workspaces: &[(i32, String)], now: DateTime<Utc>) -> KeyRow {
    let scopes: Vec<_> = key.scopes.iter().map(|scope| scope_name(*scope)).collect();
    let workspace_entry =
        |id: &WorkspaceId| workspaces.iter().find(|(workspace_id, _)| *workspace_id == id.0);
    let workspace_names: Vec<_> =
        key.workspaces.iter().filter_map(workspace_entry).map(|(_, name)| name.as_str()).collect();
    let is_expired = key.expires_at.is_some_and(|expiry| expiry <= now);
    let (id, is_environment) = (key.id.0, key.origin == KeyOrigin::Environment);
    KeyRow {
        id,
        name: key.name.unwrap_or_else(|| t("keys.unnamed").to_owned()),
        prefix: key.prefix,
        scopes: if scopes.is_empty() { t("keys.everything").to_owned() } else { scopes.join(", ") },
        workspaces: match key.workspaces.is_empty() {
            true => t("keys.everywhere").to_owned(),
            false => workspace_names.join(", "),
        },
        last_used: key.last_used_at,
        expires_at: key.expires_at,
        state: match () {
            () if key.revoked_at.is_some() => Some(t("status.revoked")),
            () if is_expired => Some(t("status.over")),
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
    let expires_at = form.days("days", 36_500)?.map(|lifetime| current_user.now + lifetime);
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
    let (secret, base) = (secret.reveal().to_owned(), server_address(&current_user.request));
    response::page(&current_user.request, &NewKeyPart { layout, secret, base, next: "/admin/keys" })
}

pub async fn revoke(current_user: CurrentUser<role::Admin>, id: Path<String>) -> PageResult {
    let id = ApiKeyId(parse_id("API key", &id)?);
    current_user.ports().api_keys.revoke(id, &current_user.by()).await?;
    Ok(response::redirect_with_notice("/admin/keys", "revoked"))
}
