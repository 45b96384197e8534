//! Memories: notes about a person, sent with each of their questions.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::{MemoryId, Result, UserId, WorkspaceId};

/// A note about a person, sent with each of their questions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// The id. Ids are not reused.
    pub id: MemoryId,
    /// The person. Absent for the owner of a server without users.
    pub user: Option<UserId>,
    /// The workspace to which the memory applies. Absent for all workspaces.
    pub workspace: Option<WorkspaceId>,
    /// The text.
    pub content: String,
    /// The creation time.
    pub created_at: DateTime<Utc>,
    /// The time of the last change.
    pub updated_at: DateTime<Utc>,
}

/// Stores memories. Each method is one transaction, which also writes the event. Only the person
/// concerned can see a memory.
#[async_trait]
pub trait Memories: Send + Sync {
    /// Returns the memories about a user or the owner, newest first.
    async fn about(&self, user: Option<UserId>) -> Result<Vec<Memory>>;
    /// Changes a memory. Returns `false` if the person has no such memory.
    async fn update(
        &self,
        id: MemoryId,
        user: Option<UserId>,
        content: String,
        event: Event,
    ) -> Result<bool>;
    /// Deletes a memory. Returns `false` if the person has no such memory.
    async fn delete(&self, id: MemoryId, user: Option<UserId>, event: Event) -> Result<bool>;
}
