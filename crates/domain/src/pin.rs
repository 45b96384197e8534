//! Pinned documents, whose whole text is part of every question in a workspace.
use async_trait::async_trait;

use crate::audit::Event;
use crate::library::WorkspaceDocument;
use crate::{DocumentPath, Result, WorkspaceId};

/// Which documents of a workspace are pinned. Each method is one transaction.
#[async_trait]
pub trait Pins: Send + Sync {
    /// The pinned documents of a workspace in the order they were placed, at most `limit`.
    async fn pinned(&self, workspace: WorkspaceId, limit: u32) -> Result<Vec<WorkspaceDocument>>;
    /// Pins a document of a workspace or takes the pin out, and writes the event. Says whether the
    /// document is placed there.
    async fn pin(
        &self,
        workspace: WorkspaceId,
        path: &DocumentPath,
        pinned: bool,
        event: Event,
    ) -> Result<bool>;
}
