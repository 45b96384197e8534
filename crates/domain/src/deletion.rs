//! Deleted conversations and exchanges that can be restored for a limited time.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::chat::Conversation;
use crate::{ChatId, Result, Slug, ThreadId, UserId, WorkspaceId};

/// What to delete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletable {
    /// A thread with its exchanges.
    Thread(ThreadId),
    /// One exchange of a workspace.
    Exchange(WorkspaceId, ChatId),
    /// Every exchange of a conversation that is visible to later answers.
    Conversation(Conversation),
}

/// The kind of a deleted item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionKind {
    /// A thread.
    Thread,
    /// One exchange.
    Exchange,
    /// A user's exchanges of a workspace outside threads.
    Conversation,
}

impl DeletionKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Thread, Self::Exchange, Self::Conversation];

    /// Returns the name used in routes and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Thread => "thread",
            Self::Exchange => "exchange",
            Self::Conversation => "conversation",
        }
    }
}

/// A deleted item that can still be restored.
#[derive(Clone, Debug, PartialEq)]
pub struct Deletion {
    /// The id used in routes.
    pub id: i64,
    /// The kind of the item.
    pub kind: DeletionKind,
    /// The workspace of the item.
    pub workspace: WorkspaceId,
    /// The thread that was deleted or that held the exchange.
    pub thread: Option<Slug>,
    /// The name of the thread, or the first question.
    pub name: String,
    /// The time of deletion. The item is purged some days later.
    pub deleted_at: DateTime<Utc>,
}

/// Stores deleted conversations. Each method is one transaction, which writes the event if it
/// changes anything. Deleted items are hidden everywhere except in the log of all exchanges.
#[async_trait]
pub trait Deletions: Send + Sync {
    /// Deletes an item and returns the id of the deletion, which `user` may restore. Returns `None`
    /// if there is nothing to delete.
    async fn delete(
        &self,
        what: &Deletable,
        user: Option<UserId>,
        event: Event,
    ) -> Result<Option<i64>>;
    /// Returns the newest `limit` deletions of a user, newest first.
    async fn of(&self, user: Option<UserId>, limit: u32) -> Result<Vec<Deletion>>;
    /// Restores a user's deletion. Returns `None` if it does not exist.
    async fn restore(
        &self,
        id: i64,
        user: Option<UserId>,
        event: Event,
    ) -> Result<Option<Deletion>>;
    /// Permanently removes items deleted before `before` and returns the number of deletions.
    async fn purge(&self, before: DateTime<Utc>, event: Event) -> Result<u64>;
}
