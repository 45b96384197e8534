//! `/answers/{id}`: an answer as it grows, as server-sent events; and stopping it.
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Path};
use askama::Template;
use carrel_domain::workspace::Workspace;
use carrel_http::sse;
use carrel_services::admission::heard;
use futures_util::stream;
use tokio::sync::watch;
use tokio::time::timeout;
use uuid::Uuid;

use crate::answers::{End, Running, Said};
use crate::filters;
use crate::refusal::Refusal;
use crate::reply::Answer;
use crate::texts::t;
use crate::turn::{Shown, Turn, TurnPart};
use crate::visit::{Reader, Visit};

/// How long a browser has to look at a part before the next one comes, at the least; and how many
/// times as long as the part took to make.
const BREATH: Duration = Duration::from_millis(50);
const RESPITE: u32 = 10;

#[derive(Template)]
#[template(path = "part/growing.html")]
struct Growing {
    turn: Turn,
}

/// The answer, if it is the visitor's.
fn find(visit: &Visit<Reader>, id: &str) -> Option<Arc<Running>> {
    let running = visit.site.answers.find(Uuid::parse_str(id).ok()?)?;
    (running.matter.conversation.user == visit.who.id()).then_some(running)
}

pub async fn stop(visit: Visit<Reader>, id: Path<String>) -> Answer {
    if let Some(running) = find(&visit, &id) {
        running.stop();
    }
    Ok(HttpResponse::NoContent().finish())
}

pub async fn listen(visit: Visit<Reader>, id: Path<String>) -> Answer {
    let mut answer = sse::response();
    let Some(running) = find(&visit, &id) else {
        // What was said is kept; only this process has forgotten that it was under way.
        let problem = Some(t("chat.gone").to_owned());
        let turn = Turn { problem, is_gone: true, ..Turn::default() };
        return Ok(answer.body(sse::event("end", &part(&TurnPart { turn }))));
    };
    let workspaces = visit.ports().workspaces.list().await?;
    let within = running.matter.conversation.workspace;
    let workspace = workspaces.into_iter().find(|workspace| workspace.id == within);
    let workspace = workspace.ok_or_else(|| Refusal::missing("workspace", "this one"))?;
    let watched = running.watch();
    let listener = Listener { running, workspace, watched, rest: Duration::ZERO, is_first: true };
    let told = stream::unfold(Some(listener), |listener| async move {
        let (event, listener) = listener?.next().await;
        Some((Ok::<_, Infallible>(Bytes::from(event)), listener))
    });
    Ok(answer.streaming(heard(told, visit.lasting(Some(within)))))
}

struct Listener {
    running: Arc<Running>,
    workspace: Workspace,
    watched: watch::Receiver<Said>,
    rest: Duration,
    is_first: bool,
}

impl Listener {
    /// The next event; without a listener when it is the last.
    async fn next(mut self) -> (String, Option<Self>) {
        tokio::time::sleep(self.rest).await;
        if !self.is_first {
            match timeout(sse::MAX_SILENCE, self.watched.changed()).await {
                Ok(_) => {}
                Err(_) => return (sse::HEARTBEAT.to_owned(), Some(self)),
            }
        }
        self.is_first = false;
        let said = self.watched.borrow_and_update().clone();
        if let Some(end) = said.end {
            let turn = self.ended(&said.text, end);
            return (sse::event("end", &part(&TurnPart { turn })), None);
        }
        if said.text.is_empty() {
            return (": waiting\n\n".to_owned(), Some(self));
        }
        let started = Instant::now();
        let grown = part(&Growing { turn: Turn::said(&said.text, &[], &[], &self.workspace) });
        self.rest = BREATH.max(started.elapsed() * RESPITE);
        (sse::event("answer", &grown), Some(self))
    }

    fn ended(&self, text: &str, end: End) -> Turn {
        let matter = &self.running.matter;
        let (is_whole, is_kept) = (end.is_whole(), end.kept.is_some());
        let turn = match &end.kept {
            Some(kept) => Turn::of_end(matter, text, kept, &self.workspace),
            None => Turn {
                question: matter.question.clone(),
                attached: matter.attached.iter().map(|name| Shown::named(name)).collect(),
                is_unanswered: true,
                ..Turn::said(text, &[], &[], &self.workspace)
            },
        };
        let old = matter.instead_of.map(|id| id.0);
        let stays = |problem| match old.filter(|_| is_kept) {
            Some(_) => format!("{problem} {}", t("chat.old-stays")),
            None => problem,
        };
        let problem = end.problem.map(stays);
        let instead_of = old.filter(|_| is_whole || !is_kept);
        Turn { base: matter.base.clone(), problem, instead_of, ..turn }
    }
}

pub(super) fn part(template: &impl Template) -> String {
    template.render().unwrap_or_default()
}
