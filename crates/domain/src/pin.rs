//! Pinned documents, which are included in full with every question of a workspace.
use async_trait::async_trait;

use crate::audit::Event;
use crate::library::WorkspaceDocument;
use crate::{DocumentPath, Result, WorkspaceId};

/// Stores which documents of a workspace are pinned. Each method is one transaction.
#[async_trait]
pub trait Pins: Send + Sync {
    /// Returns at most `limit` pinned documents of a workspace in the order they were added.
    async fn pinned(&self, workspace: WorkspaceId, limit: u32) -> Result<Vec<WorkspaceDocument>>;
    /// Pins or unpins a document of a workspace and writes the event. Returns `false` if the
    /// document is not in the workspace.
    async fn pin(
        &self,
        workspace: WorkspaceId,
        path: &DocumentPath,
        pinned: bool,
        event: Event,
    ) -> Result<bool>;
}
