//! What questions need: where they are asked, who asks, and how answers are told.
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest};
use carrel_domain::thread::{Thread, Threads};
use carrel_domain::user::Users;
use carrel_domain::workspace::{Workspace, Workspaces};
use carrel_domain::{Error, Result};
use carrel_services::chat::{AnswerEvent, Conversations, Question, Reply};
use carrel_services::threads;
use tokio::sync::mpsc::Receiver;

use crate::caller::Caller;
use crate::failure::Refusal;
use crate::state::wired;
use crate::streaming::Listener;
use crate::v1::conversations::wire as chat;

/// What a thread is found with.
pub struct ThreadPorts {
    pub workspaces: Data<dyn Workspaces>,
    pub threads: Data<dyn Threads>,
    pub users: Data<dyn Users>,
}

/// What questions are asked with.
pub struct Asking {
    pub ports: ThreadPorts,
    request: HttpRequest,
    conversations: Data<Conversations>,
}

impl ThreadPorts {
    fn of(request: &HttpRequest) -> Result<Self> {
        let (workspaces, threads) = (wired(request)?, wired(request)?);
        Ok(Self { workspaces, threads, users: wired(request)? })
    }

    pub async fn find<P>(
        &self,
        caller: &Caller<P>,
        path: &(String, String),
    ) -> Result<(Workspace, Thread)> {
        let workspace = caller.workspace(&**self.workspaces, &path.0).await?;
        let thread = threads::by_slug(&**self.threads, &workspace, &path.1).await?;
        Ok((workspace, thread))
    }

    /// The question as one of a thread, which has users and no sessions.
    pub async fn within(&self, thread: Thread, mut asked: chat::Asked) -> Result<chat::Asked> {
        asked.question.session = None;
        asked.question.thread = Some(thread);
        let Some(id) = asked.user else { return Ok(asked) };
        asked.question.user = match self.users.by_id(id).await? {
            Some(user) if user.suspended => {
                return Err(Error::unprocessable("the user is suspended"));
            }
            None => return Err(Error::not_found("user", id)),
            found => found,
        };
        Ok(asked)
    }
}

impl FromRequest for ThreadPorts {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request).map_err(Refusal::plain))
    }
}

impl FromRequest for Asking {
    type Error = Refusal;
    type Future = Ready<Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let asking = || -> Result<Self> {
            let (ports, conversations) = (ThreadPorts::of(request)?, wired(request)?);
            Ok(Self { ports, request: request.clone(), conversations })
        };
        ready(asking().map_err(Refusal::plain))
    }
}

impl Asking {
    /// The commands are those of the user who asks, else those of the user who has the key.
    async fn expand_commands<P>(&self, caller: &Caller<P>, question: &mut Question) -> Result<()> {
        let user = question.user.as_ref().map(|user| user.id).or(caller.key.created_by);
        let text = std::mem::take(&mut question.text);
        question.text = self.conversations.with_commands(text, user).await?;
        Ok(())
    }

    /// The answer; `None` where only a reset was asked for.
    pub async fn answer<P>(
        &self,
        caller: &Caller<P>,
        workspace: &Workspace,
        mut asked: chat::Asked,
    ) -> Result<Option<Reply>> {
        let by = caller.by();
        self.expand_commands(caller, &mut asked.question).await?;
        if asked.reset {
            self.conversations.reset(workspace, &asked.question, &by).await?;
        }
        if asked.is_reset_only() {
            return Ok(None);
        }
        self.conversations.ask(workspace, asked.question, &by).await.map(Some)
    }

    /// The pieces of the answer, and who listens to them; `None` where only a reset was asked for.
    pub async fn stream<P>(
        &self,
        caller: &Caller<P>,
        workspace: &Workspace,
        mut asked: chat::Asked,
    ) -> Result<Option<(Receiver<AnswerEvent>, Listener)>> {
        let by = caller.by();
        self.expand_commands(caller, &mut asked.question).await?;
        if asked.reset {
            self.conversations.reset(workspace, &asked.question, &by).await?;
        }
        if asked.is_reset_only() {
            return Ok(None);
        }
        let question = asked.question;
        let listener = Listener::new(&self.request, caller, workspace)?
            .within(question.thread.clone(), question.user.clone());
        let pieces = self.conversations.stream(workspace, question, &by).await?;
        Ok(Some((pieces, listener)))
    }
}
