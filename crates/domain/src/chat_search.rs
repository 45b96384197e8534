//! Full-text search in a user's own conversations.
use async_trait::async_trait;

use crate::chat::Chat;
use crate::{Result, Slug, UserId, WorkspaceId};

/// A search of a user's exchanges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatSearchQuery {
    /// The user whose exchanges are searched. Absent searches exchanges without a user.
    pub user: Option<UserId>,
    /// The workspaces the user has access to.
    pub workspaces: Vec<WorkspaceId>,
    /// The words to find. Each must occur in the question or the answer, as a word or as the
    /// beginning of one.
    pub text: String,
    /// The number of hits to skip.
    pub offset: u32,
    /// The maximum number of hits.
    pub limit: u32,
}

/// An exchange that matches, and its thread.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundChat {
    /// The matching exchange.
    pub chat: Chat,
    /// The slug and name of its thread, if it belongs to one.
    pub thread: Option<(Slug, String)>,
}

/// A thread that matches, and its workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundThread {
    /// The workspace of the thread.
    pub workspace: WorkspaceId,
    /// The slug of the thread.
    pub slug: Slug,
    /// The name of the thread.
    pub name: String,
    /// The time of its last answer.
    pub updated_at: chrono::DateTime<chrono::Utc>,
}

/// Searches exchanges and threads. Each method is one transaction.
#[async_trait]
pub trait ChatSearch: Send + Sync {
    /// Returns matching included exchanges outside sessions, newest first.
    async fn find(&self, query: &ChatSearchQuery) -> Result<Vec<FoundChat>>;
    /// Returns the user's threads whose names contain the text, ignoring case, most recently used
    /// first.
    async fn threads(&self, query: &ChatSearchQuery) -> Result<Vec<FoundThread>>;
}
