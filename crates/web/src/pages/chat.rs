//! Conversations of a workspace: what was said, and their names.
use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use carrel_domain::chat::Conversation;
use carrel_domain::deletion::Deletable;
use carrel_domain::model::ModelChoice;
use carrel_domain::suggested_message::SuggestedMessage;
use carrel_domain::thread::Thread;
use carrel_domain::workspace::Workspace;
use carrel_domain::{ChatId, Error};
use carrel_services::chat::MOST_ATTACHMENTS;
use carrel_services::threads;

use super::ask::Asked;
use super::commands::{self, CommandRow};
use super::deletions;
use super::examples;
use crate::asked::LARGEST_FILE;
use crate::filters;
use crate::form::{Fields, Form};
use crate::frame::{Frame, Section};
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::turn::Turn;
use crate::visit::{Reader, Visit};

/// How many exchanges of a conversation are shown.
const SHOWN: u32 = 100;
#[derive(Template)]
#[template(path = "chat.html")]
struct Conversing {
    frame: Frame,
    slug: String,
    /// Where questions of this conversation go.
    base: String,
    title: String,
    is_thread: bool,
    /// Whether its first question will name it.
    is_unnamed: bool,
    turns: Vec<Turn>,
    running: Option<Asked>,
    has_documents: bool,
    documents: u64,
    /// Questions to begin with.
    examples: Vec<SuggestedMessage>,
    commands: Vec<CommandRow>,
    /// The model that answers, if there is one.
    model: String,
    can_share: bool,
    is_manager: bool,
    composer: Composer,
    /// The largest file that can be attached, in bytes, and the most of them.
    largest: u64,
    most: usize,
}

/// What stands in the box to ask in before anything is typed.
#[derive(Default)]
pub struct Composer {
    pub text: String,
    /// The exchange that is asked anew.
    pub instead_of: Option<ChatId>,
    /// Why what is in the box was not answered.
    pub reason: Option<String>,
}

/// The conversation of a path: a workspace's own, or a thread's.
pub struct Place {
    pub workspace: Workspace,
    pub thread: Option<Thread>,
}

impl Place {
    pub async fn of(
        visit: &Visit<Reader>,
        slug: &str,
        thread: Option<&str>,
    ) -> Result<Self, Refusal> {
        let workspace = visit.workspace(slug).await?;
        let Some(named) = thread else { return Ok(Self { workspace, thread: None }) };
        let thread = threads::by_slug(&*visit.ports().threads, &workspace, named).await?;
        // Another's thread is as if there were none.
        if thread.user != visit.who.id() {
            return Err(Error::not_found("thread", named).into());
        }
        Ok(Self { workspace, thread: Some(thread) })
    }

