//! Threads: named conversations of a workspace.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::{Result, Slug, ThreadId, UserId, WorkspaceId};

/// A named conversation in a workspace.
#[derive(Clone, Debug, PartialEq)]
pub struct Thread {
    /// The id in the database.
    pub id: ThreadId,
    /// The slug used in routes, unique on the server.
    pub slug: Slug,
    /// The display name.
    pub name: String,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The user it belongs to, if any.
    pub user: Option<UserId>,
    /// The creation time.
    pub created_at: DateTime<Utc>,
    /// The time it was last renamed.
    pub updated_at: DateTime<Utc>,
    /// When its owner archived it; absent for threads in use.
    pub archived_at: Option<DateTime<Utc>>,
}

/// A thread to be created.
#[derive(Clone, Debug)]
pub struct NewThread {
    /// The slug used in routes, unique on the server.
    pub slug: Slug,
    /// The display name.
    pub name: String,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The user it belongs to. Absent for programs and on a server without users.
    pub user: Option<UserId>,
    /// The creation time.
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
    /// Creates a thread. [`crate::Error::AlreadyExists`] if the slug is taken in any workspace,
    /// [`crate::Error::NotFound`] if the workspace or the user does not exist.
    async fn create(&self, new: NewThread, event: Event) -> Result<Thread>;
    /// Returns the thread of a workspace with a slug, if it exists.
    async fn by_slug(&self, workspace: WorkspaceId, slug: &str) -> Result<Option<Thread>>;
    /// Returns the threads of all workspaces, by id.
    async fn all(&self) -> Result<Vec<Thread>>;
    /// Returns `limit` threads of a workspace by id, starting after `after` or at the first. Their
    /// names contain `name` in the form of [`crate::document_list::comparable`]. An empty `name`
    /// matches all.
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
    /// Renames a thread. [`crate::Error::NotFound`] if it does not exist.
    async fn rename(&self, id: ThreadId, name: String, event: Event) -> Result<Thread>;
    /// Deletes threads with their exchanges and returns their number. Writes the event unless it is
    /// zero.
    async fn delete(&self, ids: &[ThreadId], event: Event) -> Result<u64>;
}
