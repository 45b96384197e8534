//! Answering questions in a workspace.
mod answer;
mod attachments;
pub mod concurrency;
mod context;
mod overrides;
mod prompt_budget;
mod request;
mod stop;
mod stream;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use carrel_domain::audit::{By, Event};
use carrel_domain::chat::{Chats, Conversation, MOST_BYTES, NewChat};
use carrel_domain::document::{DocumentFiles, Extractor};
use carrel_domain::model::{ChatModel, ChatRequest, ModelChoice, Models, Tokenizer, Usage};
use carrel_domain::pin::Pins;
use carrel_domain::prompt_variable::PromptVariables;
use carrel_domain::slash_command::SlashCommands;
use carrel_domain::thread::Thread;
use carrel_domain::user::{self, MessageQuota, User};
use carrel_domain::workspace::{ChatMode, Workspace};
use carrel_domain::{ChatId, Error, Result, UserId};
use serde_json::json;
use tokio::time::sleep;

pub use answer::{AnswerEvent, EMPTY_COMPLETION, EmptyCompletion, Finished, Metrics};
pub use attachments::{Attachment, MOST_ATTACHMENTS};
pub use context::Source;
pub use overrides::RequestOverrides;
pub use stop::Stop;

use self::concurrency::QuestionLimits;
use crate::background::BackgroundTasks;
use crate::record::{self, Earlier};
use crate::search::Search;
use crate::slash_commands;

const REFUSAL: &str = "There is no relevant information in this workspace to answer your query.";

const QUOTA_MET: &str = "You have met your maximum 24 hour chat quota. Please try again later.";

/// The longest question, in bytes.
pub const LONGEST_QUESTION: usize = 1 << 20;

/// By which a message asks for an agent.
const AGENT: &str = "@agent";

/// After which pauses an answer that could not be saved is saved again.
const RETRIES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(4)];

/// The window of a model that is not there to be asked.
const USUAL_WINDOW: u64 = 4096;

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
    pub attachments: Vec<Attachment>,
    /// Whether attached documents that cannot be read are passed over instead of refused.
    pub passes_over_unreadable: bool,
    /// Whether it may be one for an agent, see [`Question::is_for_agent`].
    pub may_call_agent: bool,
    pub overrides: RequestOverrides,
    /// The exchange that the new one replaces: the model does not see it.
    pub instead_of: Option<ChatId>,
    /// Whether a stream has events for reasoning. Otherwise it comes as text between `<think>`
    /// marks.
    pub separates_reasoning: bool,
    pub stop: Stop,
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

    fn mode(&self, workspace: &Workspace) -> ChatMode {
        self.mode.unwrap_or(workspace.settings.chat_mode)
    }

    /// Whether clients expect the answer of an agent: in the automatic mode, or where the message
    /// begins with `@agent`.
    pub fn is_for_agent(&self, workspace: &Workspace) -> bool {
        let is_called = || self.text.starts_with(AGENT);
        self.may_call_agent && (self.mode(workspace) == ChatMode::Automatic || is_called())
    }

    /// The text without the call for an agent.
    fn asked(&self) -> &str {
        let called = self.text.strip_prefix(AGENT).filter(|_| self.may_call_agent);
        match called.map(str::trim_start) {
            Some(asked) if !asked.is_empty() => asked,
            _ => &self.text,
        }
    }

    /// [`Error::Invalid`] when there is nothing to answer, [`Error::TooLarge`] when it is too much.
    fn check(&self) -> Result<()> {
        if self.text.trim().is_empty() {
            return Err(Error::invalid("message", "Message is empty"));
        }
        if self.text.len() > LONGEST_QUESTION {
            return Err(Error::TooLarge { what: "the message", limit: LONGEST_QUESTION as u64 });
        }
        attachments::check(&self.attachments)
    }
}

#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Answered {
        chat: ChatId,
        /// Reasoning, if any, comes first between `<think>` marks.
        text: String,
        sources: Vec<Source>,
        metrics: Metrics,
    },
    /// Query mode, and nothing in the workspace bears on the question.
    Refused {
        chat: ChatId,
        text: String,
    },
    Empty(EmptyCompletion),
}

