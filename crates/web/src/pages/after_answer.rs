//! Runs when an answer ends, streamed or not: stores a failed question, deletes a regenerated
//! exchange, and names an unnamed thread.
use actix_web::web::Data;
use carrel_domain::audit::By;
use carrel_domain::chat::Conversation;
use carrel_domain::thread::Thread;
use carrel_domain::workspace::Workspace;
use carrel_domain::{ChatId, Result};
use carrel_services::chat::Question;
use carrel_services::{chat_edits, threads};

use super::chat::ConversationContext;
use crate::live::answers::AnswerEnd;
use crate::live::failed_drafts::FailedDraft;
use crate::session::current_user::{CurrentUser, role};
use crate::site::Site;

/// Maximum length of a thread's name that is taken from its question, in characters.
const MAX_NAME_LENGTH: usize = 48;

pub struct AfterAnswer {
    site: Data<Site>,
    workspace: Workspace,
    thread: Option<Thread>,
    conversation: Conversation,
    question: String,
    instead_of: Option<ChatId>,
    by: By,
}

impl AfterAnswer {
    pub fn new(
        current_user: &CurrentUser<role::Any>,
        context: &ConversationContext,
        question: &Question,
    ) -> Self {
        Self {
            site: current_user.site.clone(),
            workspace: context.workspace.clone(),
            thread: context.thread.clone(),
            conversation: context.conversation(current_user),
            question: question.text.clone(),
            instead_of: question.replaced_chat,
            by: current_user.by(),
        }
    }

    /// Runs the follow-up work of an answer that was stored or has failed. Errors are logged and
    /// lose nothing.
    pub async fn run(self, end: &AnswerEnd) {
        if end.stored.is_none() {
            let (question, instead_of) = (self.question, self.instead_of);
            let reason = end.problem.clone().unwrap_or_default();
            let draft = FailedDraft { question, reason, instead_of };
            return self.site.failed_drafts.insert(&self.conversation, draft);
        }
        self.site.failed_drafts.remove(&self.conversation);
        self.name_thread().await;
        // An incomplete answer does not replace the complete one before it.
        let Some(replaced_id) = self.instead_of.filter(|_| end.is_complete()) else { return };
        let edits = &*self.site.ports.chat_edits;
        if let Err(error) = chat_edits::remove(edits, &self.workspace, replaced_id, &self.by).await
        {
            tracing::warn!(%error, "failed to remove the exchange that a new one replaces");
        }
    }

    /// Names an unnamed thread after its first question.
    async fn name_thread(&self) {
        if let Err(error) = self.try_to_name_thread().await {
            tracing::warn!(%error, "failed to name a thread");
        }
    }

    async fn try_to_name_thread(&self) -> Result<()> {
        let is_unnamed = |thread: &Thread| thread.name == threads::DEFAULT_NAME;
        let Some(thread) = self.thread.as_ref().filter(|thread| is_unnamed(thread)) else {
            return Ok(());
        };
        // Meanwhile, the thread may have been named or deleted.
        let port = &*self.site.ports.threads;
        let thread =
            port.by_slug(self.workspace.id, thread.slug.as_str()).await?.filter(is_unnamed);
        let Some(thread) = thread else { return Ok(()) };
        let line = self.question.lines().next().unwrap_or_default();
        let mut name: String = line.chars().take(MAX_NAME_LENGTH).collect();
        if line.chars().count() > MAX_NAME_LENGTH {
            name.push('…');
        }
        threads::rename(port, &thread, name, &self.by).await.map(drop)
    }
}
