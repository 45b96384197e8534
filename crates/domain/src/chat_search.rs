//! Finding one's own conversations again by their words.
use async_trait::async_trait;

use crate::chat::Chat;
use crate::{Result, Slug, UserId, WorkspaceId};

/// A search of a user's exchanges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatSearchQuery {
    pub user: Option<UserId>,
    /// The workspaces the user may enter.
    pub workspaces: Vec<WorkspaceId>,
    /// Every word of it must be in the question or in the answer, or begin a word there.
    pub text: String,
    pub offset: u32,
    pub limit: u32,
}

/// An exchange that was found, and the thread it is in.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundChat {
    pub chat: Chat,
    pub thread: Option<(Slug, String)>,
}

/// A thread with its workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundThread {
    pub workspace: WorkspaceId,
    pub slug: Slug,
    pub name: String,
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
