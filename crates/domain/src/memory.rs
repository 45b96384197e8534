//! Memories: notes about a person that their questions carry.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::{MemoryId, Result, UserId, WorkspaceId};

/// A note about a person that their questions take along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Its number, which is not used again.
    pub id: MemoryId,
    /// Whom it is about; the owner of a server without users when absent.
    pub user: Option<UserId>,
    /// Where it counts; in every workspace when absent.
    pub workspace: Option<WorkspaceId>,
    /// The text.
    pub content: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

/// Stores memories. Each method is one transaction, which also writes the event. Nobody but the
/// person they are about sees them.
#[async_trait]
pub trait Memories: Send + Sync {
    /// Those about a user, or about the owner, newest first.
    async fn about(&self, user: Option<UserId>) -> Result<Vec<Memory>>;
    /// Says whether the person has such a memory.
    async fn update(
        &self,
        id: MemoryId,
        user: Option<UserId>,
        content: String,
        event: Event,
    ) -> Result<bool>;
    /// Says whether the person had such a memory.
    async fn delete(&self, id: MemoryId, user: Option<UserId>, event: Event) -> Result<bool>;
}