    pub fn conversation(&self, visit: &Visit<Reader>) -> Conversation {
        Conversation {
            workspace: self.workspace.id,
            user: visit.who.id(),
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

pub async fn main(visit: Visit<Reader>, slug: Path<String>) -> Answer {
    let place = Place::of(&visit, &slug, None).await?;
    let composer = composer(&visit, &place).await?;
    show(&visit, place, composer).await
}

pub async fn thread(visit: Visit<Reader>, path: Path<(String, String)>) -> Answer {
    let place = Place::of(&visit, &path.0, Some(&path.1)).await?;
    let composer = composer(&visit, &place).await?;
    show(&visit, place, composer).await
}

/// What somebody wants to word anew, or the last question if it came to nothing.
async fn composer(visit: &Visit<Reader>, place: &Place) -> Result<Composer, Refusal> {
    if let Some(id) = Fields::of_query(&visit.request).number("reword")? {
        let chat = super::exchange::own(visit, &place.workspace, ChatId(id)).await?;
        return Ok(Composer { text: chat.prompt, instead_of: Some(chat.id), reason: None });
    }
    let unanswered = visit.site.unanswered.of(&place.conversation(visit));
    Ok(unanswered.map_or_else(Composer::default, |unanswered| Composer {
        text: unanswered.question,
        instead_of: unanswered.instead_of,
        reason: Some(unanswered.reason),
    }))
}

/// A conversation and the box below it.
pub async fn show(visit: &Visit<Reader>, place: Place, composer: Composer) -> Answer {
    let (ports, conversation) = (visit.ports(), place.conversation(visit));
    let base = place.base();
    let Place { workspace, thread } = place;
    let chats = ports.chats.history(&conversation, SHOWN).await?;
    let name = workspace.settings.name.clone();
    let title = thread.as_ref().map_or(name, |thread| thread.name.clone());
    let slug = workspace.slug.to_string();
    let running = visit.site.answers.current(&conversation).map(|running| Asked::of(&running));
    let has_documents = ports.index.count(Some(workspace.id)).await? > 0;
    let suggested = match chats.is_empty() {
        true => ports.suggested_messages.of(workspace.id).await?,
        false => Vec::new(),
    };
    let (documents, examples) = match has_documents && chats.is_empty() && suggested.is_empty() {
        true => examples::of(visit, &workspace).await?,
        false => (examples::newest(visit, &workspace, 1).await?, suggested),
    };
    let settings = &workspace.settings;
    let choice = ModelChoice {
        provider: settings.chat_provider.clone(),
        model: settings.chat_model.clone(),
    };
    let model = ports.models.chat(&choice).ok();
    let (of, at) = (workspace.clone(), base.clone());
    let turns = visit.site.renderer.run(move || Turn::of_chats(chats, &of, &at)).await?;
    let frame = visit.frame_in(&title, Section::Workspace, Some(&slug)).await?;
    let page = Conversing {
        is_thread: thread.is_some(),
        is_unnamed: thread.is_some_and(|thread| thread.name == threads::UNNAMED),
        has_documents,
        documents: documents.total,
        examples,
        commands: commands::available(visit).await?,
        model: model.map(|model| model.name().model).unwrap_or_default(),
        can_share: super::share::are_allowed(visit).await?,
        turns,
        running,
        is_manager: frame.is_manager,
        frame,
        slug,
        base,
        title,
        composer,
        largest: visit.site.options.upload_limit.min(LARGEST_FILE),
        most: MOST_ATTACHMENTS,
    };
    reply::page(&visit.request, &page)
}

/// Starts a thread.
pub async fn new_thread(visit: Visit<Reader>, slug: Path<String>) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let choice = threads::ThreadChoice { user: visit.who.id(), ..threads::ThreadChoice::default() };
    let thread = threads::create(&*visit.ports().threads, &workspace, choice, &visit.by()).await?;
    Ok(reply::see(&format!("/w/{}/t/{}", workspace.slug, thread.slug)))
}

pub async fn rename_thread(
    visit: Visit<Reader>,
    path: Path<(String, String)>,
    form: Form,
) -> Answer {
    let place = Place::of(&visit, &path.0, Some(&path.1)).await?;
    let name = super::home::name(form.read().await?.text("name"))?;
    let base = place.base();
    if let Some(thread) = &place.thread {
        threads::rename(&*visit.ports().threads, thread, name, &visit.by()).await?;
    }
    Ok(reply::done(&base, "saved"))
}

pub async fn delete_thread(visit: Visit<Reader>, path: Path<(String, String)>) -> Answer {
    let place = Place::of(&visit, &path.0, Some(&path.1)).await?;
    let address = format!("/w/{}", place.workspace.slug);
    let thread = place.thread.ok_or_else(|| Error::not_found("thread", &path.1))?;
    deletions::delete(&visit, &Deletable::Thread(thread.id), &address, "deleted").await
}

/// Begins the workspace's own conversation anew.
pub async fn reset(visit: Visit<Reader>, slug: Path<String>) -> Result<HttpResponse, Refusal> {
    let place = Place::of(&visit, &slug, None).await?;
    let conversation = place.conversation(&visit);
    visit.site.unanswered.forget(&conversation);
    let what = Deletable::Conversation(conversation);
    deletions::delete(&visit, &what, &place.base(), "reset").await
}
