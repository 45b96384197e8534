//! Shared by all chat requests: finding the thread and the user, and running the question.
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use carrel_domain::thread::Thread;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result};
use carrel_services::chat::{AnswerEvent, Question, Reply};
use carrel_services::{Ports, threads};
use tokio::sync::mpsc::Receiver;

use crate::authorized::Authorized;
use crate::error::ApiError;
use crate::state;
use crate::streaming::Listener;
use crate::v1::conversations::wire as chat;

/// Returns the thread in a path, with its workspace.
pub async fn find_thread<P>(
    ports: &Ports,
    caller: &Authorized<P>,
    path: &(String, String),
) -> Result<(Workspace, Thread)> {
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    let thread = threads::by_slug(&*ports.threads, &workspace, &path.1).await?;
    Ok((workspace, thread))
}

/// Prepares a question for a thread. Threads have users and no sessions.
pub async fn in_thread(
    ports: &Ports,
    thread: Thread,
    mut question: chat::QuestionRequest,
) -> Result<chat::QuestionRequest> {
    question.question.session = None;
    question.question.thread = Some(thread);
    let Some(id) = question.user else { return Ok(question) };
    question.question.user = match ports.users.by_id(id).await? {
        Some(user) if user.suspended => {
            return Err(Error::unprocessable("the user is suspended"));
        }
        None => return Err(Error::not_found("user", id)),
        found => found,
    };
    Ok(question)
}

/// State of a chat request. A stream checks the request's key again while it lasts.
pub struct ChatContext {
    pub ports: Data<Ports>,
    request: HttpRequest,
}

impl FromRequest for ChatContext {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let context = |ports| Self { ports, request: request.clone() };
        ready(state::ports(request).map(context).map_err(ApiError::plain))
    }
}

impl ChatContext {
    /// Expands slash commands: those of the user who asks, otherwise those of the key's user.
    async fn expand_commands<P>(
        &self,
        caller: &Authorized<P>,
        question: &mut Question,
    ) -> Result<()> {
        let user = question.user.as_ref().map(|user| user.id).or(caller.key.created_by);
        // A request without a user may be from anyone, so it must not reveal the owner's notes.
        question.uses_memories = question.user.is_some();
        let text = std::mem::take(&mut question.text);
        question.text = self.ports.conversations.expand_commands(text, user).await?;
        Ok(())
    }

    /// Returns the answer, or `None` if the request only resets the conversation.
    pub async fn answer<P>(
        &self,
        caller: &Authorized<P>,
        workspace: &Workspace,
        mut question: chat::QuestionRequest,
    ) -> Result<Option<Reply>> {
        let by = caller.by();
        self.expand_commands(caller, &mut question.question).await?;
        if question.reset {
            self.ports.conversations.reset(workspace, &question.question, &by).await?;
        }
        if question.is_reset_only() {
            return Ok(None);
        }
        self.ports.conversations.ask(workspace, question.question, &by).await.map(Some)
    }

    /// Returns the parts of the answer and its listener, or `None` if the request only resets the
    /// conversation.
    pub async fn stream<P>(
        &self,
        caller: &Authorized<P>,
        workspace: &Workspace,
        mut parsed: chat::QuestionRequest,
    ) -> Result<Option<(Receiver<AnswerEvent>, Listener)>> {
        let by = caller.by();
        self.expand_commands(caller, &mut parsed.question).await?;
        if parsed.reset {
            self.ports.conversations.reset(workspace, &parsed.question, &by).await?;
        }
        if parsed.is_reset_only() {
            return Ok(None);
        }
        let question = parsed.question;
        let listener = Listener::new(&self.request, caller, workspace)?
            .within(question.thread.clone(), question.user.clone());
        let events = self.ports.conversations.stream(workspace, question, &by).await?;
        Ok(Some((events, listener)))
    }
}
