//! `POST /workspace/{slug}/chat` and `/stream-chat`, also in threads.
mod asking;
pub mod attachment;
pub mod stream;
pub mod wire;

use actix_web::web::{Json, Path};
use actix_web::{HttpResponse, post};
use carrel_domain::Result;
use carrel_domain::workspace::Workspace;

pub use asking::{Asking, find_thread, in_thread};

use self::stream::Teller;
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
    asking: Asking,
    slug: Path<String>,
    body: JsonBody<chat::ChatBody>,
) -> ApiResult<Json<chat::ChatAnswer>, error_body::Abort> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*asking.ports.workspaces, &slug).await?;
    Ok(Json(answer(&asking, &caller, &workspace, body.read()?).await?))
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
    asking: Asking,
    slug: Path<String>,
    body: JsonBody<chat::ChatBody>,
) -> ApiResult<HttpResponse, error_body::Abort> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*asking.ports.workspaces, &slug).await?;
    Ok(stream(&asking, &caller, &workspace, body.read()?).await?)
}

/// Ask a question in a thread.
///
/// Works like a question in a workspace. `userId` attributes the exchange to that user.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = chat::ChatBody,
    responses((status = 200, body = chat::ChatAnswer), ErrorResponse<error_body::Abort>))]
#[post("/workspace/{slug}/thread/{thread}/chat")]
pub async fn ask_in_thread(
    caller: Authorized<scope::Chat>,
    asking: Asking,
    path: Path<(String, String)>,
    body: JsonBody<chat::ChatBody>,
) -> ApiResult<Json<chat::ChatAnswer>, error_body::Abort> {
    let body = body.read().await?;
    let (workspace, thread) = find_thread(&asking.ports, &caller, &path).await?;
    let asked = in_thread(&asking.ports, thread, body.read()?).await?;
    Ok(Json(answer(&asking, &caller, &workspace, asked).await?))
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
    asking: Asking,
    path: Path<(String, String)>,
    body: JsonBody<chat::ChatBody>,
) -> ApiResult<HttpResponse, error_body::Abort> {
    let body = body.read().await?;
    let (workspace, thread) = find_thread(&asking.ports, &caller, &path).await?;
    let asked = in_thread(&asking.ports, thread, body.read()?).await?;
    Ok(stream(&asking, &caller, &workspace, asked).await?)
}

async fn answer(
    asking: &Asking,
    caller: &Authorized<scope::Chat>,
    workspace: &Workspace,
    asked: chat::AskedQuestion,
) -> Result<chat::ChatAnswer> {
    let with_sources = asked.with_sources;
    match asking.answer(caller, workspace, asked).await? {
        Some(reply) => chat::ChatAnswer::new(reply, with_sources),
        None => Ok(chat::ChatAnswer::reset()),
    }
}

async fn stream(
    asking: &Asking,
    caller: &Authorized<scope::Chat>,
    workspace: &Workspace,
    asked: chat::AskedQuestion,
) -> Result<HttpResponse> {
    let teller = Teller::new(asked.with_sources);
    Ok(match asking.stream(caller, workspace, asked).await? {
        Some((pieces, listener)) => {
            let told = streaming::told(pieces, move |piece| teller.events(piece), listener);
            streaming::response().streaming(told)
        }
        None => streaming::response().body(stream::reset()),
    })
}
