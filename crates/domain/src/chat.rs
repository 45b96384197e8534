//! Exchanges of question and answer, and the conversations they belong to.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::model::Usage;
use crate::{ChatId, Result, ThreadId, UserId, WorkspaceId};

/// Which exchanges follow one another: those that agree in every field, absent ones included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The workspace that was asked about.
    pub workspace: WorkspaceId,
    /// The user who asked; absent for programs and on a server without users.
    pub user: Option<UserId>,
    /// The thread, where the conversation is one.
    pub thread: Option<ThreadId>,
    /// A client's own name for the conversation.
    pub session: Option<String>,
}

/// The stored form of an answer is the business of the service that writes it; here it is text.
#[derive(Clone, Debug)]
pub struct NewChat {
    /// The conversation it continues.
    pub conversation: Conversation,
    /// The question as it was asked.
    pub prompt: String,
    /// The stored answer: JSON text whose layout `services::record` defines.
    pub response: String,
    /// The contents of the images that the stored answer names, in its order.
    pub images: Vec<String>,
    /// Whether later answers may see it.
    pub include: bool,
    /// When the question was answered.
    pub created_at: DateTime<Utc>,
    /// The tokens of the answer: zero if no model was called, absent if the model did not report
    /// them.
    pub usage: Option<Usage>,
}

/// A stored exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Chat {
    /// Names it in routes. Later exchanges have larger ids.
    pub id: ChatId,
    /// The conversation it belongs to.
    pub conversation: Conversation,
    /// The question as it was asked.
    pub prompt: String,
    /// As [`NewChat::response`], without the images it names.
    pub response: String,
    /// The contents of the images that the stored answer names, in its order. Empty unless they were
    /// asked for.
    pub images: Vec<String>,
    /// Whether later answers may see it.
    pub include: bool,
    /// Thumbs up or down.
    pub feedback: Option<bool>,
    /// When the question was answered.
    pub created_at: DateTime<Utc>,
    /// When it was last changed, as by a reaction or an edit.
    pub updated_at: DateTime<Utc>,
}

/// Exchanges that are shown together, of everyone who took part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatScope {
    /// Included exchanges of a workspace without a thread and session.
    Workspace(WorkspaceId),
    /// Exchanges of a session without a user, including those that later answers do not see.
    Session(WorkspaceId, String),
    /// Included exchanges of a thread without a session.
    Thread(ThreadId),
}

/// Which part of the exchanges shown, and in which order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatRange {
    /// Whether the newest comes first.
    pub newest_first: bool,
    /// How many are passed over.
    pub offset: u32,
    /// The most exchanges to return.
    pub limit: u32,
}

/// The most bytes of exchanges that are loaded at once. The exchange that exceeds it is the last.
pub const MOST_BYTES: usize = 16 << 20;

/// Exchanges up to a limit in bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounded<T> {
    /// In the order that was asked for.
    pub items: Vec<T>,
    /// Whether the limit left some out that were asked for.
    pub is_cut: bool,
}

/// Takes the images out of a stored answer: the rest of it, and their contents. `None` when there
/// are none to take.
pub type ImageSplitter = fn(&str) -> Option<(String, Vec<String>)>;

/// Stores exchanges. Each method is one transaction.
#[async_trait]
pub trait Chats: Send + Sync {
    /// Stores an exchange and returns its id. [`crate::Error::NotFound`] when the workspace or the
    /// thread is gone.
    async fn append(&self, new: NewChat, event: Event) -> Result<ChatId>;
    /// The newest `limit` included exchanges of a conversation, oldest first, without images; fewer
    /// where they exceed [`MOST_BYTES`].
    async fn history(&self, of: &Conversation, limit: u32) -> Result<Vec<Chat>>;
    /// Exchanges with their images, up to [`MOST_BYTES`].
    async fn history_page(&self, of: &ChatScope, part: ChatRange) -> Result<Bounded<Chat>>;
    /// The images of an exchange.
    async fn images(&self, of: ChatId) -> Result<Vec<String>>;
    /// Hides exchanges from later answers, and says how many: those of the conversation; where it
    /// has a thread but no user, those of everyone in the thread.
    async fn reset(&self, of: &Conversation, event: Event) -> Result<u64>;
}
