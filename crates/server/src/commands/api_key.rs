//! `carrel api-key`: creates, lists and revokes API keys.
use std::collections::HashMap;
use std::process::ExitCode;

use anyhow::{Context, bail};
use carrel_domain::api_key::{self, Scope};
use carrel_domain::audit::By;
use carrel_domain::{ApiKeyId, Error, UserId, WorkspaceId};
use carrel_services::api_keys::KeyOptions;
use carrel_services::workspaces;
use chrono::{TimeDelta, Utc};

use crate::cli::{ApiKeyCommand, NewKeyArgs};
use crate::terminal::{format_time, one_line, print, say, table};
use crate::wiring::App;

pub async fn run(app: &App, command: ApiKeyCommand) -> anyhow::Result<ExitCode> {
    match command {
        ApiKeyCommand::Create(new) => create(app, new).await?,
        ApiKeyCommand::List => list(app).await?,
        ApiKeyCommand::Revoke { id } => revoke(app, id).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(app: &App, args: NewKeyArgs) -> anyhow::Result<()> {
    let NewKeyArgs { name, scopes, workspaces: slugs, rate_limit, owner, expires_in } = args;
    let now = Utc::now();
    let mut workspaces = Vec::new();
    for slug in &slugs {
        let workspace = workspaces::by_slug(&*app.ports.workspaces, slug).await;
        workspaces.push(workspace.context("failed to create an API key")?.id);
    }
    let created_by = match owner {
        Some(name) => Some(user(app, &name).await.context("failed to create an API key")?),
        None => None,
    };
    let expires_in = expires_in.map(TimeDelta::from_std).transpose();
    let expires_in = expires_in.context("failed to compute the expiry of the key")?;
    let expires_at = expires_in.map(|duration| now.checked_add_signed(duration));
    let expires_at = match expires_at {
        Some(None) => bail!("failed to create an API key: --expires-in is too long"),
        Some(at) => at,
        None => None,
    };
    let options = KeyOptions { name, scopes, workspaces, rate_limit, expires_at, created_by };
    let created = app.ports.api_keys.create(options, &By::operator(now)).await;
    let (secret, key) = created.context("failed to create an API key")?;
    let (id, scope_list, workspaces_text) =
        (key.id, scope_list(&key.scopes), join_or(slugs, "all workspaces"));
    say(format_args!("API key {id} may {scope_list} in {workspaces_text}; it is not shown again:"));
    print(secret.reveal())?;
    Ok(())
}

async fn user(app: &App, name: &str) -> carrel_domain::Result<UserId> {
    let users = app.ports.users.list().await?;
    let user = users.iter().find(|user| user.username == name);
    user.map(|user| user.id).ok_or_else(|| Error::not_found("user", name))
}

async fn list(app: &App) -> anyhow::Result<()> {
    let keys = app.ports.api_keys.list().await.context("failed to list the API keys")?;
    if keys.is_empty() {
        say(format_args!("there are no API keys; create one with: carrel api-key create"));
    }
    let workspaces = app.ports.workspaces.list().await;
    let workspaces = workspaces.context("failed to list the API keys")?;
    let slugs = workspaces.iter().map(|workspace| (workspace.id, workspace.slug.to_string()));
    let slugs: HashMap<_, _> = slugs.collect();
    let headings = [
        "ID",
        "NAME",
        "PREFIX",
        "MAY",
        "IN",
        "A MINUTE",
        "CREATED",
        "LAST USED",
        "EXPIRES",
        "REVOKED",
    ];
    let rows: Vec<_> = keys.iter().map(|key| row(key, &slugs)).collect();
    print(&table(&headings, &rows))?;
    Ok(())
}

async fn revoke(app: &App, id: i32) -> anyhow::Result<()> {
    let revoked = app.ports.api_keys.revoke(ApiKeyId(id), &By::operator(Utc::now())).await;
    revoked.context("failed to revoke the API key")?;
    say(format_args!("API key {id} is revoked"));
    Ok(())
}

fn row(key: &api_key::ApiKey, slugs: &HashMap<WorkspaceId, String>) -> Vec<String> {
    let named = |text: &str| if text.is_empty() { "-".to_owned() } else { one_line(text) };
    let slug = |id: &WorkspaceId| slugs.get(id).cloned().unwrap_or_else(|| id.to_string());
    let workspaces = key.workspaces.iter().map(slug).collect();
    vec![
        key.id.to_string(),
        named(key.name.as_deref().unwrap_or_default()),
        named(&key.prefix),
        scope_list(&key.scopes),
        join_or(workspaces, "all"),
        key.rate_limit.map_or_else(|| "-".to_owned(), |limit| limit.to_string()),
        format_time(Some(key.created_at)),
        format_time(key.last_used_at),
        format_time(key.expires_at),
        format_time(key.revoked_at),
    ]
}

fn scope_list(scopes: &[Scope]) -> String {
    join_or(scopes.iter().map(|scope| scope.as_str().to_owned()).collect(), "everything")
}

fn join_or(names: Vec<String>, default: &str) -> String {
    if names.is_empty() { default.to_owned() } else { names.join(",") }
}
