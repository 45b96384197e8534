//! Exports invites, keys without their secrets, and memories.
use carrel_domain::api_key::{ApiKey, Scope};
use carrel_domain::extension_key::ExtensionKey;
use carrel_domain::invite::Invite;
use carrel_domain::memory::Memory;
use carrel_domain::{Result, UserId};
use serde_json::{Value, json};

use super::Export;
use super::rows::time;

const DIGESTS: &str = "only digests of keys are stored; people make new ones";

pub(super) async fn invites(export: &mut Export<'_>) -> Result<()> {
    let mut lines = export.destination.lines("invites.jsonl")?;
    for invite in export.ports.invites.list().await? {
        lines.add(&row_of_invite(invite))?;
    }
    export.close(lines).map(drop)
}

/// Exports API keys. Only their digests are stored, so no secret can be exported.
pub(super) async fn keys(export: &mut Export<'_>) -> Result<()> {
    let mut lines = export.destination.lines("api-keys.jsonl")?;
    for key in export.ports.api_keys.list().await? {
        lines.add(&row_of_key(key))?;
    }
    let number = export.close(lines)?;
    export.add_not_exported("api_keys.secret", number, DIGESTS);
    let mut lines = export.destination.lines("browser-extension-keys.jsonl")?;
    for key in export.ports.extension_keys.list().await? {
        lines.add(&row_of_extension_key(key))?;
    }
    let number = export.close(lines)?;
    export.add_not_exported("browser_extension_api_keys.key", number, DIGESTS);
    Ok(())
}

/// Exports the memories of every user and of the owner, the oldest first.
pub(super) async fn memories(export: &mut Export<'_>, users: &[UserId]) -> Result<()> {
    let mut lines = export.destination.lines("memories.jsonl")?;
    let people = users.iter().copied().map(Some).chain([None]);
    for person in people {
        for memory in export.ports.memories.about(person).await?.into_iter().rev() {
            lines.add(&row_of_memory(memory))?;
        }
    }
    export.close(lines).map(drop)
}

fn row_of_invite(invite: Invite) -> Value {
    let Invite {
        id,
        code,
        status,
        claimed_by,
        claimed_by_name: _,
        workspaces,
        created_by,
        expires_at,
        created_at,
        updated_at,
    } = invite;
    json!({
        "id": id.0,
        "code": code,
        "status": status.as_str(),
        "claimedBy": claimed_by.map(|user| user.0),
        "workspaceIds": workspaces.iter().map(|workspace| workspace.0).collect::<Vec<_>>(),
        // AnythingLLM uses 0 for nobody.
        "createdBy": created_by.map_or(0, |user| user.0),
        "expiresAt": expires_at.map(time),
        "createdAt": time(created_at),
        "lastUpdatedAt": time(updated_at),
    })
}

fn row_of_key(key: ApiKey) -> Value {
    let ApiKey {
        id,
        name,
        prefix,
        origin,
        scopes,
        workspaces,
        rate_limit,
        created_by,
        is_suspended: _,
        expires_at,
        revoked_at,
        last_used_at,
        created_at,
    } = key;
    json!({
        "id": id.0,
        "name": name,
        "prefix": prefix,
        "origin": origin.as_str(),
        "scopes": scopes.into_iter().map(Scope::as_str).collect::<Vec<_>>(),
        "workspaceIds": workspaces.iter().map(|workspace| workspace.0).collect::<Vec<_>>(),
        "rateLimit": rate_limit,
        "createdBy": created_by.map(|user| user.0),
        "expiresAt": expires_at.map(time),
        "revokedAt": revoked_at.map(time),
        "lastUsedAt": last_used_at.map(time),
        "createdAt": time(created_at),
    })
}

fn row_of_extension_key(key: ExtensionKey) -> Value {
    let ExtensionKey { id, prefix, user, created_at } = key;
    json!({
        "id": id.0,
        "prefix": prefix,
        "user_id": user.map(|user| user.0),
        "createdAt": time(created_at),
    })
}

fn row_of_memory(memory: Memory) -> Value {
    let Memory { id, user, workspace, content, created_at, updated_at } = memory;
    json!({
        "id": id.0,
        "user_id": user.map(|user| user.0),
        "workspace_id": workspace.map(|workspace| workspace.0),
        "scope": if workspace.is_some() { "workspace" } else { "global" },
        "content": content,
        "created_at": time(created_at),
        "updated_at": time(updated_at),
    })
}