/// A question on its way to a model.
struct Prepared {
    model: Arc<dyn ChatModel>,
    request: ChatRequest,
    sources: Vec<Source>,
    /// As it is remembered.
    mode: ChatMode,
    as_agent: bool,
}

/// What is kept of an answer.
struct Kept<'a> {
    text: &'a str,
    sources: &'a [Source],
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
    pub pins: Arc<dyn Pins>,
    pub commands: Arc<dyn SlashCommands>,
    pub variables: Arc<dyn PromptVariables>,
    pub files: Arc<dyn DocumentFiles>,
    pub extractor: Arc<dyn Extractor>,
    pub tokenizer: Arc<dyn Tokenizer>,
    /// Where attached documents wait, as temporary files, until they are read.
    pub scratch: PathBuf,
    pub limits: QuestionLimits,
    /// Where answers are given that are streamed, so that a server can wait for them when it stops.
    pub tasks: BackgroundTasks,
}

impl Conversations {
    /// Answers a question from the workspace's passages and the conversation so far, and keeps
    /// the exchange. [`Error::Exhausted`] when the user has met their daily limit.
    pub async fn ask(&self, workspace: &Workspace, question: Question, by: &By) -> Result<Reply> {
        question.check()?;
        let _permit = self.limits.admit(&question, by)?;
        self.admit(question.user.as_ref(), by).await?;
        let Some(prepared) = self.prepare(workspace, &question, by).await? else {
            return self.refuse(workspace, question, by).await;
        };
        let Prepared { model, request, sources, mode, as_agent } = prepared;
        let (text, metrics) = match answer::collect(&*model, request, as_agent).await? {
            Ok(answered) => answered,
            Err(empty) => return Ok(Reply::Empty(empty)),
        };
        let kept = Kept { text: &text, sources: &sources, mode, metrics: &metrics };
        let chat = self.keep(workspace, question, kept, by).await?;
        Ok(Reply::Answered { chat, text, sources, metrics })
    }

    /// The text of a message with its slash commands expanded, as it is asked and kept: everybody's
    /// commands, and those of a user if one is named.
    pub async fn with_commands(&self, text: String, user: Option<UserId>) -> Result<String> {
        slash_commands::expanded(&*self.commands, text, user).await
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
        self.chats.reset(&conversation, sent(by, workspace, question)).await.map(drop)
    }

    /// What the model is to be asked; nothing when the question is to be refused.
    async fn prepare(
        &self,
        workspace: &Workspace,
        question: &Question,
        by: &By,
    ) -> Result<Option<Prepared>> {
        let choice = ModelChoice {
            model: question
                .overrides
                .model
                .clone()
                .or_else(|| workspace.settings.chat_model.clone()),
            ..workspace.settings.model()
        };
        let model = self.models.chat(&choice);
        let window = model.as_ref().map_or(USUAL_WINDOW, |model| model.name().window);
        // Before anything is decided: an attached document is context like any other.
        let attached = self.read_attached(question, window, by).await?;
        let past = self.past(workspace, question).await?;
        let gathered = self.gather(workspace, question, attached, &past, window).await?;
        let mode = question.mode(workspace);
        if gathered.context.is_empty() && mode == ChatMode::Query {
            return Ok(None);
        }
        let model = model?;
        let variables = self.variables.list().await?;
        let request =
            request::compose(workspace, question, gathered.context, past, &variables, by.at);
        let request = prompt_budget::apply(self.tokenizer.clone(), request, window).await?;
        // Without tools, the automatic mode is the chat mode, and is remembered as such.
        let mode = if mode == ChatMode::Query { mode } else { ChatMode::Chat };
        let as_agent = question.is_for_agent(workspace);
        Ok(Some(Prepared { model, request, sources: gathered.sources, mode, as_agent }))
    }

