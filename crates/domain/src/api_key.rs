//! API keys: the identity of a program, and its permissions.
use std::fmt;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::{ApiKeyId, Result, UserId, WorkspaceId};

/// The SHA-256 of a key. Keys have 256 random bits, so a slow password hash is not needed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyDigest(pub [u8; 32]);

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(..)")
    }
}

/// A permission that a route requires and a key can grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// Read workspaces, documents and conversations, and search.
    Read,
    /// Ask questions.
    Chat,
    /// Add, move and remove documents, and place them in workspaces.
    Documents,
    /// Full access.
    Admin,
}

text_enum!(Scope {
    Read = "read",
    Chat = "chat",
    Documents = "documents",
    Admin = "admin",
});

/// How a key came into existence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyOrigin {
    /// Created by a user, the owner, the operator or another key.
    Created,
    /// Passed in the server's environment. At most one such key is valid.
    Environment,
}

text_enum!(KeyOrigin {
    Created = "created",
    Environment = "environment",
});

/// A key to be created.
#[derive(Clone, Debug)]
pub struct NewApiKey {
    /// The name chosen by the creator. Several keys can have the same name.
    pub name: Option<String>,
    /// The SHA-256 of the key. The key itself is not stored.
    pub digest: KeyDigest,
    /// The first characters of the key, shown in lists so that people can tell keys apart.
    pub prefix: String,
    /// The origin of the key.
    pub origin: KeyOrigin,
    /// The scopes granted. Empty grants full access.
    pub scopes: Vec<Scope>,
    /// The workspaces the key gives access to. Empty means all.
    pub workspaces: Vec<WorkspaceId>,
    /// The maximum number of requests per minute. Unlimited if absent.
    pub rate_limit: Option<u32>,
    /// The user who creates the key. Absent for the owner, the operator and the environment.
    pub created_by: Option<UserId>,
    /// The expiry time. The key never expires if absent.
    pub expires_at: Option<DateTime<Utc>>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// A stored key, without its secret.
#[derive(Clone, Debug, PartialEq)]
pub struct ApiKey {
    /// The id used in routes and in the audit log.
    pub id: ApiKeyId,
    /// See [`NewApiKey::name`].
    pub name: Option<String>,
    /// See [`NewApiKey::prefix`].
    pub prefix: String,
    /// See [`NewApiKey::origin`].
    pub origin: KeyOrigin,
    /// See [`NewApiKey::scopes`].
    pub scopes: Vec<Scope>,
    /// See [`NewApiKey::workspaces`].
    pub workspaces: Vec<WorkspaceId>,
    /// See [`NewApiKey::rate_limit`].
    pub rate_limit: Option<u32>,
    /// See [`NewApiKey::created_by`].
    pub created_by: Option<UserId>,
    /// Whether the user who created the key is suspended. The key does not work until the
    /// suspension ends.
    pub is_suspended: bool,
    /// See [`NewApiKey::expires_at`].
    pub expires_at: Option<DateTime<Utc>>,
    /// The time of revocation, if the key was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
    /// The time of the last use. Uses are recorded in batches, so this can be some minutes old.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

impl ApiKey {
    /// Returns whether the key is valid at `now`: not revoked, not expired, and its creator not
    /// suspended.
    pub fn is_valid(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none()
            && !self.is_suspended
            && self.expires_at.is_none_or(|end| now < end)
    }

    /// Returns whether the key grants a scope. A key without scopes has full access.
    /// [`Scope::Chat`] and [`Scope::Documents`] include [`Scope::Read`].
    pub fn grants(&self, needed: Scope) -> bool {
        self.scopes.is_empty()
            || self.scopes.contains(&Scope::Admin)
            || self.scopes.contains(&needed)
            || needed == Scope::Read
    }

    /// Returns whether the key gives access to a workspace.
    pub fn allows_workspace(&self, workspace: WorkspaceId) -> bool {
        self.workspaces.is_empty() || self.workspaces.contains(&workspace)
    }

