//! Exchanges of question and answer, and the conversations they belong to.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::{ChatId, Result, ThreadId, UserId, WorkspaceId};

/// Which exchanges follow one another: those that agree in every field, absent ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    pub workspace: WorkspaceId,
    pub user: Option<UserId>,
    pub thread: Option<ThreadId>,
    /// A client's own name for the conversation.
    pub session: Option<String>,
}

/// The stored form of an answer is the business of the service that writes it; here it is text.
#[derive(Clone, Debug)]
pub struct NewChat {
    pub conversation: Conversation,
    pub prompt: String,
    pub response: String,
    /// Whether later answers may see it.
    pub include: bool,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Chat {
    pub id: ChatId,
    pub conversation: Conversation,
    pub prompt: String,
    pub response: String,
    pub include: bool,
    /// Thumbs up or down.
    pub feedback: Option<bool>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// Where exchanges are kept. Each method is one transaction.
#[async_trait]
pub trait Chats: Send + Sync {
    async fn append(&self, new: NewChat, event: Event) -> Result<ChatId>;
    /// The newest `limit` included exchanges of a conversation, oldest first.
    async fn history(&self, of: &Conversation, limit: u32) -> Result<Vec<Chat>>;
}
