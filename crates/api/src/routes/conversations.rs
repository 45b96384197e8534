//! `POST /workspace/{slug}/vector-search`, `/chat` and `/stream-chat`, also in threads
use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::web::{Data, Json, Path};
use actix_web::{FromRequest, HttpRequest, HttpResponse, post};
use carrel_domain::audit::By;
use carrel_domain::thread::{Thread, Threads};
use carrel_domain::user::Users;
use carrel_domain::workspace::{Workspace, Workspaces};
use carrel_domain::{Error, Result};
use carrel_services::chat::Conversations;
use carrel_services::search::Search;
use carrel_services::threads;
use uuid::Uuid;

use crate::caller::{Asker, Caller, Reader};
use crate::failure::{Answer, Failure, Refusal, shapes};
use crate::mount::Mount;
use crate::read::Body;
use crate::streaming;
use crate::wire::stream as events;
use crate::wire::{chat, retrieval};

/// Find the passages of a workspace that bear on a text.
///
/// By meaning and by words, unless the workspace or the request says otherwise. Needs no language
/// model. `filter` and `scoreThreshold` apply before `topN`.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = retrieval::SearchBody,
    responses((status = 200, body = retrieval::SearchResults), Failure<shapes::Message>))]
#[post("/workspace/{slug}/vector-search")]
pub async fn search_vectors(
    caller: Caller<Reader>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    search: Data<Search>,
    slug: Path<String>,
    body: Body<retrieval::SearchBody>,
) -> Answer<Json<retrieval::SearchResults>, shapes::Message> {
    let workspace = caller.workspace(&**workspaces, &slug).await?;
    let query = body.read().await?.into_query(Mount::of(&request))?;
    let hits = search.nearest(&workspace, query).await?;
    Ok(Json(hits.into()))
}

/// Ask a question in a workspace.
///
/// The answer is built on the workspace's passages, which come with it as `sources`. In the mode
/// `query` a question on which no passage bears is refused in the words of the workspace. `reset`
/// makes the model forget the conversation first; it needs no message.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = chat::ChatBody,
    responses((status = 200, body = chat::ChatAnswer), Failure<shapes::Abort>))]
#[post("/workspace/{slug}/chat")]
pub async fn ask(
    caller: Caller<Asker>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    conversations: Data<Conversations>,
    slug: Path<String>,
    body: Body<chat::ChatBody>,
) -> Answer<Json<chat::ChatAnswer>, shapes::Abort> {
    let workspace = caller.workspace(&**workspaces, &slug).await?;
    let asked = body.read().await?.read(Mount::of(&request))?;
    Ok(Json(answer(&conversations, &workspace, asked, &caller.by()).await?))
}

/// Ask a question in a workspace and get the answer part by part.
///
/// As server-sent events: `textResponseChunk` for each part, `finalizeResponseStream` with the
/// sources at the end; `abort` when it fails. A client that leaves stops the model, and what was
/// said by then is kept.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = chat::ChatBody,
    responses((status = 200, description = "The answer", content_type = "text/event-stream", body = String), Failure<shapes::Abort>))]
#[post("/workspace/{slug}/stream-chat")]
pub async fn stream_answer(
    caller: Caller<Asker>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    conversations: Data<Conversations>,
    slug: Path<String>,
    body: Body<chat::ChatBody>,
) -> Answer<HttpResponse, shapes::Abort> {
    let workspace = caller.workspace(&**workspaces, &slug).await?;
    let asked = body.read().await?.read(Mount::of(&request))?;
    Ok(streamed(&conversations, &workspace, asked, &caller.by()).await?)
}

/// Ask a question in a thread.
///
/// As in a workspace. A `userId` makes the exchange that user's.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = chat::ChatBody,
    responses((status = 200, body = chat::ChatAnswer), Failure<shapes::ThreadAbort>))]
#[post("/workspace/{slug}/thread/{thread}/chat")]
pub async fn ask_in_thread(
    caller: Caller<Asker>,
    request: HttpRequest,
    ports: ThreadPorts,
    conversations: Data<Conversations>,
    path: Path<(String, String)>,
    body: Body<chat::ChatBody>,
) -> Answer<Json<chat::ChatAnswer>, shapes::ThreadAbort> {
    let (workspace, thread) = ports.find(&caller, &path).await?;
    let asked = body.read().await?.read(Mount::of(&request))?;
    let asked = ports.within(thread, asked, Mount::of(&request)).await?;
    Ok(Json(answer(&conversations, &workspace, asked, &caller.by()).await?))
}

