//! Links by which people without an account read a conversation.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::api_key::KeyDigest;
use crate::audit::Event;
use crate::chat::Conversation;
use crate::{ChatId, Result, UserId};

/// A link that is to be made.
#[derive(Clone, Debug, PartialEq)]
pub struct NewShare {
    /// The conversation that it shows.
    pub conversation: Conversation,
    /// The SHA-256 of the token in the link.
    pub digest: KeyDigest,
    /// The last exchange that it shows.
    pub last: ChatId,
    /// When it is made.
    pub created_at: DateTime<Utc>,
    /// When it stops showing anything.
    pub expires_at: DateTime<Utc>,
}

/// A link as its owner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct Share {
    /// Names it in routes.
    pub id: i64,
    /// The conversation that it shows.
    pub conversation: Conversation,
    /// The newest exchange it shows. What came later is not shared.
    pub last: ChatId,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it stops showing anything.
    pub expires_at: DateTime<Utc>,
}

/// Stores shares. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait Shares: Send + Sync {
    /// [`crate::Error::NotFound`] when the workspace, the thread or the user has gone.
    async fn create(&self, new: NewShare, event: Event) -> Result<Share>;
    /// The shares of a user, newest first; those of a conversation only, if one is named.
    async fn of(&self, user: Option<UserId>, within: Option<&Conversation>) -> Result<Vec<Share>>;
    /// The share of a link that still works, if its thread has not been deleted.
    async fn by_digest(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<Option<Share>>;
    /// Says whether the user had such a share.
    async fn revoke(&self, id: i64, user: Option<UserId>, event: Event) -> Result<bool>;
}
