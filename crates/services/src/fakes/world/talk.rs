//! The ports of conversations, in memory.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::chat::{Bounded, Chat, ChatRange, ChatScope, Chats, Conversation, NewChat};
use carrel_domain::library::WorkspaceDocument;
use carrel_domain::model::Tokenizer;
use carrel_domain::pin::Pins;
use carrel_domain::user::MessageQuota;
use carrel_domain::{ChatId, DocumentPath, Result, UserId, WorkspaceId};
use chrono::{DateTime, Utc};

use super::World;

#[async_trait]
impl Chats for World {
    async fn append(&self, chat: NewChat, _: Event) -> Result<ChatId> {
        self.check("append")?;
        let mut chats = self.chats.lock().unwrap();
        let id = ChatId(chats.len() as i64 + 1);
        let NewChat { conversation, prompt, response, images, include, created_at, usage: _ } =
            chat;
        let updated_at = created_at;
        chats.push(Chat {
            id,
            conversation,
            prompt,
            response,
            images,
            include,
            feedback: None,
            created_at,
            updated_at,
        });
        Ok(id)
    }

    async fn history(&self, conversation: &Conversation, _: u32) -> Result<Vec<Chat>> {
        let chats = self.chats.lock().unwrap();
        Ok(chats
            .iter()
            .filter(|chat| chat.conversation == *conversation && chat.include)
            .cloned()
            .collect())
    }

    async fn history_page(&self, _: &ChatScope, _: ChatRange) -> Result<Bounded<Chat>> {
        Ok(Bounded { items: self.chats.lock().unwrap().clone(), is_cut: false })
    }

    async fn images(&self, id: ChatId) -> Result<Vec<String>> {
        let chats = self.chats.lock().unwrap();
        let chat = chats.iter().find(|chat| chat.id == id);
        Ok(chat.map(|chat| chat.images.clone()).unwrap_or_default())
    }

    async fn reset(&self, conversation: &Conversation, _: Event) -> Result<u64> {
        let mut chats = self.chats.lock().unwrap();
        let mut hidden = 0;
        for chat in
            chats.iter_mut().filter(|chat| chat.conversation == *conversation && chat.include)
        {
            chat.include = false;
            hidden += 1;
        }
        Ok(hidden)
    }
}

#[async_trait]
impl Pins for World {
    async fn pinned(&self, _: WorkspaceId, limit: u32) -> Result<Vec<WorkspaceDocument>> {
        let places = self.places.lock().unwrap();
        Ok(places.iter().filter(|place| place.pinned).take(limit as usize).cloned().collect())
    }

    async fn pin(
        &self,
        _: WorkspaceId,
        path: &DocumentPath,
        pinned: bool,
        _: Event,
    ) -> Result<bool> {
        let mut places = self.places.lock().unwrap();
        let place = places.iter_mut().find(|place| place.document.path == *path);
        Ok(place.map(|place| place.pinned = pinned).is_some())
    }
}

/// Counts words as tokens.
pub struct Words;

impl Tokenizer for Words {
    fn count(&self, text: &str, limit: usize) -> Option<usize> {
        Some(text.split_whitespace().count()).filter(|count| *count <= limit)
    }

    fn prefix<'a>(&self, text: &'a str, limit: usize) -> &'a str {
        let end = text.split_inclusive(' ').take(limit).map(str::len).sum();
        &text[..end]
    }

    fn suffix<'a>(&self, text: &'a str, limit: usize) -> &'a str {
        let skipped = text.split(' ').count().saturating_sub(limit);
        let start = text.split_inclusive(' ').take(skipped).map(str::len).sum();
        &text[start..]
    }
}

#[async_trait]
impl MessageQuota for World {
    async fn consume_message(&self, user: UserId, limit: i32, _: DateTime<Utc>) -> Result<bool> {
        let mut questions = self.questions.lock().unwrap();
        let is_allowed =
            questions.iter().filter(|author| **author == user).count() < limit as usize;
        if is_allowed {
            questions.push(user);
        }
        Ok(is_allowed)
    }
}
