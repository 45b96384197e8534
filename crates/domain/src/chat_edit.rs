//! Reading, changing, rating and deleting single exchanges, and listing sessions.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::chat::Chat;
use crate::{ChatId, Result, WorkspaceId};

/// Changes to an exchange. Absent fields stay unchanged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatChange {
    /// The new question.
    pub prompt: Option<String>,
    /// The new stored answer.
    pub response: Option<String>,
    /// The new feedback: thumbs up, thumbs down or none.
    pub feedback: Option<Option<bool>>,
}

/// A session: a conversation named by a client.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatSession {
    /// The client's name for the session.
    pub name: String,
    /// The number of exchanges, including those hidden from later answers.
    pub chats: u64,
    /// The time of the first answer.
    pub first_at: DateTime<Utc>,
    /// The time of the last answer.
    pub last_at: DateTime<Utc>,
}

/// Edits single exchanges of a workspace. Each method is one transaction, which writes the event if
/// it changes anything. Exchanges of other workspaces are not found.
#[async_trait]
pub trait ChatEdits: Send + Sync {
    /// Returns an exchange of any user of the workspace, without its images.
    async fn chat(&self, workspace: WorkspaceId, id: ChatId) -> Result<Option<Chat>>;
    /// Returns the newest `limit` included exchanges of a conversation up to and including `chat`,
    /// oldest first and without images. Returns fewer if they exceed [`crate::chat::MAX_BYTES`].
    async fn chats_up_to(&self, chat: &Chat, limit: u32) -> Result<Vec<Chat>>;
    /// Changes an exchange. Returns `false` if it does not exist.
    async fn change_chat(
        &self,
        workspace: WorkspaceId,
        id: ChatId,
        change: ChatChange,
        event: Event,
    ) -> Result<bool>;
    /// Removes an exchange. Returns `false` if it does not exist.
    async fn remove_chat(&self, workspace: WorkspaceId, id: ChatId, event: Event) -> Result<bool>;
    /// Returns `limit` sessions outside threads by name, starting after `after` or at the first.
    async fn sessions(
        &self,
        workspace: WorkspaceId,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<ChatSession>>;
}
