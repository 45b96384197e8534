//! The owner: the one person of a server that is not in multi-user mode, and the links by which a
//! server is set up.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::Result;
use crate::api_key::KeyDigest;
use crate::audit::Event;
use crate::user::{OpenSession, PasswordHash};

/// What becomes of the owner's API keys when the password changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnersKeys {
    /// The owner has changed it.
    Kept,
    /// Somebody else may have taken the owner's place.
    Ended,
}

/// A browser of the owner's that is signed in.
#[derive(Clone, Debug)]
pub struct NewOwnerSession {
    /// Of the token that the browser keeps.
    pub digest: KeyDigest,
    /// When it ends by itself.
    pub expires_at: DateTime<Utc>,
    /// When it was opened.
    pub created_at: DateTime<Utc>,
}

/// What lets whoever holds it set the server up, once.
#[derive(Clone, Debug)]
pub struct NewSetupLink {
    /// The SHA-256 of the token in the link.
    pub digest: KeyDigest,
    /// When it stops being valid.
    pub expires_at: DateTime<Utc>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// Stores the owner. Each method is one transaction.
#[async_trait]
pub trait Owner: Send + Sync {
    /// `None` until the server is set up.
    async fn password(&self) -> Result<Option<PasswordHash>>;
    /// Sets the password, ends the owner's sessions and withdraws setup links.
    async fn set_password(
        &self,
        password: PasswordHash,
        keys: OwnersKeys,
        event: Event,
    ) -> Result<()>;
    /// Opens a session if the password is still the one of `hash`; says whether it was.
    async fn open(
        &self,
        session: NewOwnerSession,
        hash: PasswordHash,
        event: Event,
    ) -> Result<bool>;
    /// Whether a session is open at `now`.
    async fn is_open(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<bool>;
    /// Sessions that are open at `now`, the newest first.
    async fn sessions(&self, now: DateTime<Utc>) -> Result<Vec<OpenSession>>;
    /// Ends one session. Says whether there was one.
    async fn close(&self, digest: KeyDigest, event: Event) -> Result<bool>;
}

/// Stores links to set the server up with. Each method is one transaction.
#[async_trait]
pub trait SetupLinks: Send + Sync {
    /// Adds a link beside those that are still good.
    async fn issue(&self, link: NewSetupLink, event: Event) -> Result<()>;
    /// Whether a setup link can be redeemed at `now`.
    async fn is_good(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<bool>;
    /// Takes every link away if `digest` is a good one, so that of any number of calls one gets
    /// `true`. The event is written then.
    async fn redeem_link(&self, digest: KeyDigest, event: Event) -> Result<bool>;
}
