//! Questions and their validation.
use carrel_domain::chat::Conversation;
use carrel_domain::thread::Thread;
use carrel_domain::user::User;
use carrel_domain::workspace::{ChatMode, Workspace};
use carrel_domain::{ChatId, Error, Result};

use super::{Attachment, RequestOverrides, Stop, attachments};

/// The maximum length of a question, in bytes.
pub const MAX_QUESTION_BYTES: usize = 1 << 20;

/// The prefix of a message that requests an agent.
const AGENT: &str = "@agent";

/// A question to a workspace.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The text of the question.
    pub text: String,
    /// The chat mode. The workspace's mode if absent.
    pub mode: Option<ChatMode>,
    /// The client's name for the conversation, if it is a session.
    pub session: Option<String>,
    /// The thread of the conversation, if any.
    pub thread: Option<Thread>,
    /// The user who asks, if any. The conversation belongs to the user, and the question counts
    /// towards the user's daily limit.
    pub user: Option<User>,
    /// Attached files.
    pub attachments: Vec<Attachment>,
    /// Whether to skip attached documents that cannot be read instead of refusing the question.
    pub skips_unreadable: bool,
    /// Whether the question may request an agent. See [`Question::is_for_agent`].
    pub can_call_agent: bool,
    /// Overrides of workspace settings.
    pub overrides: RequestOverrides,
    /// Whether to send the user's memories.
    pub uses_memories: bool,
    /// The exchange that the new one replaces. It is not sent to the model.
    pub replaced_chat: Option<ChatId>,
    /// Whether the stream sends reasoning as separate events. Otherwise reasoning is part of the
    /// text, between `<think>` marks.
    pub separates_reasoning: bool,
    /// Whether the stream sends the sources before the model answers.
    pub announces_sources: bool,
    /// Stops the answer early.
    pub stop: Stop,
}

impl Question {
    /// Returns the conversation that the question continues.
    pub(super) fn conversation(&self, workspace: &Workspace) -> Conversation {
        Conversation {
            workspace: workspace.id,
            user: self.user.as_ref().map(|user| user.id),
            thread: self.thread.as_ref().map(|thread| thread.id),
            session: self.session.clone(),
        }
    }

    pub(super) fn mode(&self, workspace: &Workspace) -> ChatMode {
        self.mode.unwrap_or(workspace.settings.chat_mode)
    }

    /// Returns whether clients expect the answer of an agent: in automatic mode, or if the message
    /// begins with `@agent`.
    pub fn is_for_agent(&self, workspace: &Workspace) -> bool {
        let has_prefix = || self.text.starts_with(AGENT);
        self.can_call_agent && (self.mode(workspace) == ChatMode::Automatic || has_prefix())
    }

    /// Returns the text without the agent prefix.
    pub(super) fn text_for_model(&self) -> &str {
        let text = self.text.strip_prefix(AGENT).filter(|_| self.can_call_agent);
        match text.map(str::trim_start) {
            Some(text) if !text.is_empty() => text,
            _ => &self.text,
        }
    }

    /// Validates the question. [`Error::Invalid`] if there is nothing to answer,
    /// [`Error::TooLarge`] if it is too long.
    pub(super) fn check(&self) -> Result<()> {
        if self.text.trim().is_empty() {
            return Err(Error::invalid("message", "Message is empty"));
        }
        if self.text.len() > MAX_QUESTION_BYTES {
            return Err(Error::TooLarge { what: "the message", limit: MAX_QUESTION_BYTES as u64 });
        }
        attachments::check(&self.attachments)
    }
}
