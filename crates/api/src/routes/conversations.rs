//! `POST /workspace/{slug}/vector-search` and `/chat`
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, post};
use carrel_domain::workspace::Workspaces;
use carrel_services::chat::Conversations;
use carrel_services::search::Search;

use crate::caller::{Asker, Caller, Reader};
use crate::failure::{Answer, Failure, shapes};
use crate::mount::Mount;
use crate::read::Body;
use crate::wire::{chat, retrieval};

/// Find the passages of a workspace that are nearest to a text.
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
/// `query` a question on which no passage bears is refused in the words of the workspace.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = chat::ChatBody,
    responses((status = 200, body = chat::ChatAnswer), Failure<shapes::Abort>))]
#[post("/workspace/{slug}/chat")]
pub async fn ask(
    caller: Caller<Asker>,
    workspaces: Data<dyn Workspaces>,
    conversations: Data<Conversations>,
    slug: Path<String>,
    body: Body<chat::ChatBody>,
) -> Answer<Json<chat::ChatAnswer>, shapes::Abort> {
    let workspace = caller.workspace(&**workspaces, &slug).await?;
    let question = body.read().await?.into_question()?;
    let reply = conversations.ask(&workspace, question, &caller.by()).await?;
    Ok(Json(reply.into()))
}
