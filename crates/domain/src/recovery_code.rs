//! Recovery codes and links, with which people who forgot their password set a new one.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::api_key::KeyDigest;
use crate::audit::Event;
use crate::user::{PasswordHash, User};
use crate::{Result, UserId};

/// Stores digests of recovery codes. Each method is one transaction, which also writes the event if
/// there is one.
#[async_trait]
pub trait RecoveryCodes: Send + Sync {
    /// Returns the number of unused codes of a user.
    async fn count(&self, user: UserId) -> Result<u64>;
    /// Replaces all codes of a user. [`crate::Error::NotFound`] if the user does not exist.
    async fn replace(&self, user: UserId, codes: Vec<KeyDigest>, event: Event) -> Result<()>;
    /// Consumes a code, sets the user's password and signs the user out everywhere. Returns `false`
    /// if the user has no such code. Of several concurrent calls, exactly one succeeds.
    async fn redeem(
        &self,
        user: UserId,
        code: KeyDigest,
        password: PasswordHash,
        event: Event,
    ) -> Result<bool>;
    /// Records that the user has seen the notice about recovery codes.
    async fn dismiss(&self, user: UserId) -> Result<()>;
}

/// A recovery link to be stored.
#[derive(Clone, Debug)]
pub struct NewRecoveryLink {
    /// The SHA-256 of its secret.
    pub digest: KeyDigest,
    /// The user whose password the link resets.
    pub user: UserId,
    /// The expiry time.
    pub expires_at: DateTime<Utc>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// Stores digests of recovery links. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait RecoveryLinks: Send + Sync {
    /// Replaces the link of a user. The link becomes invalid if its issuer loses the right to
    /// create it. [`crate::Error::NotFound`] if the user does not exist.
    async fn issue(&self, link: NewRecoveryLink, event: Event) -> Result<()>;
    /// Returns the user whose password a link resets at `now`. Suspended users are not returned.
    async fn user_of(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<Option<User>>;
    /// Consumes a link, sets the user's password and signs the user out everywhere. Returns whether
    /// the link was valid at the time of the event. Of several concurrent calls, exactly one
    /// succeeds.
    async fn redeem(&self, digest: KeyDigest, password: PasswordHash, event: Event)
    -> Result<bool>;
}
