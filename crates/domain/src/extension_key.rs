//! Keys of browser extensions, which add pages to workspaces on behalf of a user.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::api_key::KeyDigest;
use crate::audit::Event;
use crate::user::User;
use crate::{ExtensionKeyId, Result, UserId};

/// An extension key without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtensionKey {
    /// The id. Ids are not reused.
    pub id: ExtensionKeyId,
    /// The first characters of the secret, shown in lists so that people can tell keys apart.
    pub prefix: String,
    /// The user of the key. Absent for the owner of a server without users.
    pub user: Option<UserId>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// An extension key to be stored.
#[derive(Clone, Debug)]
pub struct NewExtensionKey {
    /// The SHA-256 of the secret.
    pub digest: KeyDigest,
    /// The first characters of the secret.
    pub prefix: String,
    /// The user of the key. Absent for the owner of a server without users.
    pub user: Option<UserId>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// Stores extension keys. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait ExtensionKeys: Send + Sync {
    /// Returns every key, newest first.
    async fn list(&self) -> Result<Vec<ExtensionKey>>;
    /// Stores a key. [`crate::Error::NotFound`] if the user does not exist.
    async fn create(&self, new: NewExtensionKey, event: Event) -> Result<ExtensionKey>;
    /// Returns the key with a digest and its user, including a suspended user.
    async fn by_digest(&self, digest: KeyDigest) -> Result<Option<(ExtensionKey, Option<User>)>>;
    /// Deletes a key. Returns `false` if it does not exist.
    async fn delete(&self, id: ExtensionKeyId, event: Event) -> Result<bool>;
}
