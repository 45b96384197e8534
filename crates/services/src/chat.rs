//! Answering questions in a workspace.
mod given;
mod stream;

use std::sync::Arc;
use std::time::Instant;

use carrel_domain::audit::{By, Event};
use carrel_domain::chat::{Chat, Chats, Conversation, NewChat};
use carrel_domain::model::{
    ChatModel, ChatRequest, Context, Delta, Message, ModelName, Models, Role, Usage,
};
use carrel_domain::thread::Thread;
use carrel_domain::user::{self, MessageQuota, User};
use carrel_domain::workspace::{ChatMode, Workspace};
use carrel_domain::{ChatId, Error, Result};
use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use serde_json::json;

pub use given::Given;
pub use stream::{Finished, Piece};

use crate::search::{Hit, Query, Search};
use crate::{preferences, prompt, record};

const REFUSAL: &str = "There is no relevant information in this workspace to answer your query.";

const QUOTA_MET: &str = "You have met your maximum 24 hour chat quota. Please try again later.";

/// The longest question, in bytes.
pub const LONGEST_QUESTION: usize = 1 << 20;

#[derive(Clone, Debug, Default)]
pub struct Question {
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
    pub given: Given,
}

impl Question {
    /// What it continues.
    fn conversation(&self, workspace: &Workspace) -> Conversation {
        Conversation {
            workspace: workspace.id,
            user: self.user.as_ref().map(|user| user.id),
            thread: self.thread.as_ref().map(|thread| thread.id),
            session: self.session.clone(),
        }
    }
}

/// What an answer cost and who gave it.
#[derive(Clone, Debug, PartialEq)]
pub struct Metrics {
    pub usage: Usage,
    /// From the request to the last part of the answer.
    pub seconds: f64,
    pub model: ModelName,
    pub answered_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Answered {
        chat: ChatId,
        text: String,
        sources: Vec<Hit>,
        metrics: Metrics,
    },
    /// Query mode, and nothing in the workspace bears on the question.
    Refused {
        chat: ChatId,
        text: String,
    },
}

/// A question on its way to a model.
struct Prepared {
    model: Arc<dyn ChatModel>,
    request: ChatRequest,
    sources: Vec<Hit>,
    /// As it is remembered.
    mode: ChatMode,
}

/// What is kept of an answer.
struct Kept<'a> {
    text: &'a str,
    sources: &'a [Hit],
    mode: ChatMode,
    metrics: &'a Metrics,
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Conversations {
    pub search: Search,
    pub models: Arc<dyn Models>,
    pub chats: Arc<dyn Chats>,
    pub quota: Arc<dyn MessageQuota>,
}

impl Conversations {
    /// Answers a question from the workspace's passages and the conversation so far, and keeps
    /// the exchange. [`Error::Exhausted`] when the user has met their daily limit.
    pub async fn ask(&self, workspace: &Workspace, question: Question, by: &By) -> Result<Reply> {
        check(&question.text)?;
        self.admit(question.user.as_ref(), by).await?;
        let Some(prepared) = self.prepare(workspace, &question, by).await? else {
            return self.refuse(workspace, question, by).await;
        };
        let Prepared { model, request, sources, mode } = prepared;
        let (text, metrics) = answer(&*model, request).await?;
        let kept = Kept { text: &text, sources: &sources, mode, metrics: &metrics };
        let chat = self.keep(workspace, question, kept, by).await?;
        Ok(Reply::Answered { chat, text, sources, metrics })
    }

    /// Counts the question of a user with a limit, before anything is spent on it.
    async fn admit(&self, user: Option<&User>, by: &By) -> Result<()> {
        let Some(user) = user.filter(|user| user.role != user::Role::Admin) else { return Ok(()) };
        let Some(limit) = user.daily_message_limit else { return Ok(()) };
        match self.quota.take(user.id, limit, by.at).await? {
            true => Ok(()),
            false => Err(Error::exhausted(QUOTA_MET)),
        }
    }

    /// Hides what was said so far in the question's conversation from later answers; where it has
    /// a thread but no user, what everyone said in the thread.
    pub async fn reset(&self, workspace: &Workspace, question: &Question, by: &By) -> Result<()> {
        let conversation = question.conversation(workspace);
        self.chats.reset(&conversation, sent(by, workspace)).await.map(drop)
    }

