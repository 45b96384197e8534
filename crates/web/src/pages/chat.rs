//! Conversations of a workspace: their exchanges and names.
use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use carrel_domain::chat::Conversation;
use carrel_domain::deletion::Deletable;
use carrel_domain::model::ModelChoice;
use carrel_domain::suggested_message::SuggestedMessage;
use carrel_domain::thread::Thread;
use carrel_domain::thread_file::ThreadFile;
use carrel_domain::workspace::Workspace;
use carrel_domain::{ChatId, Error, ThreadFileId};
use carrel_services::chat::MAX_ATTACHMENTS;
use carrel_services::threads;

use super::ask::RunningAnswerPart;
use super::commands::{self, CommandRow};
use super::deletions;
use super::examples;
use crate::http::chat_form::MAX_FILE_BYTES;
use crate::http::form::{Fields, PageForm};
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::message::MessageView;

/// Maximum number of displayed exchanges of a conversation.
const MAX_EXCHANGES: u32 = 100;
/// Exchanges that are displayed at first. Browsers need long for a page with a hundred.
const RECENT_EXCHANGES: usize = 20;
#[derive(Template)]
#[template(path = "chat.html")]
struct ConversationPage {
    layout: PageLayout,
    slug: String,
    /// Address of the conversation, to which its questions are posted.
    base: String,
    title: String,
    is_thread: bool,
    /// Slug of the thread, if this is one.
    thread: Option<String>,
    is_archived: bool,
    /// True if the first question will name the thread.
    is_unnamed: bool,
    /// True if there are exchanges before the messages.
    has_earlier: bool,
    messages: Vec<MessageView>,
    /// Files that stay with the thread.
    files: Vec<ThreadFile>,
    running_answer: Option<RunningAnswerPart>,
    has_documents: bool,
    document_count: u64,
    /// Suggested questions for an empty conversation.
    examples: Vec<SuggestedMessage>,
    commands: Vec<CommandRow>,
    /// The workspace's model, if there is one.
    model: String,
    can_share: bool,
    /// True if dictation is available.
    can_dictate: bool,
    /// True if answers can be read aloud.
    can_read_aloud: bool,
    is_manager: bool,
    composer: Composer,
    /// Maximum size of an attachment in bytes, and maximum number of attachments.
    max_attachment_bytes: u64,
    max_attachments: usize,
}

/// The initial contents of the chat form.
#[derive(Default)]
pub struct Composer {
    pub text: String,
    /// The exchange that is being regenerated.
    pub instead_of: Option<ChatId>,
    /// Why the question was not answered.
    pub reason: Option<String>,
}

/// The conversation in a path: the workspace's own, or a thread.
pub struct ConversationContext {
    pub workspace: Workspace,
    pub thread: Option<Thread>,
}

impl ConversationContext {
    pub async fn load(
        current_user: &CurrentUser<role::Any>,
        slug: &str,
        thread: Option<&str>,
    ) -> Result<Self, PageError> {
        let workspace = current_user.workspace(slug).await?;
        let Some(thread_slug) = thread else { return Ok(Self { workspace, thread: None }) };
        let thread =
            threads::by_slug(&*current_user.ports().threads, &workspace, thread_slug).await?;
        // Another user's thread is reported as not found.
        if thread.user != current_user.identity.id() {
            return Err(Error::not_found("thread", thread_slug).into());
        }
        Ok(Self { workspace, thread: Some(thread) })
    }

    pub fn conversation(&self, current_user: &CurrentUser<role::Any>) -> Conversation {
        Conversation {
            workspace: self.workspace.id,
            user: current_user.identity.id(),
            thread: self.thread.as_ref().map(|thread| thread.id),
            session: None,
        }
    }

    pub fn base(&self) -> String {
        match &self.thread {
            Some(thread) => format!("/w/{}/t/{}", self.workspace.slug, thread.slug),
            None => format!("/w/{}", self.workspace.slug),
        }
    }
}

/// Removes a file from a thread.
pub async fn remove_file(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String, String)>,
) -> PageResult {
    let context = ConversationContext::load(&current_user, &path.0, Some(&path.1)).await?;
    let not_found = || Error::not_found("file", &path.2);
    let thread = context.thread.as_ref().ok_or_else(not_found)?;
    let id = path.2.parse().map(ThreadFileId).map_err(|_| not_found())?;
    carrel_services::chat::remove_file(
        &current_user.ports().conversations,
        thread,
        id,
        &current_user.by(),
    )
    .await?;
    Ok(response::redirect_to(&context.base()))
}

pub async fn main(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let context = ConversationContext::load(&current_user, &slug, None).await?;
    let composer = composer(&current_user, &context).await?;
    show(&current_user, context, composer).await
}

pub async fn thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    let context = ConversationContext::load(&current_user, &path.0, Some(&path.1)).await?;
    let composer = composer(&current_user, &context).await?;
    show(&current_user, context, composer).await
}

/// Returns the question that the user wants to edit, or the last question if it failed.
async fn composer(
    current_user: &CurrentUser<role::Any>,
    context: &ConversationContext,
) -> Result<Composer, PageError> {
    if let Some(id) = Fields::of_query(&current_user.request).number("reword")? {
        let chat =
            super::exchange::own_exchange(current_user, &context.workspace, ChatId(id)).await?;
        return Ok(Composer { text: chat.prompt, instead_of: Some(chat.id), reason: None });
    }
    let draft = current_user.site.failed_drafts.get(&context.conversation(current_user));
    Ok(draft.map_or_else(Composer::default, |draft| Composer {
        text: draft.question,
        instead_of: draft.instead_of,
        reason: Some(draft.reason),
    }))
}

