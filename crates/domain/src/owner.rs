//! The owner, who is the only person of a server without users, and the links that set a server up.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;
use crate::api_key::KeyDigest;
use crate::audit::Event;
use crate::user::{OpenSession, PasswordHash};

/// What happens to the owner's API keys when the password changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnersKeys {
    /// The owner changed the password: the keys stay valid.
    Kept,
    /// Another person may have become the owner: the keys are revoked.
    Ended,
}

/// A session of the owner, to be stored.
#[derive(Clone, Debug)]
pub struct NewOwnerSession {
    /// The SHA-256 of the token in the browser.
    pub digest: KeyDigest,
    /// The expiry time.
    pub expires_at: DateTime<Utc>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// A setup link to be stored. Its holder can set the server up, once.
#[derive(Clone, Debug)]
pub struct NewSetupLink {
    /// The SHA-256 of the token in the link.
    pub digest: KeyDigest,
    /// The expiry time.
    pub expires_at: DateTime<Utc>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
}

/// Stores the owner. Each method is one transaction.
#[async_trait]
pub trait Owner: Send + Sync {
    /// Returns the password hash. Returns `None` until the server is set up.
    async fn password(&self) -> Result<Option<PasswordHash>>;
    /// Sets the password, ends the owner's sessions and deletes setup links.
    async fn set_password(
        &self,
        password: PasswordHash,
        keys: OwnersKeys,
        event: Event,
    ) -> Result<()>;
    /// Stores a session if the password hash is still `hash`. Returns whether it was stored.
    async fn open(
        &self,
        session: NewOwnerSession,
        hash: PasswordHash,
        event: Event,
    ) -> Result<bool>;
    /// Returns whether a session is open at `now`.
    async fn is_open(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<bool>;
    /// Returns the sessions open at `now`, newest first.
    async fn sessions(&self, now: DateTime<Utc>) -> Result<Vec<OpenSession>>;
    /// Ends a session. Returns `false` if it does not exist.
    async fn close(&self, digest: KeyDigest, event: Event) -> Result<bool>;
}

/// Stores setup links. Each method is one transaction.
#[async_trait]
pub trait SetupLinks: Send + Sync {
    /// Adds a link. Existing links stay valid.
    async fn issue(&self, link: NewSetupLink, event: Event) -> Result<()>;
    /// Returns whether a link is valid at `now`.
    async fn is_good(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<bool>;
    /// Deletes every link if `digest` belongs to a valid one, and writes the event. Of several
    /// concurrent calls, exactly one returns `true`.
    async fn redeem_link(&self, digest: KeyDigest, event: Event) -> Result<bool>;
}
