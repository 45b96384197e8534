//! Threads: conversations of a workspace that have a name.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::{Result, Slug, ThreadId, UserId, WorkspaceId};

/// A named conversation in a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    /// Names it in the database.
    pub id: ThreadId,
    /// Names one thread of all workspaces.
    pub slug: Slug,
    /// Its display name.
    pub name: String,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Whose it is, if it was started for someone.
    pub user: Option<UserId>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it was last renamed.
    pub updated_at: DateTime<Utc>,
    /// When its owner archived it; absent for threads in use.
    pub archived_at: Option<DateTime<Utc>>,
}

/// A thread that is to be made.
#[derive(Clone, Debug)]
pub struct NewThread {
    /// Names it in routes; unique on the server.
    pub slug: Slug,
    /// Its display name.
    pub name: String,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// Whose it is; absent for programs and on a server without users.
    pub user: Option<UserId>,
    /// When it is made.
    pub created_at: DateTime<Utc>,
}

/// A part of a user's threads.
#[derive(Clone, Debug, Default)]
pub struct ThreadFilter {
    /// Whether to return archived threads instead of those in use.
    pub archived: bool,
    /// A part of the names, as in [`Threads::page`].
    pub name: String,
    /// Only threads with lower ids.
    pub before: Option<ThreadId>,
    /// The most threads to return.
    pub limit: u32,
}

/// Stores threads. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait Threads: Send + Sync {
    /// [`crate::Error::AlreadyExists`] when the slug is taken, in whichever workspace;
    /// [`crate::Error::NotFound`] when there is no such workspace or user.
    async fn create(&self, new: NewThread, event: Event) -> Result<Thread>;
    /// The thread of a workspace that a slug names.
    async fn by_slug(&self, workspace: WorkspaceId, slug: &str) -> Result<Option<Thread>>;
    /// Threads of all workspaces, by id.
    async fn all(&self) -> Result<Vec<Thread>>;
    /// Threads of a workspace, by id: `limit` of them above `after`, or from the first. Their names
    /// hold `name`, compared as [`crate::document_list::comparable`] has it; every name holds an empty one.
    async fn page(
        &self,
        workspace: WorkspaceId,
        name: &str,
        after: Option<ThreadId>,
        limit: u32,
    ) -> Result<Vec<Thread>>;
    /// Returns a user's threads of a workspace, or those without an owner, newest first.
    async fn latest(
        &self,
        workspace: WorkspaceId,
        user: Option<UserId>,
        query: &ThreadFilter,
    ) -> Result<Vec<Thread>>;
    /// Archives threads, or takes them out of the archive. Returns how many changed; the event is
    /// written unless none did.
    async fn archive(&self, ids: &[ThreadId], is_archived: bool, event: Event) -> Result<u64>;
    /// [`crate::Error::NotFound`] when there is no such thread.
    async fn rename(&self, id: ThreadId, name: String, event: Event) -> Result<Thread>;
    /// Removes threads with their exchanges. Returns how many there were; the event is written unless
    /// there were none.
    async fn delete(&self, ids: &[ThreadId], event: Event) -> Result<u64>;
}
