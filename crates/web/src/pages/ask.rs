//! Asking questions: with scripts the answer is streamed; without, the response waits for the whole
//! answer. A failed question stays in the chat form, with the reason.
use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::Path;
use actix_web::{HttpResponse, ResponseError};
use askama::Template;
use carrel_domain::Error;
use carrel_domain::filter::DocumentFilter;
use carrel_domain::user::Role;
use carrel_services::chat::{Finished, Question, Reply, RequestOverrides, Stop};
use carrel_services::record;
use carrel_services::threads::{self, ThreadOptions};

use super::after_answer::AfterAnswer;
use super::chat::{self, Composer, Place};
use super::examples;
use crate::http::chat_form;
use crate::http::form::PageForm;
use crate::http::fragment::is_fragment;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::live::answers::{End, Matter, Reservation, Running};
use crate::live::failed_drafts::FailedDraft;
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::texts::{self, t};

/// A question whose answer is in progress.
#[derive(Template)]
#[template(path = "part/running.html")]
pub struct RunningPart {
    id: String,
    question: String,
    /// Names of the attached files.
    attached: Vec<String>,
    /// What is searched until the answer begins; empty for nothing.
    searching: String,
}

impl RunningPart {
    pub fn of(running: &Running) -> Self {
        let matter = &running.matter;
        Self {
            id: running.id.to_string(),
            question: matter.question.clone(),
            attached: matter.attached.clone(),
            searching: match matter.documents {
                0 => String::new(),
                count => {
                    let documents = texts::counted("shelf.documents", count as usize);
                    t("chat.searching").replace("{documents}", &documents)
                }
            },
        }
    }
}

pub async fn ask(
    current_user: CurrentUser<role::Any>,
    slug: Path<String>,
    form: chat_form::ChatForm,
) -> PageResult {
    let place = Place::of(&current_user, &slug, None).await?;
    answer(current_user, place, form).await
}

pub async fn ask_in_thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
    form: chat_form::ChatForm,
) -> PageResult {
    let place = Place::of(&current_user, &path.0, Some(&path.1)).await?;
    answer(current_user, place, form).await
}

async fn answer(
    current_user: CurrentUser<role::Any>,
    place: Place,
    form: chat_form::ChatForm,
) -> PageResult {
    let (asked, read) = form.read().await;
    let composer = |reason: String| Composer {
        text: asked.text.clone(),
        instead_of: asked.instead_of,
        reason: Some(reason),
    };
    let question = match read {
        Ok(()) => question(&current_user, &place, &asked).await,
        Err(error) => Err(error.into()),
    };
    let answered = match question {
        Ok(question) if is_fragment(current_user.request.headers()) => {
            return stream(&current_user, &place, question).await;
        }
        Ok((question, _reservation)) => whole(&current_user, &place, question).await,
        Err(refusal) => Err(refusal),
    };
    match answered {
        Ok(()) => Ok(response::see(&format!("{}#latest", place.base()))),
        Err(refusal) if is_fragment(current_user.request.headers()) => Err(refusal),
        Err(refusal) if refusal.status_code() == StatusCode::INTERNAL_SERVER_ERROR => Err(refusal),
        Err(refusal) => {
            let (status, composer) = (refusal.status_code(), composer(refusal.to_string()));
            let mut page = chat::show(&current_user, place, composer).await?;
            *page.status_mut() = status;
            Ok(page)
        }
    }
}

/// Builds the question for the service. A regenerated question keeps its images.
async fn question(
    current_user: &CurrentUser<role::Any>,
    place: &Place,
    asked: &chat_form::ChatSubmission,
) -> Result<(Question, Reservation), PageError> {
    let reservation = current_user.site.answers.reserve(&place.conversation(current_user));
    let reservation = reservation.ok_or_else(|| Error::exhausted(t("chat.busy")))?;
    let mut attachments = Vec::new();
    if let Some(id) = asked.instead_of {
        let chat = super::exchange::own(current_user, &place.workspace, id).await?;
        let kept = record::read(&chat.response).unwrap_or_default();
        // Documents that were read for the first answer are not stored, and without them it would
        // be another question.
        if !kept.documents.is_empty() && asked.attachments.is_empty() {
            let reason = t("chat.not-kept").replace("{names}", &kept.documents.join(", "));
            return Err(Error::unprocessable(reason).into());
        }
        attachments = super::exchange::images(current_user, chat).await?;
    }
    attachments.extend(asked.attachments.iter().cloned());
    // People who may choose the workspace's model may choose another for one question.
    if asked.model.is_some() && !current_user.identity.may(Role::Manager) {
        return Err(PageError::Forbidden);
    }
    let documents = Some(asked.documents.clone()).filter(|documents| !documents.is_empty());
    let overrides = RequestOverrides {
        model: asked.model.clone(),
        filter: DocumentFilter { documents, ..DocumentFilter::default() },
        ..RequestOverrides::default()
    };
    let conversations = &current_user.ports().conversations;
    if let Some(thread) = place.thread.as_ref().filter(|_| asked.keeps_files) {
        let (images, files): (Vec<_>, Vec<_>) =
            attachments.into_iter().partition(|attachment| attachment.is_image());
        for file in files {
            carrel_services::chat::add_file(conversations, thread, file, &current_user.by())
                .await?;
        }
        attachments = images;
    }
    let question = Question {
        text: conversations.expand_commands(asked.text.clone(), current_user.identity.id()).await?,
        thread: place.thread.clone(),
        user: current_user.identity.user().cloned(),
        attachments,
        replaced_chat: asked.instead_of,
        overrides,
        uses_memories: true,
        announces_sources: true,
        ..Question::default()
    };
    Ok((question, reservation))
}

