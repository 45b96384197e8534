//! `/answers/{id}`: streams an answer as server-sent events while it grows, and stops it.
//!
//! The browser never receives the same content twice. Events, for the reasoning (`thought`) and the
//! answer:
//!
//! | event | what the browser does |
//! |---|---|
//! | `start` | discards what it has: the events of the whole answer follow |
//! | `sources` | shows the sources (HTML) |
//! | `block`, `thought-block` | adds a finished block (HTML) |
//! | `tail`, `thought-tail` | replaces the unfinished block (HTML) |
//! | `more`, `thought-more` | adds text to the end of the unfinished block |
//! | `keep`, `thought-keep` | makes the unfinished block a finished one |
//! | `beat` | nothing: the server is still alive |
//! | `end` | replaces the answer in progress by the exchange (HTML), and moves its blocks there |
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Path};
use askama::Template;
use carrel_domain::workspace::Workspace;
use carrel_http::sse;
use carrel_services::admission::while_admitted;
use carrel_services::chat::Source;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::timeout;
use uuid::Uuid;

use crate::http::page_error::PageError;
use crate::http::response::PageResult;
use crate::live::answers::{End, Running, ShownAnswer};
use crate::session::current_user::{CurrentUser, role};
use crate::session::session_guard::SessionGuard;
use crate::view::Renderer;
use crate::view::message::{self, MessagePart, MessageView};
use crate::view::sources::{self, FoundSourcesPart, SourceList, Standing};
use crate::view::texts::t;

mod sent;

use sent::Sent;

/// Longest silence before a `beat` event. The browser considers the server lost after 10 s.
const PAUSE: Duration = Duration::from_secs(4);

/// Returns the answer, if it is the visitor's.
fn find(current_user: &CurrentUser<role::Any>, id: &str) -> Option<Arc<Running>> {
    let running = current_user.site.answers.find(Uuid::parse_str(id).ok()?)?;
    (running.matter.conversation.user == current_user.identity.id()).then_some(running)
}

pub async fn stop(current_user: CurrentUser<role::Any>, id: Path<String>) -> PageResult {
    if let Some(running) = find(&current_user, &id) {
        running.stop();
    }
    Ok(HttpResponse::NoContent().finish())
}

pub async fn listen(current_user: CurrentUser<role::Any>, id: Path<String>) -> PageResult {
    let mut answer = sse::response();
    let Some(running) = find(&current_user, &id) else {
        // The exchange is stored, but this process does not know the answer any more.
        let problem = Some(t("chat.gone").to_owned());
        let message = MessageView { problem, is_gone: true, ..MessageView::default() };
        return Ok(answer.body(sse::event("end", &part(&MessagePart { message }))));
    };
    let within = running.matter.conversation.workspace;
    let workspace = current_user.ports().workspaces.by_id(within).await?;
    let workspace = workspace.ok_or_else(|| PageError::missing("workspace", "this one"))?;
    let watched = running.watch();
    let renderer = current_user.site.renderer.clone();
    let listener = Listener {
        running,
        workspace,
        watched,
        renderer,
        is_first: true,
        has_sources: false,
        thinking: Sent::default(),
        answer: Sent::default(),
    };
    let told = stream::unfold(Some(listener), |listener| async move {
        let (event, listener) = listener?.next().await;
        Some((Ok::<_, Infallible>(Bytes::from(event)), listener))
    });
    Ok(answer.streaming(while_admitted(told, SessionGuard::new(&current_user, Some(within)))))
}

struct Listener {
    running: Arc<Running>,
    workspace: Workspace,
    watched: watch::Receiver<ShownAnswer>,
    renderer: Renderer,
    is_first: bool,
    has_sources: bool,
    thinking: Sent,
    answer: Sent,
}

impl Listener {
    /// Returns the next events, and `None` in place of the listener if they are the last.
    async fn next(mut self) -> (String, Option<Self>) {
        let mut events = String::new();
        if self.is_first {
            events.push_str(&sse::event("start", ""));
        } else if timeout(PAUSE, self.watched.changed()).await.is_err() {
            return (sse::event("beat", ""), Some(self));
        }
        self.is_first = false;
        let shown = self.watched.borrow_and_update().clone();
        if let Some(found) = shown.sources.filter(|_| !self.has_sources) {
            self.has_sources = true;
            events.push_str(&sse::event("sources", &part(&self.found(&found))));
        }
        self.thinking.update("thought-", &shown.growth.thinking, &mut events);
        self.answer.update("", &shown.growth.answer, &mut events);
        let Some((text, end)) = shown.end else {
            let events = if events.is_empty() { sse::event("beat", "") } else { events };
            return (events, Some(self));
        };
        events.push_str(&self.ended(text, end).await);
        (events, None)
    }

    fn found(&self, found: &[Source]) -> FoundSourcesPart {
        let Running { matter, .. } = &*self.running;
        let (workspace, base) = (&self.workspace, matter.base.as_str());
        let at = Standing { workspace, base, id: None, is_public: false };
        let stored = sources::stored(found);
        FoundSourcesPart::new(SourceList::new(&stored, &matter.attached, self.running.prefix(), at))
    }

    /// Returns the last event: the exchange, without the answer that the browser already has.
    async fn ended(&self, text: Arc<str>, end: End) -> String {
        let (running, workspace) = (Arc::clone(&self.running), self.workspace.clone());
        let work = move || {
            let message = ended(&running, &workspace, &text, end);
            let is_grown = text.len() <= crate::view::markdown::LIMIT;
            sse::event("end", &part(&MessagePart { message: MessageView { is_grown, ..message } }))
        };
        self.renderer.run(work).await.unwrap_or_default()
    }
}

fn ended(running: &Running, workspace: &Workspace, text: &str, end: End) -> MessageView {
    let matter = &running.matter;
    let (is_whole, is_kept) = (end.is_whole(), end.kept.is_some());
    let message = match &end.kept {
        Some(kept) => MessageView::of_end(matter, text, kept, workspace),
        None => MessageView {
            question: matter.question.clone(),
            attached: matter
                .attached
                .iter()
                .map(|name| message::AttachedFile::named(name))
                .collect(),
            is_unanswered: true,
            ..MessageView::said(
                text,
                &[],
                &[],
                Standing { workspace, base: &matter.base, id: None, is_public: false },
            )
        },
    };
    let old = matter.instead_of.map(|id| id.0);
    let stays = |problem| match old.filter(|_| is_kept) {
        Some(_) => format!("{problem} {}", t("chat.old-stays")),
        None => problem,
    };
    let problem = end.problem.map(stays);
    let instead_of = old.filter(|_| is_whole || !is_kept);
    MessageView { base: matter.base.clone(), problem, instead_of, ..message }
}

pub(super) fn part(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}