    /// Returns whether the holder of this key may create `other`. The new key must not exceed this
    /// one in scopes, workspaces, lifetime or rate.
    pub fn may_create(&self, other: &NewApiKey) -> bool {
        let scopes = match (self.scopes.is_empty(), other.scopes.is_empty()) {
            (true, _) => true,
            (false, true) => self.scopes.contains(&Scope::Admin),
            (false, false) => other.scopes.iter().all(|scope| self.grants(*scope)),
        };
        let workspaces = self.workspaces.is_empty()
            || (!other.workspaces.is_empty()
                && other.workspaces.iter().all(|workspace| self.allows_workspace(*workspace)));
        let ends = match (self.expires_at, other.expires_at) {
            (None, _) => true,
            (Some(ours), Some(theirs)) => theirs <= ours,
            (Some(_), None) => false,
        };
        let rate = self
            .rate_limit
            .is_none_or(|ours| other.rate_limit.is_some_and(|theirs| (1..=ours).contains(&theirs)));
        scopes && workspaces && ends && rate
    }
}

/// Stores keys. Each method is one transaction.
#[async_trait]
pub trait ApiKeys: Send + Sync {
    /// Stores a key. [`crate::Error::AlreadyExists`] if a key has this digest.
    async fn create(&self, new: NewApiKey, event: Event) -> Result<ApiKey>;
    /// Returns the key with a digest, even if it is expired or revoked.
    async fn by_digest(&self, digest: KeyDigest) -> Result<Option<ApiKey>>;
    /// Returns every key by id, including revoked ones.
    async fn list(&self) -> Result<Vec<ApiKey>>;
    /// Revokes a key. Returns `false` if no such key exists or it is already revoked.
    async fn revoke(&self, id: ApiKeyId, event: Event) -> Result<bool>;
    /// Makes `new` the only valid key from the environment. `None` revokes the existing one.
    async fn set_environment_key(&self, new: Option<NewApiKey>, event: Event) -> Result<()>;
    /// Records when keys were last used. A time earlier than the stored one is ignored.
    async fn used(&self, times: Vec<(ApiKeyId, DateTime<Utc>)>) -> Result<()>;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(scopes: &[Scope]) -> ApiKey {
        ApiKey {
            id: ApiKeyId(1),
            name: None,
            prefix: "crl_".into(),
            origin: KeyOrigin::Created,
            scopes: scopes.to_vec(),
            workspaces: vec![],
            rate_limit: None,
            created_by: None,
            is_suspended: false,
            expires_at: None,
            revoked_at: None,
            last_used_at: None,
            created_at: DateTime::UNIX_EPOCH,
        }
    }

    #[test]
    fn a_key_without_scopes_has_full_access() {
        assert!(Scope::ALL.into_iter().all(|scope| key(&[]).grants(scope)));
    }

    #[test]
    fn a_scoped_key_grants_reading_and_its_scopes() {
        let granted = |scopes| Scope::ALL.map(|scope| key(scopes).grants(scope));
        assert_eq!(granted(&[Scope::Read]), [true, false, false, false]);
        assert_eq!(granted(&[Scope::Chat]), [true, true, false, false]);
        assert_eq!(granted(&[Scope::Documents]), [true, false, true, false]);
        assert_eq!(granted(&[Scope::Admin]), [true; 4]);
    }

    #[test]
    fn expired_and_revoked_keys_are_invalid() {
        let now = Utc::now();
        let mut key = key(&[]);
        assert!(key.is_valid(now));
        key.expires_at = Some(now);
        assert!(!key.is_valid(now));
        key.expires_at = None;
        key.revoked_at = Some(now);
        assert!(!key.is_valid(now));
        key.revoked_at = None;
        key.is_suspended = true;
        assert!(!key.is_valid(now));
    }

    #[test]
    fn a_key_cannot_create_one_with_more_access() {
        let new = |scopes: &[Scope], workspaces: &[i32], expires_at| NewApiKey {
            name: None,
            digest: KeyDigest([0; 32]),
            prefix: String::new(),
            origin: KeyOrigin::Created,
            scopes: scopes.to_vec(),
            workspaces: workspaces.iter().copied().map(WorkspaceId).collect(),
            rate_limit: None,
            created_by: None,
            expires_at,
            created_at: DateTime::UNIX_EPOCH,
        };
        let now = Utc::now();
        assert!(key(&[]).may_create(&new(&[], &[], None)));
        assert!(key(&[Scope::Admin]).may_create(&new(&[], &[], None)));
        assert!(!key(&[Scope::Chat]).may_create(&new(&[], &[], None)));
        assert!(!key(&[Scope::Chat]).may_create(&new(&[Scope::Documents], &[], None)));
        assert!(key(&[Scope::Chat]).may_create(&new(&[Scope::Read], &[], None)));
        let mut restricted = key(&[]);
        restricted.workspaces = vec![WorkspaceId(1)];
        assert!(
            restricted.may_create(&new(&[], &[1], None))
                && !restricted.may_create(&new(&[], &[1, 2], None))
        );
        assert!(!restricted.may_create(&new(&[], &[], None)));
        let mut limited = key(&[]);
        limited.rate_limit = Some(5);
        let at_rate = |rate_limit| NewApiKey { rate_limit, ..new(&[], &[], None) };
        assert!(limited.may_create(&at_rate(Some(5))) && limited.may_create(&at_rate(Some(1))));
        assert!(
            [None, Some(0), Some(6)].into_iter().all(|rate| !limited.may_create(&at_rate(rate)))
        );
        let mut ending = key(&[]);
        ending.expires_at = Some(now);
        assert!(
            ending.may_create(&new(&[], &[], Some(now)))
                && !ending.may_create(&new(&[], &[], None))
        );
    }
}
