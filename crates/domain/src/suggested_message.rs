//! Suggested messages: questions that an empty conversation of a workspace offers.
use async_trait::async_trait;

use crate::audit::Event;
use crate::{Result, WorkspaceId};

/// A suggested question in two parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuggestedMessage {
    /// The heading, shown as the first line. May be empty.
    pub heading: String,
    /// The rest of the question, shown as the second line.
    pub message: String,
}

impl SuggestedMessage {
    /// Returns the question that is sent: both parts joined by a space.
    pub fn question(&self) -> String {
        let parts = [self.heading.trim(), self.message.trim()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" ")
    }
}

/// Stores suggested messages. Each method is one transaction, which also writes the event.
#[async_trait]
pub trait SuggestedMessages: Send + Sync {
    /// Returns the messages of a workspace, in order.
    async fn of(&self, workspace: WorkspaceId) -> Result<Vec<SuggestedMessage>>;
    /// Replaces the messages of a workspace. [`crate::Error::NotFound`] if the workspace does not
    /// exist.
    async fn replace(
        &self,
        workspace: WorkspaceId,
        messages: Vec<SuggestedMessage>,
        event: Event,
    ) -> Result<()>;
}
