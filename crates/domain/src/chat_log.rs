//! The log of all exchanges, for administrators and for exports.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::chat::{Bounded, Chat, ImageSplitter, MAX_BYTES};
use crate::{ChatId, Result, ThreadId, UserId, WorkspaceId};

/// A filter for exchanges. Absent fields do not restrict.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatFilter {
    /// Only exchanges of this workspace.
    pub workspace: Option<WorkspaceId>,
    /// Only exchanges of this user.
    pub user: Option<UserId>,
    /// Only exchanges of this thread.
    pub thread: Option<ThreadId>,
    /// Only exchanges of this session, by the client's name for it.
    pub session: Option<String>,
    /// Only exchanges at or after this time.
    pub from: Option<DateTime<Utc>>,
    /// Only exchanges before this time.
    pub to: Option<DateTime<Utc>>,
    /// Only exchanges with this feedback.
    pub feedback: Option<bool>,
    /// Only exchanges with smaller ids.
    pub before: Option<ChatId>,
}

/// An exchange with the names of its workspace and user.
#[derive(Clone, Debug, PartialEq)]
pub struct LoggedChat {
    /// The exchange.
    pub chat: Chat,
    /// The workspace. Absent if it was deleted.
    pub workspace: Option<ChatWorkspace>,
    /// The name of the user. Absent if no user asked or the user was deleted.
    pub username: Option<String>,
}

impl LoggedChat {
    /// Returns the user name that existing clients show. Exchanges without a user come from a
    /// program if they have a session.
    pub fn author(&self) -> &str {
        let anonymous = match self.chat.conversation.session {
            Some(_) => "API",
            None => "unknown user",
        };
        self.username.as_deref().unwrap_or(anonymous)
    }

    /// Returns the workspace name that existing clients show, also for a deleted workspace.
    pub fn workspace_name(&self) -> &str {
        self.workspace.as_ref().map_or("deleted workspace", |workspace| &workspace.name)
    }
}

/// The workspace of an exchange in the log.
#[derive(Clone, Debug, PartialEq)]
pub struct ChatWorkspace {
    /// The current name.
    pub name: String,
    /// The current slug.
    pub slug: String,
    /// The current instructions. Absent if the workspace uses the default ones.
    pub prompt: Option<String>,
}

/// The order of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportOrder {
    /// Oldest first.
    ByTime,
    /// By workspace id, and oldest first within a workspace.
    ByWorkspace,
    /// By conversation (workspace, thread, user, session), and oldest first within it.
    ByConversation,
}

/// The position of an export in its order.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportCursor {
    /// The last exchange that was returned.
    pub last: Chat,
}

/// Limits for one read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Portion {
    /// The maximum number of exchanges.
    pub exchanges: u32,
    /// The size of questions, answers and images, in bytes, after which no further exchange is
    /// loaded.
    pub bytes: usize,
    /// Whether to load images.
    pub images: bool,
}

impl Portion {
    /// Returns limits of `exchanges` exchanges and [`MAX_BYTES`], without images.
    pub fn of(exchanges: u32) -> Self {
        Self { exchanges, bytes: MAX_BYTES, images: false }
    }
}

/// The result of one step of a deletion.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeletedChats {
    /// The number of exchanges deleted.
    pub chats: u64,
    /// The last exchange deleted. The next step continues after it.
    pub last: Option<ChatId>,
}

/// Creates the audit event of a step from the number of exchanges it deleted.
pub type DeletionEvent = Box<dyn FnOnce(u64) -> Event + Send>;

/// The log of exchanges. Ids are chronological: the newest exchange has the largest id.
#[async_trait]
pub trait ChatLog: Send + Sync {
    /// Returns the exchanges that match the filter, newest first, after skipping `offset`. The cost
    /// of a page does not depend on its depth.
    async fn page(
        &self,
        filter: &ChatFilter,
        offset: u64,
        at_most: Portion,
    ) -> Result<Bounded<LoggedChat>>;
    /// Returns the next exchanges of an export: from the start, or after `cursor`. Returns none at
    /// the end. Reads by key, so time and memory per page stay constant.
    async fn export(
        &self,
        filter: &ChatFilter,
        order: ExportOrder,
        cursor: Option<&ExportCursor>,
        at_most: Portion,
    ) -> Result<Vec<LoggedChat>>;
    /// Runs one step of moving images that earlier versions stored inside answers. Returns whether
    /// more steps are needed.
    async fn move_images(&self, split: ImageSplitter) -> Result<bool>;
    /// Deletes an exchange. Returns `false` if it does not exist.
    async fn delete(&self, id: ChatId, event: Event) -> Result<bool>;
    /// Runs one step of a deletion: deletes the oldest `at_most` (up to 500) exchanges after
    /// `after` that match the filter. Writes the event unless nothing was deleted.
    async fn clear(
        &self,
        filter: &ChatFilter,
        after: Option<ChatId>,
        at_most: u32,
        event: DeletionEvent,
    ) -> Result<DeletedChats>;
}
