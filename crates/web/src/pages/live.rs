//! `/answers/{id}`: streams an answer in progress as server-sent events, and stops it.
//!
//! The browser never receives the same content twice. Events, for the reasoning (`thought`) and the
//! answer:
//!
//! | event | effect in the browser |
//! |---|---|
//! | `start` | discards its content: the events of the complete answer follow |
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
use crate::live::answers::{AnswerEnd, RenderedAnswer, RunningAnswer};
use crate::session::current_user::{CurrentUser, role};
use crate::session::session_guard::SessionGuard;
use crate::view::Renderer;
use crate::view::message::{self, MessagePart, MessageView};
use crate::view::sources::{self, FoundSourcesPart, MessageContext, SourceList};
use crate::view::texts::t;

mod browser_state;

use browser_state::BrowserState;

/// Maximum pause between events, filled with `beat` events. The browser considers the server lost
/// after 10 s.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(4);

/// Returns the answer, if it is the visitor's.
fn find(current_user: &CurrentUser<role::Any>, id: &str) -> Option<Arc<RunningAnswer>> {
    let answer = current_user.site.answers.find(Uuid::parse_str(id).ok()?)?;
    (answer.context.conversation.user == current_user.identity.id()).then_some(answer)
}

pub async fn stop(current_user: CurrentUser<role::Any>, id: Path<String>) -> PageResult {
    if let Some(answer) = find(&current_user, &id) {
        answer.stop();
    }
    Ok(HttpResponse::NoContent().finish())
}

pub async fn listen(current_user: CurrentUser<role::Any>, id: Path<String>) -> PageResult {
    let mut response = sse::response();
    let Some(running_answer) = find(&current_user, &id) else {
        // The exchange is stored, but this process no longer has the answer.
        let problem = Some(t("chat.gone").to_owned());
        let message = MessageView { problem, is_lost: true, ..MessageView::default() };
        return Ok(response.body(sse::event("end", &render(&MessagePart { message }))));
    };
    let workspace_id = running_answer.context.conversation.workspace;
    let workspace = current_user.ports().workspaces.by_id(workspace_id).await?;
    let workspace = workspace.ok_or_else(|| PageError::not_found("workspace", "this one"))?;
    let updates = running_answer.watch();
    let renderer = current_user.site.renderer.clone();
    let listener = Listener {
        running_answer,
        workspace,
        updates,
        renderer,
        is_first: true,
        has_sources: false,
        reasoning_state: BrowserState::default(),
        answer_state: BrowserState::default(),
    };
    let events = stream::unfold(Some(listener), |listener| async move {
        let (event, listener) = listener?.next().await;
        Some((Ok::<_, Infallible>(Bytes::from(event)), listener))
    });
    Ok(response
        .streaming(while_admitted(events, SessionGuard::new(&current_user, Some(workspace_id)))))
}

struct Listener {
    running_answer: Arc<RunningAnswer>,
    workspace: Workspace,
    updates: watch::Receiver<RenderedAnswer>,
    renderer: Renderer,
    is_first: bool,
    has_sources: bool,
    reasoning_state: BrowserState,
    answer_state: BrowserState,
}

impl Listener {
    /// Returns the next events, and `None` in place of the listener if they are the last.
    async fn next(mut self) -> (String, Option<Self>) {
        let mut events = String::new();
        if self.is_first {
            events.push_str(&sse::event("start", ""));
        } else if timeout(HEARTBEAT_INTERVAL, self.updates.changed()).await.is_err() {
            return (sse::event("beat", ""), Some(self));
        }
        self.is_first = false;
        let rendered_answer = self.updates.borrow_and_update().clone();
        if let Some(sources) = rendered_answer.sources.filter(|_| !self.has_sources) {
            self.has_sources = true;
            events.push_str(&sse::event("sources", &render(&self.sources_part(&sources))));
        }
        self.reasoning_state.update("thought-", &rendered_answer.html.reasoning, &mut events);
        self.answer_state.update("", &rendered_answer.html.answer, &mut events);
        let Some((text, end)) = rendered_answer.end else {
            let events = if events.is_empty() { sse::event("beat", "") } else { events };
            return (events, Some(self));
        };
        events.push_str(&self.end_event(text, end).await);
        (events, None)
    }

    fn sources_part(&self, sources: &[Source]) -> FoundSourcesPart {
        let RunningAnswer { context, .. } = &*self.running_answer;
        let (workspace, base) = (&self.workspace, context.base.as_str());
        let message_context = MessageContext { workspace, base, id: None, is_public: false };
        let stored = sources::to_stored(sources);
        FoundSourcesPart::new(SourceList::new(
            &stored,
            &context.attachment_names,
            self.running_answer.prefix(),
            message_context,
        ))
    }

    /// Returns the last event: the exchange, without the answer that the browser already has.
    async fn end_event(&self, text: Arc<str>, end: AnswerEnd) -> String {
        let (answer, workspace) = (Arc::clone(&self.running_answer), self.workspace.clone());
        let work = move || {
            let message = final_message(&answer, &workspace, &text, end);
            let is_streamed = text.len() <= crate::view::markdown::LIMIT;
            sse::event(
                "end",
                &render(&MessagePart { message: MessageView { is_streamed, ..message } }),
            )
        };
        self.renderer.run(work).await.unwrap_or_default()
    }
}

fn final_message(
    answer: &RunningAnswer,
    workspace: &Workspace,
    text: &str,
    end: AnswerEnd,
) -> MessageView {
    let context = &answer.context;
    let (is_complete, is_stored) = (end.is_complete(), end.stored.is_some());
    let message = match &end.stored {
        Some(stored) => MessageView::from_finished(context, text, stored, workspace),
        None => MessageView {
            question: context.question.clone(),
            attachments: context
                .attachment_names
                .iter()
                .map(|name| message::AttachedFile::new(name))
                .collect(),
            is_unanswered: true,
            ..MessageView::from_text(
                text,
                &[],
                &[],
                MessageContext { workspace, base: &context.base, id: None, is_public: false },
            )
        },
    };
    let replaced_id = context.instead_of.map(|id| id.0);
    let with_explanation = |problem| match replaced_id.filter(|_| is_stored) {
        Some(_) => format!("{problem} {}", t("chat.old-stays")),
        None => problem,
    };
    let problem = end.problem.map(with_explanation);
    let instead_of = replaced_id.filter(|_| is_complete || !is_stored);
    MessageView { base: context.base.clone(), problem, instead_of, ..message }
}

pub(super) fn render(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}
