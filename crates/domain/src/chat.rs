//! Exchanges of question and answer, and the conversations they belong to.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::model::Usage;
use crate::{ChatId, Result, ThreadId, UserId, WorkspaceId};

/// The exchanges that follow one another: those equal in every field, including absent fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversation {
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The user who asked. Absent for programs and on a server without users.
    pub user: Option<UserId>,
    /// The thread, if the conversation is one.
    pub thread: Option<ThreadId>,
    /// The client's name for the conversation.
    pub session: Option<String>,
}

/// An exchange to be stored. The service that writes the answer defines its stored form.
#[derive(Clone, Debug)]
pub struct NewChat {
    /// The conversation that the exchange continues.
    pub conversation: Conversation,
    /// The question.
    pub prompt: String,
    /// The stored answer: JSON text whose layout `services::record` defines.
    pub response: String,
    /// The images referenced by the stored answer, in its order.
    pub images: Vec<String>,
    /// Whether later answers may see the exchange.
    pub include: bool,
    /// The time of the answer.
    pub created_at: DateTime<Utc>,
    /// The tokens of the answer: zero if no model was called, absent if the model did not report
    /// them.
    pub usage: Option<Usage>,
}

/// A stored exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Chat {
    /// The id used in routes. Later exchanges have larger ids.
    pub id: ChatId,
    /// The conversation the exchange belongs to.
    pub conversation: Conversation,
    /// The question.
    pub prompt: String,
    /// The stored answer, without the images it references. See [`NewChat::response`].
    pub response: String,
    /// The images referenced by the stored answer, in its order. Empty unless requested.
    pub images: Vec<String>,
    /// Whether later answers may see the exchange.
    pub include: bool,
    /// Thumbs up (`true`) or down.
    pub feedback: Option<bool>,
    /// The time of the answer.
    pub created_at: DateTime<Utc>,
    /// The time of the last change, such as feedback or an edit.
    pub updated_at: DateTime<Utc>,
}

/// A set of exchanges shown together, from all participants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChatScope {
    /// Included exchanges of a workspace that belong to no thread or session.
    Workspace(WorkspaceId),
    /// Exchanges of a session without a user, including those hidden from later answers.
    Session(WorkspaceId, String),
    /// Included exchanges of a thread that belong to no session.
    Thread(ThreadId),
}

/// A range of exchanges and its order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChatRange {
    /// Whether the newest comes first.
    pub newest_first: bool,
    /// The number of exchanges to skip.
    pub offset: u32,
    /// The most exchanges to return.
    pub limit: u32,
}

/// The maximum size of exchanges loaded at once, in bytes. Loading ends with the exchange that
/// exceeds it.
pub const MAX_BYTES: usize = 16 << 20;

/// Exchanges up to a size limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounded<T> {
    /// The exchanges, in the requested order.
    pub items: Vec<T>,
    /// Whether the size limit left some requested exchanges out.
    pub is_cut: bool,
}

/// Separates the images from a stored answer and returns the rest and the images. Returns `None` if
/// the answer holds no images.
pub type ImageSplitter = fn(&str) -> Option<(String, Vec<String>)>;

/// Stores exchanges. Each method is one transaction.
#[async_trait]
pub trait Chats: Send + Sync {
    /// Stores an exchange and returns its id. [`crate::Error::NotFound`] if the workspace or the
    /// thread no longer exists.
    async fn append(&self, new: NewChat, event: Event) -> Result<ChatId>;
    /// Returns the newest `limit` included exchanges of a conversation, oldest first and without
    /// images. Returns fewer if they exceed [`MAX_BYTES`].
    async fn history(&self, of: &Conversation, limit: u32) -> Result<Vec<Chat>>;
    /// Returns exchanges with their images, up to [`MAX_BYTES`].
    async fn history_page(&self, of: &ChatScope, part: ChatRange) -> Result<Bounded<Chat>>;
    /// Returns the images of an exchange.
    async fn images(&self, of: ChatId) -> Result<Vec<String>>;
    /// Hides the exchanges of a conversation from later answers and returns their number. For a
    /// thread without a user, hides the exchanges of all participants.
    async fn reset(&self, of: &Conversation, event: Event) -> Result<u64>;
}
