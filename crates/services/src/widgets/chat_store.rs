//! Stores the conversations of a widget separately from those of its workspace.
use std::sync::Arc;

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::chat::{Bounded, Chat, ChatRange, ChatScope, Chats, Conversation, NewChat};
use carrel_domain::widget::{NewWidgetChat, Widget, WidgetChat, WidgetChats};
use carrel_domain::{ChatId, Result, WidgetId, WorkspaceId};
use serde_json::json;

/// A store of one widget's exchanges that implements [`Chats`].
pub struct WidgetChatStore {
    chats: Arc<dyn WidgetChats>,
    widget: WidgetId,
    /// The origin of the questions.
    connection: String,
}

impl WidgetChatStore {
    /// Creates the store of one widget, for a visitor from `connection`.
    pub fn new(chats: Arc<dyn WidgetChats>, widget: &Widget, connection: String) -> Self {
        Self { chats, widget: widget.id, connection }
    }

    fn event(&self, event: Event) -> Event {
        let details = json!({ "embedId": self.widget.0 }).to_string();
        Event { name: "embed_sent_chat", details, ..event }
    }
}

fn session(conversation: &Conversation) -> &str {
    conversation.session.as_deref().unwrap_or_default()
}

/// Converts a widget exchange to an exchange of its workspace.
pub fn to_chat(workspace: WorkspaceId, chat: WidgetChat) -> Chat {
    let WidgetChat { id, widget: _, session, prompt, response, include, connection: _, created_at } =
        chat;
    Chat {
        id,
        conversation: Conversation { workspace, user: None, thread: None, session: Some(session) },
        prompt,
        response,
        images: Vec::new(),
        include,
        feedback: None,
        created_at,
        updated_at: created_at,
    }
}

#[async_trait]
impl Chats for WidgetChatStore {
    async fn append(&self, new: NewChat, event: Event) -> Result<ChatId> {
        let new = NewWidgetChat {
            widget: self.widget,
            session: session(&new.conversation).to_owned(),
            prompt: new.prompt,
            response: new.response,
            include: new.include,
            connection: self.connection.clone(),
            created_at: new.created_at,
            usage: new.usage,
        };
        self.chats.append(new, self.event(event)).await
    }

    async fn history(&self, conversation: &Conversation, limit: u32) -> Result<Vec<Chat>> {
        let chats = self.chats.recent(self.widget, session(conversation), limit).await?;
        Ok(chats.into_iter().map(|chat| to_chat(conversation.workspace, chat)).collect())
    }

    async fn history_page(&self, scope: &ChatScope, range: ChatRange) -> Result<Bounded<Chat>> {
        let ChatScope::Session(workspace, session) = scope else {
            return Ok(Bounded { items: Vec::new(), is_cut: false });
        };
        let Bounded { items, is_cut } = self.chats.page(self.widget, Some(session), range).await?;
        let items = items.into_iter().map(|chat| to_chat(*workspace, chat)).collect();
        Ok(Bounded { items, is_cut })
    }

    /// Returns nothing, because widgets accept no images.
    async fn images(&self, _: ChatId) -> Result<Vec<String>> {
        Ok(Vec::new())
    }

    async fn reset(&self, conversation: &Conversation, event: Event) -> Result<u64> {
        self.chats.hide(self.widget, session(conversation), self.event(event)).await
    }
}
