//! Answering questions in a workspace.
mod answer;
mod attachments;
pub mod concurrency;
mod context;
mod overrides;
mod parked;
mod prompt_budget;
mod question;
mod request;
mod stop;
mod stream;
mod thread_files;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use carrel_domain::audit::{By, Event};
use carrel_domain::chat::{Chats, MAX_BYTES, NewChat};
use carrel_domain::document::{DocumentFiles, Extractor};
use carrel_domain::memory::Memories;
use carrel_domain::model::{ChatModel, ChatRequest, ModelChoice, Models, Tokenizer, Usage};
use carrel_domain::pin::Pins;
use carrel_domain::prompt_variable::PromptVariables;
use carrel_domain::slash_command::SlashCommands;
use carrel_domain::thread_file::ThreadFiles;
use carrel_domain::user::{self, MessageQuota, User};
use carrel_domain::workspace::{ChatMode, Workspace};
use carrel_domain::{ChatId, Error, Result, UserId};
use serde_json::json;
use tokio::time::sleep;

pub use answer::{AnswerEvent, EMPTY_COMPLETION, EmptyCompletion, Finished};
pub use attachments::MAX_ATTACHMENTS;
pub use overrides::RequestOverrides;
pub use question::{MAX_QUESTION_BYTES, Question};
pub use stop::Stop;
pub use thread_files::{MAX_FILES, MAX_TEXT_BYTES as MAX_THREAD_FILE_BYTES, add_file, remove_file};

pub use crate::exchange::{Attachment, Metrics, Source};

use self::concurrency::QuestionLimits;
use self::parked::ParkedImages;
use crate::background::BackgroundTasks;
use crate::memories;
use crate::record::{self, EarlierExchange};
use crate::search::Search;
use crate::slash_commands;

const REFUSAL: &str = "There is no relevant information in this workspace to answer your query.";

const QUOTA_EXCEEDED: &str =
    "You have met your maximum 24 hour chat quota. Please try again later.";

/// The delays between attempts to save an answer.
const RETRY_DELAYS: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_secs(1), Duration::from_secs(4)];

/// The context window assumed if no model is configured, in tokens.
const DEFAULT_WINDOW: u64 = 4096;

/// The result of a question without streaming.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The model answered, and the exchange is stored.
    Answered {
        /// The id of the exchange.
        chat: ChatId,
        /// The answer. Reasoning, if any, comes first between `<think>` marks.
        text: String,
        /// The passages used by the answer, most relevant first.
        sources: Vec<Source>,
        /// The usage and other facts about the answer.
        metrics: Metrics,
    },
    /// The question was refused in query mode because no passage is relevant.
    Refused {
        /// The id of the exchange.
        chat: ChatId,
        /// The workspace's refusal text.
        text: String,
    },
    /// The model returned no text. Nothing is stored.
    Empty(EmptyCompletion),
}

/// A question prepared for a model.
struct Prepared {
    model: Arc<dyn ChatModel>,
    request: ChatRequest,
    sources: Vec<Source>,
    /// The mode to store.
    mode: ChatMode,
    as_agent: bool,
    /// The images, parked until the exchange is stored.
    images: Option<ParkedImages>,
}

/// The parts of an answer to store.
struct AnswerParts<'a> {
    text: &'a str,
    sources: &'a [Source],
    mode: ChatMode,
    metrics: &'a Metrics,
    images: Option<ParkedImages>,
}

