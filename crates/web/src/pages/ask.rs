//! Asking: with scripts the answer comes part by part; without, the page waits for the whole of it.
//! What comes to nothing stays in the box, with the reason.
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Path;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use carrel_domain::Error;
use carrel_domain::user::Role;
use carrel_services::chat::{Finished, Question, Reply, Stop};
use carrel_services::record;
use carrel_services::threads::{self, ThreadChoice};

use super::chat::{self, Composer, Place};
use super::sequel::Sequel;
use crate::answers::{End, Matter, Reservation, Running};
use crate::around::is_fragment;
use crate::asked;
use crate::filters;
use crate::form::Form;
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::unanswered::Unanswered;
use crate::visit::{Reader, Visit};

/// A question whose answer is under way.
#[derive(Template)]
#[template(path = "part/running.html")]
pub struct Asked {
    id: String,
    question: String,
    /// Names of the files beside it.
    attached: Vec<String>,
}

impl Asked {
    pub fn of(running: &Running) -> Self {
        let matter = &running.matter;
        Self {
            id: running.id.to_string(),
            question: matter.question.clone(),
            attached: matter.attached.clone(),
        }
    }
}

pub async fn ask(visit: Visit<Reader>, slug: Path<String>, form: asked::Question) -> Answer {
    let place = Place::of(&visit, &slug, None).await?;
    answer(visit, place, form).await
}

pub async fn ask_in_thread(
    visit: Visit<Reader>,
    path: Path<(String, String)>,
    form: asked::Question,
) -> Answer {
    let place = Place::of(&visit, &path.0, Some(&path.1)).await?;
    answer(visit, place, form).await
}

async fn answer(visit: Visit<Reader>, place: Place, form: asked::Question) -> Answer {
    let (asked, read) = form.read().await;
    let composer = |reason: String| Composer {
        text: asked.text.clone(),
        instead_of: asked.instead_of,
        reason: Some(reason),
    };
    let question = match read {
        Ok(()) => question(&visit, &place, &asked).await,
        Err(error) => Err(error.into()),
    };
    let answered = match question {
        Ok(question) if is_fragment(visit.request.headers()) => {
            return stream(&visit, &place, question).await;
        }
        Ok((question, _reservation)) => whole(&visit, &place, question).await,
        Err(refusal) => Err(refusal),
    };
    match answered {
        Ok(()) => Ok(reply::see(&format!("{}#latest", place.base()))),
        Err(refusal) if is_fragment(visit.request.headers()) => Err(refusal),
        Err(refusal) if refusal.status_code() == StatusCode::INTERNAL_SERVER_ERROR => Err(refusal),
        Err(refusal) => {
            let (status, composer) = (refusal.status_code(), composer(refusal.to_string()));
            let mut page = chat::show(&visit, place, composer).await?;
            *page.status_mut() = status;
            Ok(page)
        }
    }
}

/// What the service is asked. A question that is asked anew keeps its pictures.
async fn question(
    visit: &Visit<Reader>,
    place: &Place,
    asked: &asked::Asked,
) -> Result<(Question, Reservation), Refusal> {
    let reservation = visit.site.answers.reserve(&place.conversation(visit));
    let reservation = reservation.ok_or_else(|| Error::exhausted(t("chat.busy")))?;
    let mut attachments = Vec::new();
    if let Some(id) = asked.instead_of {
        let chat = super::exchange::own(visit, &place.workspace, id).await?;
        let kept = record::read(&chat.response).unwrap_or_default();
        // Without what was read then, and is forgotten, it would be another question.
        if !kept.documents.is_empty() && asked.attachments.is_empty() {
            let reason = t("chat.not-kept").replace("{names}", &kept.documents.join(", "));
            return Err(Error::unprocessable(reason).into());
        }
        attachments = super::exchange::images(visit, chat).await?;
    }
    attachments.extend(asked.attachments.iter().cloned());
    let conversations = &visit.ports().conversations;
    let question = Question {
        text: conversations.with_commands(asked.text.clone(), visit.who.id()).await?,
        thread: place.thread.clone(),
        user: visit.who.user().cloned(),
        attachments,
        instead_of: asked.instead_of,
        ..Question::default()
    };
    Ok((question, reservation))
}

