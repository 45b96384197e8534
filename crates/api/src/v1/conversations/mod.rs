//! `POST /workspace/{slug}/chat` and `/stream-chat`, also in threads.
pub mod attachment;
mod context;
pub mod stream;
pub mod wire;

use actix_web::web::{Json, Path};
use actix_web::{HttpResponse, post};
use carrel_domain::Result;
use carrel_domain::workspace::Workspace;

pub use context::{ChatContext, find_thread, in_thread};

use self::stream::EventWriter;
use self::wire as chat;
use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, error_body};
use crate::read::JsonBody;
use crate::streaming;
use crate::wire::ServerSentEvent;

/// Ask a question in a workspace.
///
/// The answer is built on the workspace's pinned documents, on the documents attached to the
/// question, and on the passages nearest to it. The response lists them as `sources`. In the mode
/// `query`, a question without matching passages is refused with the workspace's refusal text. With
/// `reset`, the model no longer sees the earlier conversation; a reset needs no message.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = chat::ChatBody,
    responses((status = 200, body = chat::ChatAnswer), ErrorResponse<error_body::Abort>))]
#[post("/workspace/{slug}/chat")]
pub async fn ask(
    caller: Authorized<scope::Chat>,
    context: ChatContext,
    slug: Path<String>,
    body: JsonBody<chat::ChatBody>,
) -> ApiResult<Json<chat::ChatAnswer>, error_body::Abort> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*context.ports.workspaces, &slug).await?;
    Ok(Json(answer(&context, &caller, &workspace, body.read()?).await?))
}

/// Ask a question in a workspace and stream the answer.
///
/// Sends server-sent events: `textResponseChunk` for each part, `finalizeResponseStream` with the
/// sources at the end, or `abort` on failure. A client that disconnects stops the model; the text
/// sent so far is kept. The stream ends if its key is revoked or its workspace is deleted.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = chat::ChatBody,
    responses((status = 200, description = "The answer, as server-sent events.", content_type = "text/event-stream", body = ServerSentEvent), ErrorResponse<error_body::Abort>))]
#[post("/workspace/{slug}/stream-chat")]
pub async fn stream_answer(
    caller: Authorized<scope::Chat>,
    context: ChatContext,
    slug: Path<String>,
    body: JsonBody<chat::ChatBody>,
) -> ApiResult<HttpResponse, error_body::Abort> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*context.ports.workspaces, &slug).await?;
    Ok(stream(&context, &caller, &workspace, body.read()?).await?)
}

/// Ask a question in a thread.
///
/// Works like a question in a workspace. `userId` attributes the exchange to that user.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = chat::ChatBody,
    responses((status = 200, body = chat::ChatAnswer), ErrorResponse<error_body::Abort>))]
#[post("/workspace/{slug}/thread/{thread}/chat")]
pub async fn ask_in_thread(
    caller: Authorized<scope::Chat>,
    context: ChatContext,
    path: Path<(String, String)>,
    body: JsonBody<chat::ChatBody>,
) -> ApiResult<Json<chat::ChatAnswer>, error_body::Abort> {
    let body = body.read().await?;
    let (workspace, thread) = find_thread(&context.ports, &caller, &path).await?;
    let question = in_thread(&context.ports, thread, body.read()?).await?;
    Ok(Json(answer(&context, &caller, &workspace, question).await?))
}

/// Ask a question in a thread and stream the answer.
///
/// Sends the same server-sent events as a question in a workspace. The stream also ends if the
/// thread or the user is deleted.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = chat::ChatBody,
    responses((status = 200, description = "The answer, as server-sent events.", content_type = "text/event-stream", body = ServerSentEvent), ErrorResponse<error_body::Abort>))]
#[post("/workspace/{slug}/thread/{thread}/stream-chat")]
pub async fn stream_answer_in_thread(
    caller: Authorized<scope::Chat>,
    context: ChatContext,
    path: Path<(String, String)>,
    body: JsonBody<chat::ChatBody>,
) -> ApiResult<HttpResponse, error_body::Abort> {
    let body = body.read().await?;
    let (workspace, thread) = find_thread(&context.ports, &caller, &path).await?;
    let question = in_thread(&context.ports, thread, body.read()?).await?;
    Ok(stream(&context, &caller, &workspace, question).await?)
}

async fn answer(
    context: &ChatContext,
    caller: &Authorized<scope::Chat>,
    workspace: &Workspace,
    question: chat::QuestionRequest,
) -> Result<chat::ChatAnswer> {
    let with_sources = question.with_sources;
    match context.answer(caller, workspace, question).await? {
        Some(reply) => chat::ChatAnswer::new(reply, with_sources),
        None => Ok(chat::ChatAnswer::reset()),
    }
}

async fn stream(
    context: &ChatContext,
    caller: &Authorized<scope::Chat>,
    workspace: &Workspace,
    question: chat::QuestionRequest,
) -> Result<HttpResponse> {
    let writer = EventWriter::new(question.with_sources);
    Ok(match context.stream(caller, workspace, question).await? {
        Some((events, listener)) => {
            let events =
                streaming::event_stream(events, move |event| writer.events(event), listener);
            streaming::response().streaming(events)
        }
        None => streaming::response().body(stream::reset()),
    })
}
