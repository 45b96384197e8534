//! Suggested messages: questions that an empty conversation of a workspace offers.
use async_trait::async_trait;

use crate::audit::Event;
use crate::{Result, WorkspaceId};

/// A question in two parts: the heading, which may be empty, and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuggestedMessage {
    /// The first line on the button; may be empty.
    pub heading: String,
    /// The second line; both together are asked.
    pub message: String,
}

impl SuggestedMessage {
    /// What is asked when somebody chooses it.
    pub fn question(&self) -> String {
        let parts = [self.heading.trim(), self.message.trim()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// Stores suggested messages. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait SuggestedMessages: Send + Sync {
    /// Those of a workspace, in their order.
    async fn of(&self, workspace: WorkspaceId) -> Result<Vec<SuggestedMessage>>;
    /// Replaces those of a workspace. [`crate::Error::NotFound`] when there is no such workspace.
    async fn replace(
        &self,
        workspace: WorkspaceId,
        messages: Vec<SuggestedMessage>,
        event: Event,
    ) -> Result<()>;
}
