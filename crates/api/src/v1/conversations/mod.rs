//! `POST /workspace/{slug}/vector-search`, `/chat` and `/stream-chat`, also in threads
mod asking;
pub mod attachment;
pub mod stream;
pub mod wire;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, post};
use carrel_domain::Error;
use carrel_domain::workspace::Workspaces;
use carrel_services::search::Search;

pub use asking::ThreadPorts;

use self::asking::Asking;
use self::wire as chat;
use crate::caller::{Asker, Caller, Reader};
use crate::failure::{Answer, Failure, shapes};
use crate::mount::Mount;
use crate::read::Body;
use crate::v1::search::wire as retrieval;

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
    let mount = Mount::of(&request);
    let query = body.read().await?.into_query(mount)?;
    let hits = search.nearest(&workspace, query).await?;
    Ok(Json(retrieval::SearchResults::new(hits, mount)))
}

/// Ask a question in a workspace.
///
/// The answer is built on the workspace's pinned documents, on documents attached to the question,
/// and on the passages nearest to it; they come with it as `sources`. In the mode `query` a question
/// on which nothing bears is refused in the words of the workspace. `reset` makes the model forget
/// the conversation first; it needs no message.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = chat::ChatBody,
    responses((status = 200, body = chat::ChatAnswer), Failure<shapes::Abort>))]
#[post("/workspace/{slug}/chat")]
pub async fn ask(
    caller: Caller<Asker>,
    request: HttpRequest,
    asking: Asking,
    slug: Path<String>,
    body: Body<chat::ChatBody>,
) -> Answer<Json<chat::ChatAnswer>, shapes::Abort> {
    let (mount, body) = (Mount::of(&request), body.read().await?);
    let workspace = caller.workspace(&**asking.ports.workspaces, &slug).await?;
    Ok(Json(asking.answer(&caller, workspace, body.read(mount)?, mount).await?))
}

/// Ask a question in a workspace and get the answer part by part.
///
/// As server-sent events: `textResponseChunk` for each part, `finalizeResponseStream` with the
/// sources at the end; `abort` when it fails. A client that leaves stops the model, and what was
/// said by then is kept. A stream ends when its key is revoked or its workspace deleted.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = chat::ChatBody,
    responses((status = 200, description = "The answer", content_type = "text/event-stream", body = String), Failure<shapes::Abort>))]
#[post("/workspace/{slug}/stream-chat")]
pub async fn stream_answer(
    caller: Caller<Asker>,
    request: HttpRequest,
    asking: Asking,
    slug: Path<String>,
    body: Body<chat::ChatBody>,
) -> Answer<HttpResponse, shapes::Abort> {
    let (mount, body) = (Mount::of(&request), body.read().await?);
    let workspace = caller.workspace(&**asking.ports.workspaces, &slug).await?;
    Ok(asking.stream(&caller, workspace, body.read(mount)?, mount).await?)
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
    asking: Asking,
    path: Path<(String, String)>,
    body: Body<chat::ChatBody>,
) -> Answer<Json<chat::ChatAnswer>, shapes::ThreadAbort> {
    let (mount, body) = (Mount::of(&request), body.read().await?);
    let (workspace, thread) = asking.ports.find(&caller, &path).await?;
    let asked = asking.ports.within(thread, body.read(mount)?, mount).await?;
    Ok(Json(asking.answer(&caller, workspace, asked, mount).await?))
}

/// Ask a question in a thread and get the answer part by part.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = chat::ChatBody,
    responses((status = 200, description = "The answer", content_type = "text/event-stream", body = String), Failure<shapes::ThreadAbort>))]
#[post("/workspace/{slug}/thread/{thread}/stream-chat")]
pub async fn stream_answer_in_thread(
    caller: Caller<Asker>,
    request: HttpRequest,
    asking: Asking,
    path: Path<(String, String)>,
    body: Body<chat::ChatBody>,
) -> Answer<HttpResponse, shapes::ThreadAbort> {
    let (mount, body) = (Mount::of(&request), body.read().await?);
    let (workspace, thread) = match asking.ports.find(&caller, &path).await {
        // quirk(unknown-thread-400): a stream is refused as a bad request, without telling which.
        Err(Error::NotFound { .. }) if mount == Mount::Compat => {
            let reason = format!("Workspace {} or thread {} is not valid.", path.0, path.1);
            return Err(Error::invalid("message", reason).into());
        }
        found => found?,
    };
    let asked = asking.ports.within(thread, body.read(mount)?, mount).await?;
    Ok(asking.stream(&caller, workspace, asked, mount).await?)
}
