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

use super::ask::RunningPart;
use super::commands::{self, CommandRow};
use super::deletions;
use super::examples;
use crate::http::chat_form::LARGEST_FILE;
use crate::http::form::{Fields, PageForm};
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::message::MessageView;

/// Exchanges of a conversation that are shown.
const SHOWN: u32 = 100;
/// Exchanges that are shown at first. Browsers take long for the page of a hundred.
const RECENT: usize = 20;
#[derive(Template)]
#[template(path = "chat.html")]
struct Conversing {
    layout: PageLayout,
    slug: String,
    /// Address to which questions of this conversation are sent.
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
    running: Option<RunningPart>,
    has_documents: bool,
    documents: u64,
    /// Suggested questions for an empty conversation.
    examples: Vec<SuggestedMessage>,
    commands: Vec<CommandRow>,
    /// The workspace's model, if there is one.
    model: String,
    can_share: bool,
    /// True if dictation is available.
    hears: bool,
    /// True if answers can be read aloud.
    speaks: bool,
    is_manager: bool,
    composer: Composer,
    /// Largest attachment in bytes, and most attachments.
    largest: u64,
    most: usize,
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
pub struct Place {
    pub workspace: Workspace,
    pub thread: Option<Thread>,
}

impl Place {
    pub async fn of(
        current_user: &CurrentUser<role::Any>,
        slug: &str,
        thread: Option<&str>,
    ) -> Result<Self, PageError> {
        let workspace = current_user.workspace(slug).await?;
        let Some(named) = thread else { return Ok(Self { workspace, thread: None }) };
        let thread = threads::by_slug(&*current_user.ports().threads, &workspace, named).await?;
        // Another user's thread is reported as not found.
        if thread.user != current_user.identity.id() {
            return Err(Error::not_found("thread", named).into());
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
    let place = Place::of(&current_user, &path.0, Some(&path.1)).await?;
    let missing = || Error::not_found("file", &path.2);
    let thread = place.thread.as_ref().ok_or_else(missing)?;
    let id = path.2.parse().map(ThreadFileId).map_err(|_| missing())?;
    carrel_services::chat::remove_file(
        &current_user.ports().conversations,
        thread,
        id,
        &current_user.by(),
    )
    .await?;
    Ok(response::see(&place.base()))
}

pub async fn main(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let place = Place::of(&current_user, &slug, None).await?;
    let composer = composer(&current_user, &place).await?;
    show(&current_user, place, composer).await
}

pub async fn thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    let place = Place::of(&current_user, &path.0, Some(&path.1)).await?;
    let composer = composer(&current_user, &place).await?;
    show(&current_user, place, composer).await
}

/// Returns the question that the user wants to edit, or the last question if it failed.
async fn composer(
    current_user: &CurrentUser<role::Any>,
    place: &Place,
) -> Result<Composer, PageError> {
    if let Some(id) = Fields::of_query(&current_user.request).number("reword")? {
        let chat = super::exchange::own(current_user, &place.workspace, ChatId(id)).await?;
        return Ok(Composer { text: chat.prompt, instead_of: Some(chat.id), reason: None });
    }
    let unanswered = current_user.site.failed_drafts.of(&place.conversation(current_user));
    Ok(unanswered.map_or_else(Composer::default, |unanswered| Composer {
        text: unanswered.question,
        instead_of: unanswered.instead_of,
        reason: Some(unanswered.reason),
    }))
}

/// Shows a conversation and the chat form.
pub async fn show(
    current_user: &CurrentUser<role::Any>,
    place: Place,
    composer: Composer,
) -> PageResult {
    let (ports, conversation) = (current_user.ports(), place.conversation(current_user));
    let base = place.base();
    let Place { workspace, thread } = place;
    let shows_all = Fields::of_query(&current_user.request).has("earlier");
    let limit = if shows_all { SHOWN } else { RECENT as u32 + 1 };
    let mut chats = ports.chats.history(&conversation, limit).await?;
    let earlier = chats.len().saturating_sub(RECENT);
    let has_earlier = !shows_all && earlier > 0;
    if has_earlier {
        chats.drain(..earlier);
    }
    let name = workspace.settings.name.clone();
    let title = thread.as_ref().map_or(name, |thread| thread.name.clone());
    let slug = workspace.slug.to_string();
    let running =
        current_user.site.answers.current(&conversation).map(|running| RunningPart::of(&running));
    let has_documents = ports.index.count(Some(workspace.id)).await? > 0;
    let suggested = match chats.is_empty() {
        true => ports.suggested_messages.of(workspace.id).await?,
        false => Vec::new(),
    };
    let (documents, examples) = match has_documents && chats.is_empty() && suggested.is_empty() {
        true => examples::of(current_user, &workspace).await?,
        false => (examples::newest(current_user, &workspace, 1).await?, suggested),
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
    let (of, at) = (workspace.clone(), base.clone());
    let mut messages =
        current_user.site.renderer.run(move || MessageView::of_chats(chats, &of, &at)).await?;
    if shows_all {
        messages.iter_mut().take(earlier).for_each(|message| message.is_earlier = true);
    }
    let layout = current_user.layout_in(&title, Section::Workspace, Some(&slug)).await?;
    let page = Conversing {
        is_thread: thread.is_some(),
        thread: thread.as_ref().map(|thread| thread.slug.to_string()),
        is_archived: thread.as_ref().is_some_and(|thread| thread.archived_at.is_some()),
        is_unnamed: thread.is_some_and(|thread| thread.name == threads::DEFAULT_NAME),
        has_documents,
        documents: documents.total,
        examples,
        commands: commands::available(current_user).await?,
        model: model.map(|model| model.name().model).unwrap_or_default(),
        can_share: super::share::are_allowed(current_user).await?,
        hears: ports.speech.transcription_model().is_ok(),
        speaks: ports.speech.synthesis_model().is_ok(),
        has_earlier,
        messages,
        files,
        running,
        is_manager: layout.is_manager,
        layout,
        slug,
        base,
        title,
        composer,
        largest: current_user.site.options.upload_limit.min(LARGEST_FILE),
        most: MAX_ATTACHMENTS,
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
    Ok(response::see(&format!("/w/{}/t/{}", workspace.slug, thread.slug)))
}

pub async fn rename_thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
    form: PageForm,
) -> PageResult {
    let place = Place::of(&current_user, &path.0, Some(&path.1)).await?;
    let name = super::home::name(form.read().await?.text("name"))?;
    let base = place.base();
    if let Some(thread) = &place.thread {
        threads::rename(&*current_user.ports().threads, thread, name, &current_user.by()).await?;
    }
    Ok(response::done(&base, "saved"))
}

pub async fn delete_thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    let place = Place::of(&current_user, &path.0, Some(&path.1)).await?;
    let address = format!("/w/{}", place.workspace.slug);
    let thread = place.thread.ok_or_else(|| Error::not_found("thread", &path.1))?;
    deletions::delete(&current_user, &Deletable::Thread(thread.id), &address, "deleted").await
}

/// Resets the workspace's own conversation.
pub async fn reset(
    current_user: CurrentUser<role::Any>,
    slug: Path<String>,
) -> Result<HttpResponse, PageError> {
    let place = Place::of(&current_user, &slug, None).await?;
    let conversation = place.conversation(&current_user);
    current_user.site.failed_drafts.forget(&conversation);
    let what = Deletable::Conversation(conversation);
    deletions::delete(&current_user, &what, &place.base(), "reset").await
}
