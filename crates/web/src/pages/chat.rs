//! Conversations of a workspace: what was said, and asking.
use actix_web::HttpResponse;
use actix_web::web::Path;
use askama::Template;
use carrel_domain::chat::Conversation;
use carrel_domain::thread::Thread;
use carrel_domain::workspace::Workspace;
use carrel_domain::{ChatId, Error};
use carrel_services::chat::Question;
use carrel_services::{chat_edits, threads};

use crate::around::is_fragment;
use crate::filters;
use crate::form::Form;
use crate::frame::{Frame, Section};
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::turn::Turn;
use crate::visit::{Reader, Visit};

/// How many exchanges of a conversation are shown.
const SHOWN: u32 = 100;
/// How many threads are listed.
const LISTED: u32 = 100;
/// How many characters of a question name a thread that has no name yet.
const NAMED: usize = 48;

/// A thread in the side bar.
struct Entry {
    name: String,
    slug: String,
    is_current: bool,
}

#[derive(Template)]
#[template(path = "chat.html")]
struct Conversing {
    frame: Frame,
    slug: String,
    /// Where questions of this conversation go.
    base: String,
    title: String,
    threads: Vec<Entry>,
    is_thread: bool,
    turns: Vec<Turn>,
    running: Option<Asked>,
    has_documents: bool,
    is_manager: bool,
}

/// A question whose answer is under way.
#[derive(Template)]
#[template(path = "part/running.html")]
pub struct Asked {
    pub id: String,
    pub question: String,
}

/// The conversation of a path: a workspace's own, or a thread's.
struct Place {
    workspace: Workspace,
    thread: Option<Thread>,
}

impl Place {
    async fn of(visit: &Visit<Reader>, slug: &str, thread: Option<&str>) -> Result<Self, Refusal> {
        let workspace = visit.workspace(slug).await?;
        let Some(named) = thread else { return Ok(Self { workspace, thread: None }) };
        let thread = threads::by_slug(&*visit.ports().threads, &workspace, named).await?;
        // Another's thread is as if there were none.
        if thread.user != visit.who.id() {
            return Err(Error::not_found("thread", named).into());
        }
        Ok(Self { workspace, thread: Some(thread) })
    }

    fn conversation(&self, visit: &Visit<Reader>) -> Conversation {
        Conversation {
            workspace: self.workspace.id,
            user: visit.who.id(),
            thread: self.thread.as_ref().map(|thread| thread.id),
            session: None,
        }
    }

    fn base(&self) -> String {
        match &self.thread {
            Some(thread) => format!("/w/{}/t/{}", self.workspace.slug, thread.slug),
            None => format!("/w/{}", self.workspace.slug),
        }
    }
}

pub async fn main(visit: Visit<Reader>, slug: Path<String>) -> Answer {
    show(&visit, Place::of(&visit, &slug, None).await?).await
}

pub async fn thread(visit: Visit<Reader>, path: Path<(String, String)>) -> Answer {
    show(&visit, Place::of(&visit, &path.0, Some(&path.1)).await?).await
}

async fn show(visit: &Visit<Reader>, place: Place) -> Answer {
    let (ports, conversation) = (visit.ports(), place.conversation(visit));
    let base = place.base();
    let Place { workspace, thread } = place;
    let chats = ports.chats.history(&conversation, SHOWN).await?;
    let known = ports.threads.latest(workspace.id, visit.who.id(), LISTED).await?;
    let entry = |known: Thread| Entry {
        is_current: thread.as_ref().is_some_and(|thread| thread.id == known.id),
        slug: known.slug.to_string(),
        name: known.name,
    };
    let name = workspace.settings.name.clone();
    let title = thread.as_ref().map_or(name, |thread| thread.name.clone());
    let slug = workspace.slug.to_string();
    let running = visit
        .site
        .answers
        .current(&conversation)
        .map(|running| Asked { id: running.id.to_string(), question: running.question.clone() });
    let frame = visit.frame_in(&title, Section::Workspace, Some(&slug)).await?;
    let page = Conversing {
        threads: known.into_iter().map(entry).collect(),
        is_thread: thread.is_some(),
        turns: chats.into_iter().map(|chat| Turn::of_chat(chat, &workspace, &base)).collect(),
        running,
        has_documents: ports.index.count(Some(workspace.id)).await? > 0,
        is_manager: frame.is_manager,
        frame,
        slug,
        base,
        title,
    };
    reply::page(&visit.request, &page)
}

