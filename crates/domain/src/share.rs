//! Links that let people without an account read a conversation.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::api_key::KeyDigest;
use crate::audit::Event;
use crate::chat::Conversation;
use crate::{ChatId, Result, UserId};

/// A share link to be stored.
#[derive(Clone, Debug, PartialEq)]
pub struct NewShare {
    /// The conversation to show.
    pub conversation: Conversation,
    /// The SHA-256 of the token in the link.
    pub digest: KeyDigest,
    /// The last exchange to show.
    pub last: ChatId,
    /// The creation time.
    pub created_at: DateTime<Utc>,
    /// The expiry time.
    pub expires_at: DateTime<Utc>,
}

/// A stored share link.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// The id used in routes.
    pub id: i64,
    /// The conversation to show.
    pub conversation: Conversation,
    /// The last exchange to show. Later exchanges are not shared.
    pub last: ChatId,
    /// The creation time.
    pub created_at: DateTime<Utc>,
    /// The expiry time.
    pub expires_at: DateTime<Utc>,
}

/// Stores share links. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait Shares: Send + Sync {
    /// Stores a link. [`crate::Error::NotFound`] if the workspace, the thread or the user no longer
    /// exists.
    async fn create(&self, new: NewShare, event: Event) -> Result<Share>;
    /// Returns the links of a user, newest first, optionally of one conversation only.
    async fn of(&self, user: Option<UserId>, within: Option<&Conversation>) -> Result<Vec<Share>>;
    /// Returns the link with this digest if it is valid at `now` and its thread is not deleted.
    async fn by_digest(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<Option<Share>>;
    /// Deletes a link. Returns `false` if the user has no such link.
    async fn revoke(&self, id: i64, user: Option<UserId>, event: Event) -> Result<bool>;
}