/// Answers questions in workspaces. Cheap to clone.
#[derive(Clone)]
pub struct Conversations {
    /// Finds passages.
    pub search: Search,
    /// Selects the language model.
    pub models: Arc<dyn Models>,
    /// The store of exchanges.
    pub chats: Arc<dyn Chats>,
    /// Counts questions of users with a daily limit.
    pub quota: Arc<dyn MessageQuota>,
    /// The pinned documents.
    pub pins: Arc<dyn Pins>,
    /// The slash commands.
    pub commands: Arc<dyn SlashCommands>,
    /// The variables for instructions.
    pub variables: Arc<dyn PromptVariables>,
    /// The memories sent with questions.
    pub memories: Arc<dyn Memories>,
    /// The thread files.
    pub thread_files: Arc<dyn ThreadFiles>,
    /// The texts of documents.
    pub files: Arc<dyn DocumentFiles>,
    /// Reads attached files.
    pub extractor: Arc<dyn Extractor>,
    /// Counts tokens to fit prompts into the context window.
    pub tokenizer: Arc<dyn Tokenizer>,
    /// The directory for attached files until they are read.
    pub scratch: PathBuf,
    /// Limits the number of concurrent questions.
    pub limits: QuestionLimits,
    /// The tasks of streamed answers, which are awaited at shutdown.
    pub tasks: BackgroundTasks,
}

impl Conversations {
    /// Answers a question from the workspace's passages and the conversation so far, and stores the
    /// exchange. [`Error::Exhausted`] if the user has reached the daily limit.
    pub async fn ask(
        &self,
        workspace: &Workspace,
        mut question: Question,
        by: &By,
    ) -> Result<Reply> {
        question.check()?;
        let mut permit = self.limits.acquire(&question, by)?;
        self.check_quota(question.user.as_ref(), by).await?;
        let Some(prepared) = self.prepare(workspace, &mut question, by).await? else {
            return self.refuse(workspace, question, by).await;
        };
        let Prepared { model, request, sources, mode, as_agent, images } = prepared;
        permit.shrink_to(&request);
        let (text, metrics) = match answer::collect(&*model, request, as_agent).await? {
            Ok(answered) => answered,
            Err(empty) => return Ok(Reply::Empty(empty)),
        };
        let parts = AnswerParts { text: &text, sources: &sources, mode, metrics: &metrics, images };
        let chat = self.save(workspace, question, parts, by).await?;
        Ok(Reply::Answered { chat, text, sources, metrics })
    }

    /// Expands the slash commands in a message: those of everybody and, if `user` is given, of that
    /// user. The expanded text is sent to the model and stored.
    pub async fn expand_commands(&self, text: String, user: Option<UserId>) -> Result<String> {
        slash_commands::expand(&*self.commands, text, user).await
    }

    /// Counts the question against the user's daily limit before any other work.
    async fn check_quota(&self, user: Option<&User>, by: &By) -> Result<()> {
        let Some(user) = user.filter(|user| user.role != user::Role::Admin) else { return Ok(()) };
        let Some(limit) = user.daily_message_limit else { return Ok(()) };
        match self.quota.consume_message(user.id, limit, by.at).await? {
            true => Ok(()),
            false => Err(Error::exhausted(QUOTA_EXCEEDED)),
        }
    }

    /// Hides the exchanges of the question's conversation from later answers. For a thread without
    /// a user, hides the exchanges of all participants.
    pub async fn reset(&self, workspace: &Workspace, question: &Question, by: &By) -> Result<()> {
        let conversation = question.conversation(workspace);
        self.chats.reset(&conversation, chat_event(by, workspace, question)).await.map(drop)
    }

    /// Builds the request to the model, or returns `None` if the question must be refused. Takes
    /// the contents of the attachments out of the question.
    async fn prepare(
        &self,
        workspace: &Workspace,
        question: &mut Question,
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
        let window = model.as_ref().map_or(DEFAULT_WINDOW, |model| model.name().window);
        // Attached documents are part of the context, so they are read before deciding on a
        // refusal.
        let mut documents = thread_files::load_documents(self, question, window, by).await?;
        documents.extend(attachments::read_documents(self, question, window, by).await?);
        let history = self.load_history(workspace, question).await?;
        let context =
            context::gather(self, workspace, question, documents, &history, window).await?;
        let mode = question.mode(workspace);
        if context.parts.is_empty() && mode == ChatMode::Query {
            return Ok(None);
        }
        let model = model?;
        let variables = self.variables.list().await?;
        let notes = match question.uses_memories {
            true => self.memories.about(question.user.as_ref().map(|user| user.id)).await?,
            false => Vec::new(),
        };
        let notes = memories::text(&notes, workspace.id);
        let additions = request::Additions { variables, notes };
        let request =
            request::compose(workspace, question, context.parts, history, &additions, by.at);
        let request = prompt_budget::apply(self.tokenizer.clone(), request, window).await?;
        // Automatic mode without tools is chat mode and is stored as such.
        let mode = if mode == ChatMode::Query { mode } else { ChatMode::Chat };
        let as_agent = question.is_for_agent(workspace);
        let images = ParkedImages::park(&mut question.attachments, self.scratch.clone()).await?;
        Ok(Some(Prepared { model, request, sources: context.sources, mode, as_agent, images }))
    }