pub async fn ask(visit: Visit<Reader>, slug: Path<String>, form: Form) -> Answer {
    let place = Place::of(&visit, &slug, None).await?;
    answer(visit, place, form).await
}

pub async fn ask_in_thread(
    visit: Visit<Reader>,
    path: Path<(String, String)>,
    form: Form,
) -> Answer {
    let place = Place::of(&visit, &path.0, Some(&path.1)).await?;
    answer(visit, place, form).await
}

/// With scripts, what follows comes part by part; without, the page waits for the whole answer.
async fn answer(visit: Visit<Reader>, place: Place, form: Form) -> Answer {
    let form = form.read().await?;
    let text = form.text("message").to_owned();
    let (conversation, base) = (place.conversation(&visit), place.base());
    if visit.site.answers.current(&conversation).is_some() {
        return Err(Error::Exhausted { what: t("chat.busy").into() }.into());
    }
    // Asking again puts the new answer in the stead of the old one.
    if let Some(id) = form.number("instead_of")? {
        let chat = super::exchange::own(&visit, &place.workspace, ChatId(id)).await?;
        let edits = &*visit.ports().chat_edits;
        chat_edits::remove(edits, &place.workspace, chat.id, &visit.by()).await?;
    }
    let question = Question {
        text: text.clone(),
        thread: place.thread.clone(),
        user: visit.who.user().cloned(),
        ..Question::default()
    };
    let (conversations, by) = (&visit.ports().conversations, visit.by());
    if !is_fragment(visit.request.headers()) {
        conversations.ask(&place.workspace, question, &by).await?;
        name_thread(&visit, &place, &text).await?;
        return Ok(reply::see(&format!("{base}#latest")));
    }
    let pieces = conversations.stream(&place.workspace, question, &by).await?;
    name_thread(&visit, &place, &text).await?;
    let running = visit.site.answers.follow(text.clone(), conversation, base, pieces);
    reply::page(&visit.request, &Asked { id: running.id.to_string(), question: text })
}

/// A thread without a name is called by its first question.
async fn name_thread(visit: &Visit<Reader>, place: &Place, question: &str) -> Result<(), Refusal> {
    let Some(thread) = place.thread.as_ref().filter(|thread| thread.name == threads::UNNAMED)
    else {
        return Ok(());
    };
    let line = question.lines().next().unwrap_or_default();
    let mut name: String = line.chars().take(NAMED).collect();
    if line.chars().count() > NAMED {
        name.push('…');
    }
    threads::rename(&*visit.ports().threads, thread, name, &visit.by()).await?;
    Ok(())
}

/// Starts a thread.
pub async fn new_thread(visit: Visit<Reader>, slug: Path<String>) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let choice = threads::Choice { user: visit.who.id(), ..threads::Choice::default() };
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
    if let Some(thread) = &place.thread {
        threads::delete(&*visit.ports().threads, thread, &visit.by()).await?;
    }
    Ok(reply::done(&format!("/w/{}", place.workspace.slug), "deleted"))
}

/// Begins the workspace's own conversation anew.
pub async fn reset(visit: Visit<Reader>, slug: Path<String>) -> Result<HttpResponse, Refusal> {
    let place = Place::of(&visit, &slug, None).await?;
    let question = Question { user: visit.who.user().cloned(), ..Question::default() };
    visit.ports().conversations.reset(&place.workspace, &question, &visit.by()).await?;
    Ok(reply::done(&place.base(), "reset"))
}
