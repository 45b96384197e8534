//! Asking questions: with scripts the answer is streamed; without, the response waits for the
//! complete answer. A failed question stays in the chat form, with the reason.
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
use super::chat::{self, Composer, ConversationContext};
use super::examples;
use crate::http::chat_form;
use crate::http::form::PageForm;
use crate::http::fragment::is_fragment;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::live::answers::{AnswerEnd, QuestionContext, Reservation, RunningAnswer};
use crate::live::failed_drafts::FailedDraft;
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::texts::{self, t};

/// A question whose answer is in progress.
#[derive(Template)]
#[template(path = "part/running.html")]
pub struct RunningAnswerPart {
    id: String,
    question: String,
    /// Names of the attached files.
    attachment_names: Vec<String>,
    /// Text about the searched documents until the answer begins; empty without documents.
    search_status: String,
}

impl RunningAnswerPart {
    pub fn new(answer: &RunningAnswer) -> Self {
        let context = &answer.context;
        Self {
            id: answer.id.to_string(),
            question: context.question.clone(),
            attachment_names: context.attachment_names.clone(),
            search_status: match context.document_count {
                0 => String::new(),
                count => {
                    let documents = texts::plural("shelf.documents", count as usize);
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
    let context = ConversationContext::load(&current_user, &slug, None).await?;
    answer(current_user, context, form).await
}

pub async fn ask_in_thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
    form: chat_form::ChatForm,
) -> PageResult {
    let context = ConversationContext::load(&current_user, &path.0, Some(&path.1)).await?;
    answer(current_user, context, form).await
}

async fn answer(
    current_user: CurrentUser<role::Any>,
    context: ConversationContext,
    form: chat_form::ChatForm,
) -> PageResult {
    let (submission, read_result) = form.read().await;
    let composer = |reason: String| Composer {
        text: submission.text.clone(),
        instead_of: submission.instead_of,
        reason: Some(reason),
    };
    let question = match read_result {
        Ok(()) => question(&current_user, &context, &submission).await,
        Err(error) => Err(error.into()),
    };
    let result = match question {
        Ok(question) if is_fragment(current_user.request.headers()) => {
            return stream(&current_user, &context, question).await;
        }
        Ok((question, _reservation)) => wait_for_answer(&current_user, &context, question).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => Ok(response::redirect_to(&format!("{}#latest", context.base()))),
        Err(error) if is_fragment(current_user.request.headers()) => Err(error),
        Err(error) if error.status_code() == StatusCode::INTERNAL_SERVER_ERROR => Err(error),
        Err(error) => {
            let (status, composer) = (error.status_code(), composer(error.to_string()));
            let mut page = chat::show(&current_user, context, composer).await?;
            *page.status_mut() = status;
            Ok(page)
        }
    }
}

/// Builds the question for the service. A regenerated question keeps its images.
async fn question(
    current_user: &CurrentUser<role::Any>,
    context: &ConversationContext,
    submission: &chat_form::ChatSubmission,
) -> Result<(Question, Reservation), PageError> {
    let reservation = current_user.site.answers.reserve(&context.conversation(current_user));
    let reservation = reservation.ok_or_else(|| Error::exhausted(t("chat.busy")))?;
    let mut attachments = Vec::new();
    if let Some(id) = submission.instead_of {
        let chat = super::exchange::own_exchange(current_user, &context.workspace, id).await?;
        let stored = record::read(&chat.response).unwrap_or_default();
        // Documents that were read for the first answer are not stored, and without them it would
        // be another question.
        if !stored.documents.is_empty() && submission.attachments.is_empty() {
            let reason = t("chat.not-kept").replace("{names}", &stored.documents.join(", "));
            return Err(Error::unprocessable(reason).into());
        }
        attachments = super::exchange::images(current_user, chat).await?;
    }
    attachments.extend(submission.attachments.iter().cloned());
    // People who may choose the workspace's model may choose another for one question.
    if submission.model.is_some() && !current_user.identity.has_role(Role::Manager) {
        return Err(PageError::Forbidden);
    }
    let documents = Some(submission.documents.clone()).filter(|documents| !documents.is_empty());
    let overrides = RequestOverrides {
        model: submission.model.clone(),
        filter: DocumentFilter { documents, ..DocumentFilter::default() },
        ..RequestOverrides::default()
    };
    let conversations = &current_user.ports().conversations;
    if let Some(thread) = context.thread.as_ref().filter(|_| submission.keeps_files) {
        let (images, files): (Vec<_>, Vec<_>) =
            attachments.into_iter().partition(|attachment| attachment.is_image());
        for file in files {
            carrel_services::chat::add_file(conversations, thread, file, &current_user.by())
                .await?;
        }
        attachments = images;
    }
    let question = Question {
        text: conversations
            .expand_commands(submission.text.clone(), current_user.identity.id())
            .await?,
        thread: context.thread.clone(),
        user: current_user.identity.user().cloned(),
        attachments,
        replaced_chat: submission.instead_of,
        overrides,
        uses_memories: true,
        announces_sources: true,
        ..Question::default()
    };
    Ok((question, reservation))
}

async fn wait_for_answer(
    current_user: &CurrentUser<role::Any>,
    context: &ConversationContext,
    question: Question,
) -> Result<(), PageError> {
    let after_answer = AfterAnswer::new(current_user, context, &question);
    let reply = current_user
        .ports()
        .conversations
        .ask(&context.workspace, question, &current_user.by())
        .await;
    let failure = |error: Error| {
        let page_error = visible_error(current_user, error);
        (AnswerEnd::failed(page_error.to_string()), Err(page_error))
    };
    let (end, result) = match reply {
        Ok(Reply::Answered { chat, text, sources, metrics }) => {
            (AnswerEnd::complete(Finished { chat, text, sources, metrics }), Ok(()))
        }
        Ok(Reply::Refused { text, .. }) => (AnswerEnd::failed(text), Ok(())),
        Ok(Reply::Empty(empty)) => failure(empty.error()),
        Err(error) => failure(error),
    };
    after_answer.run(&end).await;
    result
}

/// Returns the error as the visitor may see it.
fn visible_error(current_user: &CurrentUser<role::Any>, error: Error) -> PageError {
    match current_user.identity.has_role(Role::Admin) {
        true => error.into(),
        false => PageError::from(error).for_member(),
    }
}

async fn stream(
    current_user: &CurrentUser<role::Any>,
    context: &ConversationContext,
    question: (Question, Reservation),
) -> PageResult {
    let answer = start(current_user, context, question).await?;
    response::page(&current_user.request, &RunningAnswerPart::new(&answer))
}

/// Asks in a new thread of the workspace that the form names, and opens the page of the thread.
pub async fn ask_in_new_thread(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
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
    let context = ConversationContext { workspace, thread: Some(thread) };
    let submission = chat_form::ChatSubmission { text, ..chat_form::ChatSubmission::default() };
    let result = match question(&current_user, &context, &submission).await {
        Ok(question) => start(&current_user, &context, question).await.map(drop),
        Err(error) => Err(error),
    };
    if let Err(error) = result {
        let (question, reason) = (submission.text, error.to_string());
        let draft = FailedDraft { question, reason, instead_of: None };
        current_user.site.failed_drafts.insert(&context.conversation(&current_user), draft);
    }
    Ok(response::redirect_to(&context.base()))
}

async fn start(
    current_user: &CurrentUser<role::Any>,
    context: &ConversationContext,
    (mut question, reservation): (Question, Reservation),
) -> Result<Arc<RunningAnswer>, PageError> {
    let (conversation, stop) = (context.conversation(current_user), Stop::default());
    question.stop = stop.clone();
    let after_answer = AfterAnswer::new(current_user, context, &question);
    let document_count = match &question.overrides.filter.documents {
        Some(paths) => paths.len() as u64,
        None => examples::newest_documents(current_user, &context.workspace, 1).await?.total,
    };
    let question_context = QuestionContext {
        document_count,
        question: question.text.clone(),
        attachment_names: question
            .attachments
            .iter()
            .map(|attachment| attachment.name.clone())
            .collect(),
        conversation: conversation.clone(),
        base: context.base(),
        instead_of: question.replaced_chat,
        is_for_admin: current_user.identity.has_role(Role::Admin),
        stop,
    };
    let conversations = &current_user.ports().conversations;
    let events = conversations.stream(&context.workspace, question, &current_user.by()).await;
    let events = events.map_err(|error| visible_error(current_user, error))?;
    current_user.site.failed_drafts.remove(&conversation);
    let finalize = |end: AnswerEnd| async move {
        after_answer.run(&end).await;
        end
    };
    Ok(current_user.site.answers.follow(reservation, question_context, events, finalize))
}

/// Clears a failed question from the chat form.
pub async fn discard_draft(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let context = ConversationContext::load(&current_user, &slug, None).await?;
    Ok(remove_draft(&current_user, &context))
}

pub async fn discard_thread_draft(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    let context = ConversationContext::load(&current_user, &path.0, Some(&path.1)).await?;
    Ok(remove_draft(&current_user, &context))
}

fn remove_draft(
    current_user: &CurrentUser<role::Any>,
    context: &ConversationContext,
) -> HttpResponse {
    current_user.site.failed_drafts.remove(&context.conversation(current_user));
    response::redirect_to(&context.base())
}
