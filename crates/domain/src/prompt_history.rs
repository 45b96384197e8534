//! Previous instructions of workspaces. [`crate::workspace::Workspaces::update`] stores the
//! instructions that it replaces.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::{EarlierPromptId, Result, UserId, WorkspaceId};

/// The maximum number of previous instructions kept per workspace. Older ones are deleted.
pub const LIMIT: usize = 100;

/// Previous instructions of a workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierPrompt {
    /// The id used in routes.
    pub id: EarlierPromptId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The instructions.
    pub prompt: String,
    /// The user who replaced the instructions, while the account exists.
    pub replaced_by: Option<UserId>,
    /// The time they were replaced.
    pub replaced_at: DateTime<Utc>,
}

/// Stores previous instructions. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait PromptHistory: Send + Sync {
    /// Returns the previous instructions of a workspace, newest first.
    async fn of(&self, workspace: WorkspaceId) -> Result<Vec<EarlierPrompt>>;
    /// Returns one entry of a workspace, if it exists.
    async fn find(
        &self,
        workspace: WorkspaceId,
        id: EarlierPromptId,
    ) -> Result<Option<EarlierPrompt>>;
    /// Deletes one entry, or all entries of a workspace if `id` is absent. Returns the number
    /// deleted.
    async fn forget(
        &self,
        workspace: WorkspaceId,
        id: Option<EarlierPromptId>,
        event: Event,
    ) -> Result<u64>;
}
