//! Deleted conversations and exchanges that their owner can restore for a while.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::chat::Conversation;
use crate::{ChatId, Result, Slug, ThreadId, UserId, WorkspaceId};

/// The object of a deletion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletable {
    /// A thread with its exchanges.
    Thread(ThreadId),
    /// One exchange of a workspace.
    Exchange(WorkspaceId, ChatId),
    /// Every exchange of a conversation that later answers may see.
    Conversation(Conversation),
}

/// The kind of a deleted object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeletionKind {
    /// A thread.
    Thread,
    /// One exchange.
    Exchange,
    /// The exchanges of a workspace that belong to no thread, of one user.
    Conversation,
}

impl DeletionKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Thread, Self::Exchange, Self::Conversation];

    /// The word in routes and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Thread => "thread",
            Self::Exchange => "exchange",
            Self::Conversation => "conversation",
        }
    }
}

/// A deleted object.
#[derive(Clone, Debug, PartialEq)]
pub struct Deletion {
    /// Names it in routes.
    pub id: i64,
    /// The kind of the object.
    pub kind: DeletionKind,
    /// The workspace it belongs to.
    pub workspace: WorkspaceId,
    /// The thread it is, or was in.
    pub thread: Option<Slug>,
    /// The name of the thread, or the first question.
    pub name: String,
    /// When it was deleted. It is gone for good some days later.
    pub deleted_at: DateTime<Utc>,
}

/// Stores deleted conversations. Each method is one transaction, which writes the event if it
/// changes anything. What waits is hidden from everything but the log of all exchanges.
#[async_trait]
pub trait Deletions: Send + Sync {
    /// The number of the deletion; `None` when there was nothing to delete. `user` may take it back.
    async fn delete(
        &self,
        what: &Deletable,
        user: Option<UserId>,
        event: Event,
    ) -> Result<Option<i64>>;
    /// A user's deletions, the newest `limit`, newest first.
    async fn of(&self, user: Option<UserId>, limit: u32) -> Result<Vec<Deletion>>;
    /// Takes a user's deletion back; `None` when there is no such one.
    async fn restore(
        &self,
        id: i64,
        user: Option<UserId>,
        event: Event,
    ) -> Result<Option<Deletion>>;
    /// Removes for good what was deleted before `before`, and says how many deletions that were.
    async fn purge(&self, before: DateTime<Utc>, event: Event) -> Result<u64>;
}
