//! Recovery codes: secrets that let people who forgot their password set a new one.
use async_trait::async_trait;

use crate::api_key::KeyDigest;
use crate::audit::Event;
use crate::user::PasswordHash;
use crate::{Result, UserId};

/// Where recovery codes are kept, as digests. Each method is one transaction, which also writes the event.
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
}
