//! Exchanges one by one: read, changed, rated, removed; and the sessions they form.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::chat::Chat;
use crate::{ChatId, Result, WorkspaceId};

/// Changes to an exchange; absent parts do not change.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatChange {
    /// The new question; stays when absent.
    pub prompt: Option<String>,
    /// The stored form of the answer.
    pub response: Option<String>,
    /// Thumbs up, thumbs down, or neither any more.
    pub feedback: Option<Option<bool>>,
}

/// A conversation that a client has named.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatSession {
    /// The name of the thread, or of the workspace for its own conversation.
    pub name: String,
    /// How many exchanges it has, also those that later answers may not see.
    pub chats: u64,
    /// When its first exchange was answered.
    pub first_at: DateTime<Utc>,
    /// When its last exchange was answered.
    pub last_at: DateTime<Utc>,
}

/// Exchanges of a workspace, one by one. Each method is one transaction, which writes the event if
/// it changes anything. An exchange of another workspace is as if there were none.
#[async_trait]
pub trait ChatEdits: Send + Sync {
    /// An exchange of a workspace, whoever asked, without its images.
    async fn chat(&self, workspace: WorkspaceId, id: ChatId) -> Result<Option<Chat>>;
    /// The included exchanges of a conversation up to and including `chat`: the newest `limit`, oldest
    /// first, without images; fewer where they exceed [`crate::chat::MOST_BYTES`].
    async fn chats_up_to(&self, chat: &Chat, limit: u32) -> Result<Vec<Chat>>;
    /// Says whether there was such an exchange.
    async fn change_chat(
        &self,
        workspace: WorkspaceId,
        id: ChatId,
        change: ChatChange,
        event: Event,
    ) -> Result<bool>;
    /// Says whether there was such an exchange.
    async fn remove_chat(&self, workspace: WorkspaceId, id: ChatId, event: Event) -> Result<bool>;
    /// Sessions outside threads, by name: `limit` of them above `after`, or from the first.
    async fn sessions(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ChatSession>>;
}
