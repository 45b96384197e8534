//! Recovery codes and links: secrets that let people who forgot their password set a new one.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::api_key::KeyDigest;
use crate::audit::Event;
use crate::user::{PasswordHash, User};
use crate::{Result, UserId};

/// Where recovery codes are kept, as digests. Each method is one transaction, which also writes the event
/// where it is given one.
#[async_trait]
pub trait RecoveryCodes: Send + Sync {
    /// How many codes of a user were not used yet.
    async fn count(&self, user: UserId) -> Result<u64>;
    /// Puts codes in the place of those the user has. [`crate::Error::NotFound`] when there is no such
    /// user.
    async fn replace(&self, user: UserId, codes: Vec<KeyDigest>, event: Event) -> Result<()>;
    /// Uses a code up and sets the password of its user, who is signed out everywhere. Says whether the
    /// user has such a code; of any number of calls, one gets it.
    async fn redeem(
        &self,
        user: UserId,
        code: KeyDigest,
        password: PasswordHash,
        event: Event,
    ) -> Result<bool>;
    /// Remembers that a user was told of recovery codes, so that nobody tells them again.
    async fn dismiss(&self, user: UserId) -> Result<()>;
}

/// A link that is about to be stored.
#[derive(Clone, Debug)]
pub struct NewRecoveryLink {
    /// The SHA-256 of its secret.
    pub digest: KeyDigest,
    /// Whose password it sets.
    pub user: UserId,
    /// When it stops being valid.
    pub expires_at: DateTime<Utc>,
    /// When it is made.
    pub created_at: DateTime<Utc>,
}

/// Where recovery links are kept, as digests. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait RecoveryLinks: Send + Sync {
    /// Puts a link in the place of the one the user has. It ends when whoever makes it loses that right.
    /// [`crate::Error::NotFound`] when there is no such user.
    async fn issue(&self, link: NewRecoveryLink, event: Event) -> Result<()>;
    /// Whose password a link sets at `now`. A suspended user has none.
    async fn user_of(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<Option<User>>;
    /// Uses a link up and sets the password of its user, who is signed out everywhere. Says whether it was
    /// valid at the time of the event; of any number of calls, one gets it.
    async fn redeem(&self, digest: KeyDigest, password: PasswordHash, event: Event)
    -> Result<bool>;
}