    /// Returns the stored conversation, oldest first, without damaged exchanges.
    async fn load_history(
        &self,
        workspace: &Workspace,
        question: &Question,
    ) -> Result<Vec<EarlierExchange>> {
        if question.overrides.history.is_some() {
            return Ok(Vec::new());
        }
        let limit = u32::try_from(workspace.settings.history).unwrap_or(0);
        let mut chats = self.chats.history(&question.conversation(workspace), limit).await?;
        chats.retain(|chat| Some(chat.id) != question.replaced_chat);
        let (mut images_left, mut bytes_left) = (request::MAX_HISTORY_IMAGES, MAX_BYTES);
        let mut history = Vec::with_capacity(chats.len());
        for mut chat in chats.into_iter().rev() {
            if images_left > 0 && bytes_left > 0 && record::has_images(&chat) {
                chat.images = self.chats.images(chat.id).await?;
                let bytes = chat.images.iter().map(String::len).sum();
                bytes_left = bytes_left.saturating_sub(bytes);
            }
            let Some(mut exchange) = record::read_exchange(chat) else { continue };
            exchange.images.truncate(images_left);
            images_left -= exchange.images.len();
            history.push(exchange);
        }
        history.reverse();
        Ok(history)
    }

    async fn save(
        &self,
        workspace: &Workspace,
        mut question: Question,
        parts: AnswerParts<'_>,
        by: &By,
    ) -> Result<ChatId> {
        let AnswerParts { text, sources, mode, metrics, images } = parts;
        if let Some(images) = images
            && let Err(error) = images.restore(&mut question.attachments).await
        {
            // The answer is stored even if its images cannot be.
            tracing::warn!(%error, "the images of a question are not stored");
            question.attachments.retain(|attachment| !attachment.is_image());
        }
        let response = record::Answer {
            text,
            sources,
            mode,
            metrics: Some(metrics),
            attachments: &question.attachments,
        };
        self.append(workspace, &question, response, true, by).await.map_err(storage_error)
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
            // Zero tokens mean that the model did not report its usage.
            Some(metrics) => Some(metrics.usage).filter(|usage| *usage != Usage::default()),
        };
        let record::StoredAnswer { record, images } = response.stored();
        let chat = NewChat {
            conversation: question.conversation(workspace),
            prompt: question.text.clone(),
            response: record,
            images,
            include,
            created_at: by.at,
            usage,
        };
        // Retry transient failures, such as a restart of the database, so that the answer is not
        // lost.
        let mut delays = RETRY_DELAYS.iter();
        loop {
            let error =
                match self.chats.append(chat.clone(), chat_event(by, workspace, question)).await {
                    Err(error @ (Error::Unavailable { .. } | Error::Internal(_))) => error,
                    result => return result,
                };
            let Some(delay) = delays.next() else { return Err(error) };
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "failed to save an answer; trying again in {delay:?}"
            );
            sleep(*delay).await;
        }
    }
}

/// Converts a failure into one that says the answer could not be saved.
fn storage_error(error: Error) -> Error {
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

fn chat_event(by: &By, workspace: &Workspace, question: &Question) -> Event {
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
