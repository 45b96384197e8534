//! JSON of API keys.
use carrel_domain::api_key::{ApiKey, Scope};
use carrel_domain::{Error, Result, WorkspaceId};
use carrel_services::api_keys::KeyOptions;
use carrel_services::token::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::v1::admin::wire::invites::parse_time;
use crate::wire::time;

#[derive(Serialize, ToSchema)]
pub struct KeyList {
    pub api_keys: Vec<KeyRow>,
}

/// An API key, without its secret.
#[derive(Serialize, ToSchema)]
pub struct KeyRow {
    id: i32,
    name: Option<String>,
    /// The first characters of the key.
    prefix: String,
    /// `read`, `chat`, `documents`, `admin`; empty for full access.
    scopes: Vec<&'static str>,
    /// Workspaces the key may access; empty for all.
    workspace_ids: Vec<i32>,
    /// Requests allowed per minute.
    rate_limit: Option<u32>,
    created_by: Option<i32>,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    revoked_at: Option<String>,
}

impl From<ApiKey> for KeyRow {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id.0,
            name: key.name,
            prefix: key.prefix,
            scopes: key.scopes.into_iter().map(Scope::as_str).collect(),
            workspace_ids: key.workspaces.into_iter().map(|workspace| workspace.0).collect(),
            rate_limit: key.rate_limit,
            created_by: key.created_by.map(|user| user.0),
            created_at: time(key.created_at),
            expires_at: key.expires_at.map(time),
            last_used_at: key.last_used_at.map(time),
            revoked_at: key.revoked_at.map(time),
        }
    }
}

/// Options of a new key. Unknown fields are refused, because ignoring a misspelled limit would
/// create a key without it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKeyBody {
    /// At most 200 characters.
    name: Option<String>,
    /// Any of `read`, `chat`, `documents`, `admin`; full access if absent or empty.
    #[serde(default)]
    scopes: Vec<String>,
    /// Workspaces the key may access; all if absent or empty.
    #[serde(default, alias = "workspaceIds")]
    workspace_ids: Vec<i32>,
    /// Requests allowed per minute, at least 1.
    #[serde(alias = "rateLimit")]
    rate_limit: Option<u32>,
    /// Expiry (RFC 3339); never if absent.
    #[serde(alias = "expiresAt")]
    expires_at: Option<String>,
}

impl NewKeyBody {
    pub fn into_options(self) -> Result<KeyOptions> {
        let Self { name, scopes, workspace_ids, rate_limit, expires_at } = self;
        let allowed = "must be some of read, chat, documents, admin";
        let scope =
            |text: &String| Scope::parse(text).ok_or_else(|| Error::invalid("scopes", allowed));
        Ok(KeyOptions {
            name,
            scopes: scopes.iter().map(scope).collect::<Result<_>>()?,
            workspaces: workspace_ids.into_iter().map(WorkspaceId).collect(),
            rate_limit,
            expires_at: expires_at.as_deref().map(|at| parse_time(at, "expires_at")).transpose()?,
            created_by: None,
        })
    }
}

/// A new key. Only this response contains the secret.
#[derive(Serialize, ToSchema)]
pub struct KeyCreated {
    api_key: MadeKey,
    error: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct MadeKey {
    #[serde(flatten)]
    row: KeyRow,
    /// The key itself, shown only once.
    secret: String,
}

impl KeyCreated {
    pub fn new(secret: &Secret, key: ApiKey) -> Self {
        let secret = secret.reveal().to_owned();
        Self { api_key: MadeKey { row: key.into(), secret }, error: None }
    }
}
