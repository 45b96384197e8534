//! Conversations of an embed, kept apart from those of its workspace.
use std::sync::Arc;

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::chat::{Chat, Chats, Conversation, NewChat, Part, Shown};
use carrel_domain::embed::{Embed, EmbedChat, EmbedChats, NewEmbedChat};
use carrel_domain::{ChatId, EmbedId, Result, WorkspaceId};
use serde_json::json;

/// Where the exchanges of one embed are kept, as a conversation knows it.
pub struct Keeping {
    chats: Arc<dyn EmbedChats>,
    embed: EmbedId,
    /// Where the questions come from.
    connection: String,
}

impl Keeping {
    pub fn new(chats: Arc<dyn EmbedChats>, embed: &Embed, connection: String) -> Self {
        Self { chats, embed: embed.id, connection }
    }

    fn event(&self, event: Event) -> Event {
        let details = json!({ "embedId": self.embed.0 }).to_string();
        Event { name: "embed_sent_chat", details, ..event }
    }
}

fn session(of: &Conversation) -> &str {
    of.session.as_deref().unwrap_or_default()
}

/// An exchange of an embed as one of its workspace.
pub fn as_chat(workspace: WorkspaceId, chat: EmbedChat) -> Chat {
    let EmbedChat { id, embed: _, session, prompt, response, include, connection: _, created_at } =
        chat;
    Chat {
        id,
        conversation: Conversation { workspace, user: None, thread: None, session: Some(session) },
        prompt,
        response,
        include,
        feedback: None,
        created_at,
        updated_at: created_at,
    }
}

#[async_trait]
impl Chats for Keeping {
    async fn append(&self, new: NewChat, event: Event) -> Result<ChatId> {
        let new = NewEmbedChat {
            embed: self.embed,
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

    async fn history(&self, of: &Conversation, limit: u32) -> Result<Vec<Chat>> {
        let chats = self.chats.recent(self.embed, session(of), limit).await?;
        Ok(chats.into_iter().map(|chat| as_chat(of.workspace, chat)).collect())
    }

    async fn shown(&self, of: &Shown, part: Part) -> Result<Vec<Chat>> {
        let Shown::Session(workspace, session) = of else { return Ok(Vec::new()) };
        let chats = self.chats.page(self.embed, Some(session), part).await?;
        Ok(chats.into_iter().map(|chat| as_chat(*workspace, chat)).collect())
    }

    async fn reset(&self, of: &Conversation, event: Event) -> Result<u64> {
        self.chats.hide(self.embed, session(of), self.event(event)).await
    }
}
