//! What questions need: where they are asked, who asks, and how answers are told.
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::Data;
use actix_web::{FromRequest, HttpRequest, HttpResponse};
use carrel_domain::thread::{Thread, Threads};
use carrel_domain::user::Users;
use carrel_domain::workspace::{Workspace, Workspaces};
use carrel_domain::{Error, Result};
use carrel_services::chat::{Conversations, Question};
use carrel_services::threads;

use crate::caller::Caller;
use crate::failure::Refusal;
use crate::mount::Mount;
use crate::streaming::{self, Listener};
use crate::wire::chat;
use crate::wire::stream::{self, Teller};

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

fn wired<T: ?Sized + 'static>(request: &HttpRequest) -> actix_web::Result<Data<T>> {
    let found = request.app_data::<Data<T>>().cloned();
    found.ok_or_else(|| Refusal::plain(Error::internal("a port is not wired")).into())
}

impl ThreadPorts {
    fn of(request: &HttpRequest) -> actix_web::Result<Self> {
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
    pub async fn within(
        &self,
        thread: Thread,
        mut asked: chat::Asked,
        mount: Mount,
    ) -> Result<chat::Asked> {
        asked.question.session = None;
        asked.question.thread = Some(thread);
        let Some(id) = asked.user else { return Ok(asked) };
        asked.question.user = match self.users.by_id(id).await? {
            Some(user) if user.suspended => {
                return Err(Error::unprocessable("the user is suspended"));
            }
            // quirk(unknown-asker): a user who is not there is nobody.
            None if mount == Mount::Native => return Err(Error::not_found("user", id)),
            found => found,
        };
        Ok(asked)
    }
}

impl FromRequest for ThreadPorts {
    type Error = actix_web::Error;
    type Future = Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl FromRequest for Asking {
    type Error = actix_web::Error;
    type Future = Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let asking = || {
            let (ports, conversations) = (ThreadPorts::of(request)?, wired(request)?);
            Ok(Self { ports, request: request.clone(), conversations })
        };
        ready(asking())
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

    pub async fn answer<P>(
        &self,
        caller: &Caller<P>,
        workspace: Workspace,
        mut asked: chat::Asked,
        mount: Mount,
    ) -> Result<chat::ChatAnswer> {
        let by = caller.by();
        self.expand_commands(caller, &mut asked.question).await?;
        if asked.reset {
            self.conversations.reset(&workspace, &asked.question, &by).await?;
        }
        if asked.is_reset_only() {
            return Ok(chat::ChatAnswer::reset());
        }
        let with_sources = asked.with_sources;
        let reply = self.conversations.ask(&workspace, asked.question, &by).await?;
        chat::ChatAnswer::new(reply, with_sources, mount)
    }

    pub async fn stream<P>(
        &self,
        caller: &Caller<P>,
        workspace: Workspace,
        asked: chat::Asked,
        mount: Mount,
    ) -> Result<HttpResponse> {
        let (by, mut question) = (caller.by(), asked.question);
        self.expand_commands(caller, &mut question).await?;
        if asked.reset {
            self.conversations.reset(&workspace, &question, &by).await?;
        }
        if asked.reset && question.text.trim().is_empty() {
            return Ok(streaming::response().body(stream::reset()));
        }
        // quirk(answered-by-agent)
        let as_agent = mount == Mount::Compat && question.is_for_agent(&workspace);
        let teller = Teller::new(mount, as_agent, asked.with_sources);
        let listener = Listener::new(&self.request, caller, &workspace)?
            .within(question.thread.clone(), question.user.clone());
        let pieces = self.conversations.stream(&workspace, question, &by).await?;
        let told = streaming::told(pieces, move |piece| teller.events(piece), listener);
        Ok(streaming::response().streaming(told))
    }
}