/// Shows a conversation and the chat form.
pub async fn show(
    current_user: &CurrentUser<role::Any>,
    context: ConversationContext,
    composer: Composer,
) -> PageResult {
    let (ports, conversation) = (current_user.ports(), context.conversation(current_user));
    let base = context.base();
    let ConversationContext { workspace, thread } = context;
    let is_expanded = Fields::of_query(&current_user.request).has("earlier");
    let limit = if is_expanded { MAX_EXCHANGES } else { RECENT_EXCHANGES as u32 + 1 };
    let mut chats = ports.chats.history(&conversation, limit).await?;
    let earlier_count = chats.len().saturating_sub(RECENT_EXCHANGES);
    let has_earlier = !is_expanded && earlier_count > 0;
    if has_earlier {
        chats.drain(..earlier_count);
    }
    let name = workspace.settings.name.clone();
    let title = thread.as_ref().map_or(name, |thread| thread.name.clone());
    let slug = workspace.slug.to_string();
    let running_answer = current_user
        .site
        .answers
        .current(&conversation)
        .map(|answer| RunningAnswerPart::new(&answer));
    let has_documents = ports.index.count(Some(workspace.id)).await? > 0;
    let suggestions = match chats.is_empty() {
        true => ports.suggested_messages.of(workspace.id).await?,
        false => Vec::new(),
    };
    let (documents, examples) = match has_documents && chats.is_empty() && suggestions.is_empty() {
        true => examples::suggestions(current_user, &workspace).await?,
        false => (examples::newest_documents(current_user, &workspace, 1).await?, suggestions),
    };
    let files = match &thread {
        Some(thread) => ports.thread_files.of(thread.id).await?,
        None => Vec::new(),
    };
    let settings = &workspace.settings;
    let choice = ModelChoice {
        provider: settings.chat_provider.clone(),
        model: settings.chat_model.clone(),
    };
    let model = ports.models.chat(&choice).ok();
    let (chat_workspace, chat_base) = (workspace.clone(), base.clone());
    let mut messages = current_user
        .site
        .renderer
        .run(move || MessageView::from_chats(chats, &chat_workspace, &chat_base))
        .await?;
    if is_expanded {
        messages.iter_mut().take(earlier_count).for_each(|message| message.is_collapsed = true);
    }
    let layout = current_user.layout_in(&title, Section::Workspace, Some(&slug)).await?;
    let page = ConversationPage {
        is_thread: thread.is_some(),
        thread: thread.as_ref().map(|thread| thread.slug.to_string()),
        is_archived: thread.as_ref().is_some_and(|thread| thread.archived_at.is_some()),
        is_unnamed: thread.is_some_and(|thread| thread.name == threads::DEFAULT_NAME),
        has_documents,
        document_count: documents.total,
        examples,
        commands: commands::available(current_user).await?,
        model: model.map(|model| model.name().model).unwrap_or_default(),
        can_share: super::share::is_sharing_allowed(current_user).await?,
        can_dictate: ports.speech.transcription_model().is_ok(),
        can_read_aloud: ports.speech.synthesis_model().is_ok(),
        has_earlier,
        messages,
        files,
        running_answer,
        is_manager: layout.is_manager,
        layout,
        slug,
        base,
        title,
        composer,
        max_attachment_bytes: current_user.site.options.upload_limit.min(MAX_FILE_BYTES),
        max_attachments: MAX_ATTACHMENTS,
    };
    response::page(&current_user.request, &page)
}

/// Creates a thread.
pub async fn new_thread(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let choice = threads::ThreadOptions {
        user: current_user.identity.id(),
        ..threads::ThreadOptions::default()
    };
    let thread =
        threads::create(&*current_user.ports().threads, &workspace, choice, &current_user.by())
            .await?;
    Ok(response::redirect_to(&format!("/w/{}/t/{}", workspace.slug, thread.slug)))
}

pub async fn rename_thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
    form: PageForm,
) -> PageResult {
    let context = ConversationContext::load(&current_user, &path.0, Some(&path.1)).await?;
    let name = super::home::parse_name(form.read().await?.text("name"))?;
    let base = context.base();
    if let Some(thread) = &context.thread {
        threads::rename(&*current_user.ports().threads, thread, name, &current_user.by()).await?;
    }
    Ok(response::redirect_with_notice(&base, "saved"))
}

pub async fn delete_thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    let context = ConversationContext::load(&current_user, &path.0, Some(&path.1)).await?;
    let address = format!("/w/{}", context.workspace.slug);
    let thread = context.thread.ok_or_else(|| Error::not_found("thread", &path.1))?;
    deletions::delete(&current_user, &Deletable::Thread(thread.id), &address, "deleted").await
}

/// Resets the workspace's own conversation.
pub async fn reset(
    current_user: CurrentUser<role::Any>,
    slug: Path<String>,
) -> Result<HttpResponse, PageError> {
    let context = ConversationContext::load(&current_user, &slug, None).await?;
    let conversation = context.conversation(&current_user);
    current_user.site.failed_drafts.remove(&conversation);
    let item = Deletable::Conversation(conversation);
    deletions::delete(&current_user, &item, &context.base(), "reset").await
}