async fn whole(visit: &Visit<Reader>, place: &Place, question: Question) -> Result<(), Refusal> {
    let sequel = Sequel::of(visit, place, &question);
    let answered = visit.ports().conversations.ask(&place.workspace, question, &visit.by()).await;
    let failed = |error: Error| {
        let refusal = told(visit, error);
        (End::of_nothing(refusal.to_string()), Err(refusal))
    };
    let (end, answered) = match answered {
        Ok(Reply::Answered { chat, text, sources, metrics }) => {
            (End::kept(Finished { chat, text, sources, metrics }), Ok(()))
        }
        Ok(Reply::Refused { text, .. }) => (End::of_nothing(text), Ok(())),
        Ok(Reply::Empty(empty)) => failed(empty.error()),
        Err(error) => failed(error),
    };
    sequel.follow(&end).await;
    answered
}

/// An error as the visitor is told of it.
fn told(visit: &Visit<Reader>, error: Error) -> Refusal {
    match visit.who.may(Role::Admin) {
        true => error.into(),
        false => Refusal::from(error).for_member(),
    }
}

async fn stream(visit: &Visit<Reader>, place: &Place, question: (Question, Reservation)) -> Answer {
    let running = start(visit, place, question).await?;
    reply::page(&visit.request, &Asked::of(&running))
}

/// Asks in a new thread of the workspace that a form names. The answer is under way on the page of the thread.
pub async fn ask_anew(visit: Visit<Reader>, form: Form) -> Answer {
    let form = form.read().await?;
    let workspace = visit.workspace(form.text("workspace")).await?;
    let text = form.text("message").replace("\r\n", "\n");
    if text.is_empty() {
        return Err(Error::invalid("message", "must not be empty").into());
    }
    let choice = ThreadChoice { user: visit.who.id(), ..ThreadChoice::default() };
    let thread = threads::create(&*visit.ports().threads, &workspace, choice, &visit.by()).await?;
    let place = Place { workspace, thread: Some(thread) };
    let asked = asked::Asked { text, ..asked::Asked::default() };
    let started = match question(&visit, &place, &asked).await {
        Ok(question) => start(&visit, &place, question).await.map(drop),
        Err(refusal) => Err(refusal),
    };
    if let Err(refusal) = started {
        let (question, reason) = (asked.text, refusal.to_string());
        let unanswered = Unanswered { question, reason, instead_of: None };
        visit.site.unanswered.keep(&place.conversation(&visit), unanswered);
    }
    Ok(reply::see(&place.base()))
}

async fn start(
    visit: &Visit<Reader>,
    place: &Place,
    (mut question, reservation): (Question, Reservation),
) -> Result<Arc<Running>, Refusal> {
    let (conversation, stop) = (place.conversation(visit), Stop::default());
    question.stop = stop.clone();
    let sequel = Sequel::of(visit, place, &question);
    let matter = Matter {
        question: question.text.clone(),
        attached: question.attachments.iter().map(|one| one.name.clone()).collect(),
        conversation: conversation.clone(),
        base: place.base(),
        instead_of: question.instead_of,
        is_for_admin: visit.who.may(Role::Admin),
        stop,
    };
    let conversations = &visit.ports().conversations;
    let pieces = conversations.stream(&place.workspace, question, &visit.by()).await;
    let pieces = pieces.map_err(|error| told(visit, error))?;
    visit.site.unanswered.forget(&conversation);
    let settle = |end: End| async move {
        sequel.follow(&end).await;
        end
    };
    Ok(visit.site.answers.follow(reservation, matter, pieces, settle))
}

/// Empties the box of a question that came to nothing.
pub async fn forget(visit: Visit<Reader>, slug: Path<String>) -> Answer {
    let place = Place::of(&visit, &slug, None).await?;
    Ok(forgotten(&visit, &place))
}

pub async fn forget_in_thread(visit: Visit<Reader>, path: Path<(String, String)>) -> Answer {
    let place = Place::of(&visit, &path.0, Some(&path.1)).await?;
    Ok(forgotten(&visit, &place))
}

fn forgotten(visit: &Visit<Reader>, place: &Place) -> HttpResponse {
    visit.site.unanswered.forget(&place.conversation(visit));
    reply::see(&place.base())
}