    /// What the model is to be asked; nothing when the question is to be refused.
    async fn prepare(
        &self,
        workspace: &Workspace,
        question: &Question,
        by: &By,
    ) -> Result<Option<Prepared>> {
        let mode = question.mode.unwrap_or(workspace.settings.chat_mode);
        let query = Query { text: question.text.clone(), ..Query::default() };
        let sources = self.search.nearest(workspace, query).await?.unwrap_or_default();
        if sources.is_empty() && mode == ChatMode::Query {
            return Ok(None);
        }
        let model = self.models.chat(&workspace.settings.model())?;
        let history = match &question.given.history {
            Some(given) => given.clone(),
            None => self.history(workspace, &question.conversation(workspace)).await?,
        };
        let request = request(workspace, question, &sources, history, by.at);
        // Without tools, the automatic mode is the chat mode, and is remembered as such.
        let mode = if mode == ChatMode::Query { mode } else { ChatMode::Chat };
        Ok(Some(Prepared { model, request, sources, mode }))
    }

    async fn keep(
        &self,
        workspace: &Workspace,
        question: Question,
        kept: Kept<'_>,
        by: &By,
    ) -> Result<ChatId> {
        let Kept { text, sources, mode, metrics } = kept;
        let new = NewChat {
            conversation: question.conversation(workspace),
            prompt: question.text,
            response: record::answer(text, sources, mode.as_str(), Some(metrics)),
            include: true,
            created_at: by.at,
        };
        self.chats.append(new, sent(by, workspace)).await
    }

    async fn refuse(&self, workspace: &Workspace, question: Question, by: &By) -> Result<Reply> {
        let text = workspace.settings.refusal.clone().unwrap_or_else(|| REFUSAL.to_owned());
        let new = NewChat {
            conversation: question.conversation(workspace),
            prompt: question.text,
            response: record::answer(&text, &[], ChatMode::Query.as_str(), None),
            include: false,
            created_at: by.at,
        };
        Ok(Reply::Refused { chat: self.chats.append(new, sent(by, workspace)).await?, text })
    }

    async fn history(&self, workspace: &Workspace, of: &Conversation) -> Result<Vec<Message>> {
        let limit = u32::try_from(workspace.settings.history).unwrap_or(0);
        let chats = self.chats.history(of, limit).await?;
        Ok(chats.into_iter().flat_map(turns).collect())
    }
}

/// An earlier exchange as the model sees it; a damaged one is left out.
fn turns(chat: Chat) -> Vec<Message> {
    let Some(answer) = record::text_of(&chat.response) else { return Vec::new() };
    let user = Message { role: Role::User, text: chat.prompt };
    vec![user, Message { role: Role::Assistant, text: answer }]
}

fn sent(by: &By, workspace: &Workspace) -> Event {
    let model = workspace.settings.chat_model.as_deref().unwrap_or("System Default");
    let details = json!({ "workspaceName": workspace.settings.name, "chatModel": model });
    by.event("api_sent_chat", details.to_string())
}

fn check(question: &str) -> Result<()> {
    if question.trim().is_empty() {
        return Err(Error::invalid("message", "Message is empty"));
    }
    if question.len() > LONGEST_QUESTION {
        return Err(Error::TooLarge { what: "the message", limit: LONGEST_QUESTION as u64 });
    }
    Ok(())
}

fn request(
    workspace: &Workspace,
    question: &Question,
    sources: &[Hit],
    history: Vec<Message>,
    now: DateTime<Utc>,
) -> ChatRequest {
    let context = |hit: &Hit| Context {
        title: hit.passage.document.title.clone(),
        text: record::passage_text(&hit.passage),
        similarity: Some(hit.similarity),
    };
    ChatRequest {
        instructions: instructions(workspace, &question.given, now),
        context: sources.iter().map(context).collect(),
        history,
        question: question.text.clone(),
        temperature: question.given.temperature.or(workspace.settings.temperature),
        longest_answer: question.given.longest_answer,
    }
}

fn instructions(workspace: &Workspace, given: &Given, now: DateTime<Utc>) -> String {
    if let Some(instructions) = &given.instructions {
        return instructions.clone();
    }
    let prompt = workspace.settings.prompt.as_deref().unwrap_or(preferences::SYSTEM_PROMPT);
    prompt::expand(prompt, workspace, now)
}

/// Collects the model's whole answer. Reasoning, if any, comes first between `<think>` marks.
async fn answer(model: &dyn ChatModel, request: ChatRequest) -> Result<(String, Metrics)> {
    let started = Instant::now();
    let mut parts = model.answer(request).await?;
    let (mut text, mut reasoning, mut usage) = (String::new(), String::new(), Usage::default());
    while let Some(part) = parts.next().await {
        match part? {
            Delta::Text(more) => text.push_str(&more),
            Delta::Reasoning(more) => reasoning.push_str(&more),
            Delta::Usage(spent) => usage = spent,
        }
    }
    if text.is_empty() {
        let reason = "No text completion could be completed with this input.";
        return Err(Error::unavailable("the language model", reason));
    }
    if !reasoning.is_empty() {
        text = format!("<think>{reasoning}</think>{text}");
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok((text, Metrics { usage, seconds, model: model.name(), answered_at: Utc::now() }))
}

#[cfg(test)]
mod tests;
