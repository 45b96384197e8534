//! Previous instructions of workspaces. [`crate::workspace::Workspaces::update`] adds the
//! instructions that it replaces.
use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::audit::Event;
use crate::{EarlierPromptId, Result, UserId, WorkspaceId};

/// How many earlier instructions of a workspace are kept, the newest.
pub const MOST: usize = 100;

/// Instructions that a workspace had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EarlierPrompt {
    /// Names them in routes.
    pub id: EarlierPromptId,
    /// The workspace.
    pub workspace: WorkspaceId,
    /// The instructions.
    pub prompt: String,
    /// Who replaced it, if that was a user who is still there.
    pub replaced_by: Option<UserId>,
    /// When others took their place.
    pub replaced_at: DateTime<Utc>,
}

/// Stores earlier instructions. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait PromptHistory: Send + Sync {
    /// Those of a workspace, newest first.
    async fn of(&self, workspace: WorkspaceId) -> Result<Vec<EarlierPrompt>>;
    /// One entry of a workspace; `None` when it has no such entry.
    async fn find(
        &self,
        workspace: WorkspaceId,
        id: EarlierPromptId,
    ) -> Result<Option<EarlierPrompt>>;
    /// Removes one, or all of a workspace. Says how many.
    async fn forget(
        &self,
        workspace: WorkspaceId,
        id: Option<EarlierPromptId>,
        event: Event,
    ) -> Result<u64>;
}