/// Ask a question in a thread and get the answer part by part.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = chat::ChatBody,
    responses((status = 200, description = "The answer", content_type = "text/event-stream", body = String), Failure<shapes::ThreadAbort>))]
#[post("/workspace/{slug}/thread/{thread}/stream-chat")]
pub async fn stream_answer_in_thread(
    caller: Caller<Asker>,
    request: HttpRequest,
    ports: ThreadPorts,
    conversations: Data<Conversations>,
    path: Path<(String, String)>,
    body: Body<chat::ChatBody>,
) -> Answer<HttpResponse, shapes::ThreadAbort> {
    let mount = Mount::of(&request);
    let (workspace, thread) = match ports.find(&caller, &path).await {
        // quirk(unknown-thread-400): a stream is refused as a bad request, without telling which.
        Err(Error::NotFound { .. }) if mount == Mount::Compat => {
            let reason = format!("Workspace {} or thread {} is not valid.", path.0, path.1);
            return Err(Error::invalid("message", reason).into());
        }
        found => found?,
    };
    let asked = body.read().await?.read(mount)?;
    let asked = ports.within(thread, asked, mount).await?;
    Ok(streamed(&conversations, &workspace, asked, &caller.by()).await?)
}

/// What a thread is found with.
pub struct ThreadPorts {
    pub workspaces: Data<dyn Workspaces>,
    pub threads: Data<dyn Threads>,
    pub users: Data<dyn Users>,
}

impl FromRequest for ThreadPorts {
    type Error = actix_web::Error;
    type Future = Ready<actix_web::Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let ports = || {
            Some(Self {
                workspaces: request.app_data::<Data<dyn Workspaces>>()?.clone(),
                threads: request.app_data::<Data<dyn Threads>>()?.clone(),
                users: request.app_data::<Data<dyn Users>>()?.clone(),
            })
        };
        let unwired = || Refusal::plain(Error::internal("a port is not wired")).into();
        ready(ports().ok_or_else(unwired))
    }
}

impl ThreadPorts {
    async fn find<P>(
        &self,
        caller: &Caller<P>,
        path: &(String, String),
    ) -> Result<(Workspace, Thread)> {
        let workspace = caller.workspace(&**self.workspaces, &path.0).await?;
        let thread = threads::by_slug(&**self.threads, &workspace, &path.1).await?;
        Ok((workspace, thread))
    }

    /// The question as one of a thread, which has users and no sessions.
    async fn within(
        &self,
        thread: Thread,
        asked: chat::Asked,
        mount: Mount,
    ) -> Result<chat::Asked> {
        let mut asked = asked;
        asked.question.session = None;
        asked.question.thread = Some(thread);
        if let Some(id) = asked.user {
            asked.question.user = self.users.by_id(id).await?;
            // quirk(unknown-asker): a user who is not there is nobody.
            if asked.question.user.is_none() && mount == Mount::Native {
                return Err(Error::not_found("user", id));
            }
        }
        Ok(asked)
    }
}

async fn answer(
    conversations: &Conversations,
    workspace: &Workspace,
    asked: chat::Asked,
    by: &By,
) -> Result<chat::ChatAnswer> {
    if asked.reset {
        conversations.reset(workspace, &asked.question, by).await?;
    }
    if asked.is_reset_only() {
        return Ok(chat::ChatAnswer::reset());
    }
    Ok(conversations.ask(workspace, asked.question, by).await?.into())
}

async fn streamed(
    conversations: &Conversations,
    workspace: &Workspace,
    asked: chat::Asked,
    by: &By,
) -> Result<HttpResponse> {
    let id = Uuid::new_v4().to_string();
    if asked.reset {
        conversations.reset(workspace, &asked.question, by).await?;
    }
    if asked.is_reset_only() {
        return Ok(streaming::response().body(events::reset(&id)));
    }
    let pieces = conversations.stream(workspace, asked.question, by).await?;
    let told = streaming::told(pieces, move |piece| events::events(&id, piece));
    Ok(streaming::response().streaming(told))
}
