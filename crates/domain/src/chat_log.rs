//! The log of all exchanges, for those who oversee the server, and what is exported of it.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::chat::{Bounded, Chat, ImageSplitter, MOST_BYTES};
use crate::{ChatId, Result, ThreadId, UserId, WorkspaceId};

/// Which exchanges are meant. Absent parts do not restrict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatFilter {
    /// Only those of this workspace.
    pub workspace: Option<WorkspaceId>,
    /// Only those of this user.
    pub user: Option<UserId>,
    /// Only those of this thread.
    pub thread: Option<ThreadId>,
    /// Only those of this session, by the client's name for it.
    pub session: Option<String>,
    /// Not before.
    pub from: Option<DateTime<Utc>>,
    /// Before.
    pub to: Option<DateTime<Utc>>,
    /// Thumbs up, or down.
    pub feedback: Option<bool>,
    /// Older than this exchange.
    pub before: Option<ChatId>,
}

/// An exchange with the names of what it belongs to.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedChat {
    /// The exchange.
    pub chat: Chat,
    /// Absent when the workspace has gone.
    pub workspace: Option<ChatWorkspace>,
    /// Absent when it was asked by no user, or by one who has gone.
    pub username: Option<String>,
}

impl LoggedChat {
    /// The user that existing clients show for exchanges without one: programs keep conversations
    /// apart by sessions, so whoever has one is a program.
    pub fn asker(&self) -> &str {
        let nobody = match self.chat.conversation.session {
            Some(_) => "API",
            None => "unknown user",
        };
        self.username.as_deref().unwrap_or(nobody)
    }

    /// The workspace name that existing clients show, also for a deleted workspace.
    pub fn workspace_name(&self) -> &str {
        self.workspace.as_ref().map_or("deleted workspace", |workspace| &workspace.name)
    }
}

/// The workspace of an exchange in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatWorkspace {
    /// Its name now.
    pub name: String,
    /// Its slug now.
    pub slug: String,
    /// Its instructions, absent where it has the default ones.
    pub prompt: Option<String>,
}

/// In which order an export reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportOrder {
    /// Oldest first.
    ByTime,
    /// The exchanges of a workspace together, workspaces by id, oldest first in each.
    ByWorkspace,
    /// The exchanges of a conversation together (workspace, thread, user, session), oldest first.
    ByConversation,
}

/// The position of an export: after this exchange in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportCursor {
    /// The newest exchange of the conversation.
    pub last: Chat,
}

/// How much is read at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// How many exchanges the conversation has.
    pub exchanges: u32,
    /// Bytes of questions, answers and images that are loaded, after which no further exchange is.
    pub bytes: usize,
    /// Whether images are loaded.
    pub images: bool,
}

impl Portion {
    /// So many exchanges without their images, up to [`MOST_BYTES`].
    pub fn of(exchanges: u32) -> Self {
        Self { exchanges, bytes: MOST_BYTES, images: false }
    }
}

/// The result of a step of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletedChats {
    /// How many exchanges there are.
    pub chats: u64,
    /// The last that was removed, after which the next step goes on.
    pub last: Option<ChatId>,
}

/// Says how the audit log tells of a step that removed so many exchanges.
pub type DeletionEvent = Box<dyn FnOnce(u64) -> Event + Send>;

/// The log of exchanges. Ids are in the order of time: the newest is the one with the largest.
#[async_trait]
pub trait ChatLog: Send + Sync {
    /// Newest first: exchanges from `offset` on of those the filter admits. Deep pages cost about what
    /// the first does.
    async fn page(
        &self,
        filter: &ChatFilter,
        offset: u64,
        at_most: Portion,
    ) -> Result<Bounded<LoggedChat>>;
    /// The next exchanges of an export, from its beginning or after `cursor`; none at its end. Reads
    /// by key, so that memory and time for a page do not grow with what was read before.
    async fn export(
        &self,
        filter: &ChatFilter,
        order: ExportOrder,
        cursor: Option<&ExportCursor>,
        at_most: Portion,
    ) -> Result<Vec<LoggedChat>>;
    /// A step in moving the images that earlier versions stored within answers. Says whether more
    /// steps are needed.
    async fn move_images(&self, split: ImageSplitter) -> Result<bool>;
    /// Removes an exchange; says whether there was one.
    async fn delete(&self, id: ChatId, event: Event) -> Result<bool>;
    /// A step of a removal: the oldest `at_most` (500 at most) of those exchanges after `after` that
    /// the filter admits. Its event is written unless there were none.
    async fn clear(
        &self,
        filter: &ChatFilter,
        after: Option<ChatId>,
        at_most: u32,
        told: DeletionEvent,
    ) -> Result<DeletedChats>;
}