    /// What is kept of the conversation, oldest first, without what is damaged.
    async fn past(&self, workspace: &Workspace, question: &Question) -> Result<Vec<Earlier>> {
        if question.overrides.history.is_some() {
            return Ok(Vec::new());
        }
        let limit = u32::try_from(workspace.settings.history).unwrap_or(0);
        let mut chats = self.chats.history(&question.conversation(workspace), limit).await?;
        chats.retain(|chat| Some(chat.id) != question.instead_of);
        let (mut images_left, mut bytes_left) = (request::MOST_EARLIER_IMAGES, MOST_BYTES);
        let mut past = Vec::with_capacity(chats.len());
        for mut chat in chats.into_iter().rev() {
            if images_left > 0 && bytes_left > 0 && record::has_images(&chat) {
                chat.images = self.chats.images(chat.id).await?;
                let bytes = chat.images.iter().map(String::len).sum();
                bytes_left = bytes_left.saturating_sub(bytes);
            }
            let Some(mut earlier) = record::earlier(chat) else { continue };
            earlier.images.truncate(images_left);
            images_left -= earlier.images.len();
            past.push(earlier);
        }
        past.reverse();
        Ok(past)
    }

    async fn keep(
        &self,
        workspace: &Workspace,
        question: Question,
        kept: Kept<'_>,
        by: &By,
    ) -> Result<ChatId> {
        let Kept { text, sources, mode, metrics } = kept;
        let response = record::Answer {
            text,
            sources,
            mode,
            metrics: Some(metrics),
            attachments: &question.attachments,
        };
        self.append(workspace, &question, response, true, by).await.map_err(not_saved)
    }

    async fn refuse(&self, workspace: &Workspace, question: Question, by: &By) -> Result<Reply> {
        let text = workspace.settings.refusal.clone().unwrap_or_else(|| REFUSAL.to_owned());
        let response = record::Answer {
            text: &text,
            sources: &[],
            mode: ChatMode::Query,
            metrics: None,
            attachments: &question.attachments,
        };
        let chat = self.append(workspace, &question, response, false, by).await?;
        Ok(Reply::Refused { chat, text })
    }

    async fn append(
        &self,
        workspace: &Workspace,
        question: &Question,
        response: record::Answer<'_>,
        include: bool,
        by: &By,
    ) -> Result<ChatId> {
        let usage = match response.metrics {
            None => Some(Usage::default()),
            // Every question has tokens: a model that tells of none has not counted.
            Some(metrics) => Some(metrics.usage).filter(|usage| *usage != Usage::default()),
        };
        let record::StoredAnswer { record, images } = response.stored();
        let new = NewChat {
            conversation: question.conversation(workspace),
            prompt: question.text.clone(),
            response: record,
            images,
            include,
            created_at: by.at,
            usage,
        };
        // What a model has answered is not given up because of one moment, such as a restart of the
        // database.
        let mut pauses = RETRIES.iter();
        loop {
            let failed = match self.chats.append(new.clone(), sent(by, workspace, question)).await {
                Err(error @ (Error::Unavailable { .. } | Error::Internal(_))) => error,
                saved => return saved,
            };
            let Some(pause) = pauses.next() else { return Err(failed) };
            tracing::warn!(
                error = &failed as &dyn std::error::Error,
                "failed to save an answer; trying again in {pause:?}"
            );
            sleep(*pause).await;
        }
    }
}

/// Says of a failure that it was the saving that failed, which nobody could tell otherwise.
fn not_saved(error: Error) -> Error {
    match error {
        Error::Unavailable { .. } | Error::Internal(_) => Error::Unavailable {
            service: "storage",
            reason: "the answer could not be saved; copy what you need of it, then ask again"
                .into(),
            source: Some(error.into()),
        },
        other => other,
    }
}

fn sent(by: &By, workspace: &Workspace, question: &Question) -> Event {
    let model = workspace.settings.chat_model.as_deref().unwrap_or("System Default");
    let mut details = json!({ "workspaceName": workspace.settings.name, "chatModel": model });
    if let Some(thread) = &question.thread {
        details["threadName"] = json!(thread.name);
        details["userId"] = json!(question.user.as_ref().map(|user| user.id.0));
    }
    by.event("api_sent_chat", details.to_string())
}

#[cfg(test)]
mod tests;
