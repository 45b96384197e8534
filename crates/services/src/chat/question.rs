//! A question, and the checks before it is asked.
use carrel_domain::chat::Conversation;
use carrel_domain::thread::Thread;
use carrel_domain::user::User;
use carrel_domain::workspace::{ChatMode, Workspace};
use carrel_domain::{ChatId, Error, Result};

use super::{Attachment, RequestOverrides, Stop, attachments};

/// The longest question, in bytes.
pub const LONGEST_QUESTION: usize = 1 << 20;

/// The prefix with which a message asks for an agent.
const AGENT: &str = "@agent";

/// A question to a workspace.
#[derive(Clone, Debug, Default)]
pub struct Question {
    /// The text of the question.
    pub text: String,
    /// The workspace's when absent.
    pub mode: Option<ChatMode>,
    /// Which of the workspace's conversations it continues.
    pub session: Option<String>,
    /// The thread of the workspace that it belongs to.
    pub thread: Option<Thread>,
    /// Who asks, if it is a person with an account: the conversation is theirs, and it counts
    /// toward their daily limit.
    pub user: Option<User>,
    /// Files that come with it.
    pub attachments: Vec<Attachment>,
    /// Whether attached documents that cannot be read are passed over instead of refused.
    pub passes_over_unreadable: bool,
    /// Whether it may be one for an agent, see [`Question::is_for_agent`].
    pub may_call_agent: bool,
    /// The caller's overrides of workspace settings.
    pub overrides: RequestOverrides,
    /// Whether it carries the memories of the person who asks.
    pub uses_memories: bool,
    /// The exchange that the new one replaces: the model does not see it.
    pub instead_of: Option<ChatId>,
    /// Whether a stream has events for reasoning. Otherwise it comes as text between `<think>`
    /// marks.
    pub separates_reasoning: bool,
    /// Ends the answer early.
    pub stop: Stop,
}

impl Question {
    /// The conversation that it continues.
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

    /// Whether clients expect the answer of an agent: in the automatic mode, or where the message
    /// begins with `@agent`.
    pub fn is_for_agent(&self, workspace: &Workspace) -> bool {
        let is_called = || self.text.starts_with(AGENT);
        self.may_call_agent && (self.mode(workspace) == ChatMode::Automatic || is_called())
    }

    /// The text without the call for an agent.
    pub(super) fn asked(&self) -> &str {
        let called = self.text.strip_prefix(AGENT).filter(|_| self.may_call_agent);
        match called.map(str::trim_start) {
            Some(asked) if !asked.is_empty() => asked,
            _ => &self.text,
        }
    }

    /// [`Error::Invalid`] when there is nothing to answer, [`Error::TooLarge`] when it is too much.
    pub(super) fn check(&self) -> Result<()> {
        if self.text.trim().is_empty() {
            return Err(Error::invalid("message", "Message is empty"));
        }
        if self.text.len() > LONGEST_QUESTION {
            return Err(Error::TooLarge { what: "the message", limit: LONGEST_QUESTION as u64 });
        }
        attachments::check(&self.attachments)
    }
}
