//! Keys of browser extensions, and the permissions of their holders.
use carrel_domain::audit::{Actor, By};
use carrel_domain::extension_key::{ExtensionKey, ExtensionKeys, NewExtensionKey};
use carrel_domain::member::Members;
use carrel_domain::user::{Role, User};
use carrel_domain::workspace::{Workspace, Workspaces};
use carrel_domain::{Error, ExtensionKeyId, Result, UserId};
use serde_json::json;

use crate::{members, token};

/// The prefix of every key. Extensions check for it.
pub const PREFIX: &str = "brx-";

/// The number of letters in each of the four groups of a key.
const GROUP_CHARS: usize = 7;

/// The number of leading characters of a key shown in lists.
const PREFIX_CHARS: usize = 11;

/// The holder of a valid key.
#[derive(Clone, Debug)]
pub struct KeyHolder {
    /// The key.
    pub key: ExtensionKeyId,
    /// The user. Absent on a server without users.
    pub user: Option<User>,
}

impl KeyHolder {
    /// Returns the actor for the audit log.
    pub fn actor(&self) -> Actor {
        self.user.as_ref().map_or(Actor::Owner, |user| Actor::User(user.id))
    }

    /// Returns whether the holder may add documents to workspaces.
    pub fn can_add(&self) -> bool {
        self.user.as_ref().is_none_or(|user| user.role != Role::Default)
    }

    /// Returns the workspaces that the holder has access to, by id.
    pub async fn workspaces(
        &self,
        workspaces: &dyn Workspaces,
        membership: &dyn Members,
    ) -> Result<Vec<Workspace>> {
        members::accessible_workspaces(membership, self.user.as_ref(), workspaces.list().await?)
            .await
    }
}

/// Creates a key. Its secret is shown once.
pub async fn create(
    port: &dyn ExtensionKeys,
    user: Option<UserId>,
    is_multi_user: bool,
    by: &By,
) -> Result<(String, ExtensionKey)> {
    match (user, is_multi_user) {
        (None, true) => return Err(Error::invalid("user_id", "must name the user of the key")),
        (Some(_), false) => {
            return Err(Error::invalid("user_id", "must be absent: this server has no users"));
        }
        _ => {}
    }
    let secret = secret();
    let new = NewExtensionKey {
        digest: token::digest(&secret),
        prefix: prefix(&secret),
        user,
        created_at: by.at,
    };
    let details = json!({ "prefix": new.prefix, "userId": user.map(|user| user.0) }).to_string();
    let key = port.create(new, by.event("browser_extension_key_created", details)).await?;
    Ok((secret, key))
}

/// Deletes a key, which signs the extension out.
pub async fn delete(port: &dyn ExtensionKeys, id: ExtensionKeyId, by: &By) -> Result<()> {
    let details = json!({ "id": id.0 }).to_string();
    match port.delete(id, by.event("browser_extension_key_deleted", details)).await? {
        true => Ok(()),
        false => Err(Error::not_found("extension key", id)),
    }
}

/// Returns the holder of a secret; `None` if it is not a key, or if its user is suspended.
pub async fn holder(
    port: &dyn ExtensionKeys,
    secret: &str,
    is_multi_user: bool,
) -> Result<Option<KeyHolder>> {
    if !secret.starts_with(PREFIX) {
        return Ok(None);
    }
    let key = port.by_digest(token::digest(secret)).await?;
    let holder = key.map(|(key, user)| KeyHolder { key: key.id, user });
    Ok(holder.filter(|holder| match &holder.user {
        Some(user) => is_multi_user && !user.suspended,
        None => !is_multi_user,
    }))
}

/// Returns the characters of a key that lists show.
pub fn prefix(secret: &str) -> String {
    secret.chars().take(PREFIX_CHARS).collect()
}

/// Returns a new secret: `brx-` and four groups of letters and digits, with 140 random bits.
fn secret() -> String {
    let letters: Vec<char> = token::random_code().to_uppercase().chars().collect();
    let groups: Vec<String> =
        letters.chunks_exact(GROUP_CHARS).take(4).map(|group| group.iter().collect()).collect();
    format!("{PREFIX}{}", groups.join("-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_format_that_extensions_expect() {
        let key = secret();
        let groups: Vec<_> = key.split('-').collect();
        assert_eq!(groups.iter().map(|group| group.len()).collect::<Vec<_>>(), [3, 7, 7, 7, 7]);
        assert_eq!(prefix(&key), key[..11]);
        assert_ne!(key, secret());
    }
}
