//! Keys of browser extensions, which put pages into workspaces in the name of their user.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::api_key::KeyDigest;
use crate::audit::Event;
use crate::user::User;
use crate::{ExtensionKeyId, Result, UserId};

/// A key of the browser extension, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionKey {
    /// Its number, which is not used again.
    pub id: ExtensionKeyId,
    /// The first characters, which tell keys apart.
    pub prefix: String,
    /// The user of the key; on a server without users the owner, if absent.
    pub user: Option<UserId>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// A key that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewExtensionKey {
    /// SHA-256 of its secret.
    pub digest: KeyDigest,
    /// The first characters of its secret, which tell keys apart.
    pub prefix: String,
    /// The user who has it; `None` for the owner.
    pub user: Option<UserId>,
    /// When it was created.
    pub created_at: DateTime<Utc>,
}

/// Stores keys of extensions. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait ExtensionKeys: Send + Sync {
    /// Every key, the newest first.
    async fn list(&self) -> Result<Vec<ExtensionKey>>;
    /// [`crate::Error::NotFound`] when there is no such user.
    async fn create(&self, new: NewExtensionKey, event: Event) -> Result<ExtensionKey>;
    /// The key of a digest, with its user if it has one, suspended or not.
    async fn by_digest(&self, digest: KeyDigest) -> Result<Option<(ExtensionKey, Option<User>)>>;
    /// Says whether there was such a key.
    async fn delete(&self, id: ExtensionKeyId, event: Event) -> Result<bool>;
}