async fn whole(
    current_user: &CurrentUser<role::Any>,
    place: &Place,
    question: Question,
) -> Result<(), PageError> {
    let sequel = AfterAnswer::of(current_user, place, &question);
    let answered = current_user
        .ports()
        .conversations
        .ask(&place.workspace, question, &current_user.by())
        .await;
    let failed = |error: Error| {
        let refusal = told(current_user, error);
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

/// Returns the error as the visitor may see it.
fn told(current_user: &CurrentUser<role::Any>, error: Error) -> PageError {
    match current_user.identity.may(Role::Admin) {
        true => error.into(),
        false => PageError::from(error).for_member(),
    }
}

async fn stream(
    current_user: &CurrentUser<role::Any>,
    place: &Place,
    question: (Question, Reservation),
) -> PageResult {
    let running = start(current_user, place, question).await?;
    response::page(&current_user.request, &RunningPart::of(&running))
}

/// Asks in a new thread of the workspace that the form names, and opens the page of the thread.
pub async fn ask_anew(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    let workspace = current_user.workspace(form.text("workspace")).await?;
    let text = form.text("message").replace("\r\n", "\n");
    if text.is_empty() {
        return Err(Error::invalid("message", "must not be empty").into());
    }
    let choice = ThreadOptions { user: current_user.identity.id(), ..ThreadOptions::default() };
    let thread =
        threads::create(&*current_user.ports().threads, &workspace, choice, &current_user.by())
            .await?;
    let place = Place { workspace, thread: Some(thread) };
    let asked = chat_form::ChatSubmission { text, ..chat_form::ChatSubmission::default() };
    let started = match question(&current_user, &place, &asked).await {
        Ok(question) => start(&current_user, &place, question).await.map(drop),
        Err(refusal) => Err(refusal),
    };
    if let Err(refusal) = started {
        let (question, reason) = (asked.text, refusal.to_string());
        let unanswered = FailedDraft { question, reason, instead_of: None };
        current_user.site.failed_drafts.keep(&place.conversation(&current_user), unanswered);
    }
    Ok(response::see(&place.base()))
}

async fn start(
    current_user: &CurrentUser<role::Any>,
    place: &Place,
    (mut question, reservation): (Question, Reservation),
) -> Result<Arc<Running>, PageError> {
    let (conversation, stop) = (place.conversation(current_user), Stop::default());
    question.stop = stop.clone();
    let sequel = AfterAnswer::of(current_user, place, &question);
    let documents = match &question.overrides.filter.documents {
        Some(chosen) => chosen.len() as u64,
        None => examples::newest(current_user, &place.workspace, 1).await?.total,
    };
    let matter = Matter {
        documents,
        question: question.text.clone(),
        attached: question.attachments.iter().map(|one| one.name.clone()).collect(),
        conversation: conversation.clone(),
        base: place.base(),
        instead_of: question.replaced_chat,
        is_for_admin: current_user.identity.may(Role::Admin),
        stop,
    };
    let conversations = &current_user.ports().conversations;
    let pieces = conversations.stream(&place.workspace, question, &current_user.by()).await;
    let pieces = pieces.map_err(|error| told(current_user, error))?;
    current_user.site.failed_drafts.forget(&conversation);
    let settle = |end: End| async move {
        sequel.follow(&end).await;
        end
    };
    Ok(current_user.site.answers.follow(reservation, matter, pieces, settle))
}

/// Clears a failed question from the chat form.
pub async fn forget(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let place = Place::of(&current_user, &slug, None).await?;
    Ok(forgotten(&current_user, &place))
}

pub async fn forget_in_thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    let place = Place::of(&current_user, &path.0, Some(&path.1)).await?;
    Ok(forgotten(&current_user, &place))
}

fn forgotten(current_user: &CurrentUser<role::Any>, place: &Place) -> HttpResponse {
    current_user.site.failed_drafts.forget(&place.conversation(current_user));
    response::see(&place.base())
}
