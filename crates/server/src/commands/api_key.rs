//! `carrel api-key`: making, listing and revoking keys.
use std::process::ExitCode;

use anyhow::Context;
use carrel_domain::ApiKeyId;
use carrel_domain::api_key::{self, Scope};
use carrel_services::keyring::KeyOptions;
use chrono::{DateTime, TimeDelta, Utc};

use crate::cli::{ApiKey, NewKey};
use crate::terminal::{one_line, print, say, table};
use crate::wiring::Carrel;

pub async fn run(carrel: &Carrel, what: ApiKey) -> anyhow::Result<ExitCode> {
    match what {
        ApiKey::Create(new) => create(carrel, new).await?,
        ApiKey::List => list(carrel).await?,
        ApiKey::Revoke { id } => revoke(carrel, id).await?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn create(carrel: &Carrel, new: NewKey) -> anyhow::Result<()> {
    let NewKey { name, scopes, expires_in } = new;
    let now = Utc::now();
    let expires_in = expires_in.map(TimeDelta::from_std).transpose();
    let expires_at =
        expires_in.context("failed to work out when the key expires")?.map(|time| now + time);
    let options = KeyOptions { name, scopes, expires_at, created_by: None };
    let created = carrel.keyring.create(options, now).await;
    let (secret, key) = created.context("failed to create an API key")?;
    say(format_args!("API key {} may {}; it is not shown again:", key.id, may(&key.scopes)));
    print(secret.reveal())?;
    Ok(())
}

async fn list(carrel: &Carrel) -> anyhow::Result<()> {
    let keys = carrel.keyring.list().await.context("failed to list the API keys")?;
    if keys.is_empty() {
        say(format_args!("there are no API keys; make one with: carrel api-key create"));
    }
    let headings = ["ID", "NAME", "PREFIX", "MAY", "CREATED", "LAST USED", "EXPIRES", "REVOKED"];
    print(&table(&headings, &keys.iter().map(row).collect::<Vec<_>>()))?;
    Ok(())
}

async fn revoke(carrel: &Carrel, id: i32) -> anyhow::Result<()> {
    let revoked = carrel.keyring.revoke(ApiKeyId(id), Utc::now()).await;
    revoked.context("failed to revoke the API key")?;
    say(format_args!("API key {id} is revoked"));
    Ok(())
}

fn row(key: &api_key::ApiKey) -> Vec<String> {
    let named = |text: &str| if text.is_empty() { "-".to_owned() } else { one_line(text) };
    vec![
        key.id.to_string(),
        named(key.name.as_deref().unwrap_or_default()),
        named(&key.prefix),
        may(&key.scopes),
        when(Some(key.created_at)),
        when(key.last_used_at),
        when(key.expires_at),
        when(key.revoked_at),
    ]
}

fn may(scopes: &[Scope]) -> String {
    match scopes {
        [] => "everything".to_owned(),
        scopes => scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(","),
    }
}

fn when(time: Option<DateTime<Utc>>) -> String {
    time.map_or_else(|| "-".to_owned(), |time| time.format("%Y-%m-%dT%H:%MZ").to_string())
}
