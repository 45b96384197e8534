//! Finding one's own conversations again by their words.
use async_trait::async_trait;

use crate::chat::Chat;
use crate::{Result, Slug, UserId, WorkspaceId};

/// A search of a user's exchanges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatSearchQuery {
    /// Only the exchanges of this user; those without a user when absent.
    pub user: Option<UserId>,
    /// The workspaces the user may enter.
    pub workspaces: Vec<WorkspaceId>,
    /// Every word of it must be in the question or in the answer, or begin a word there.
    pub text: String,
    /// How many hits to pass over.
    pub offset: u32,
    /// The most hits to return.
    pub limit: u32,
}

/// An exchange that was found, and the thread it is in.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundChat {
    /// The exchange that holds the words.
    pub chat: Chat,
    /// The slug and the name of its thread, if it belongs to one.
    pub thread: Option<(Slug, String)>,
}

/// A thread with its workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundThread {
    /// The workspace of the conversation.
    pub workspace: WorkspaceId,
    /// The slug of the thread.
    pub slug: Slug,
    /// The name of the thread.
    pub name: String,
    /// When its last exchange was answered.
    pub updated_at: chrono::DateTime<chrono::Utc>,
}

/// Searches exchanges and threads. Each method is one transaction.
#[async_trait]
pub trait ChatSearch: Send + Sync {
    /// Included exchanges outside sessions, newest first.
    async fn find(&self, query: &ChatSearchQuery) -> Result<Vec<FoundChat>>;
    /// A user's threads whose names hold a text in any case, those used last first.
    async fn threads(&self, query: &ChatSearchQuery) -> Result<Vec<FoundThread>>;
}
