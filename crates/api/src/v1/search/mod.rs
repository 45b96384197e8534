//! `POST /workspace/{slug}/vector-search`
pub mod wire;

use actix_web::post;
use actix_web::web::{Data, Json, Path};
use carrel_domain::workspace::Workspaces;
use carrel_services::search::Search;

use crate::caller::{Caller, Reader};
use crate::failure::{Answer, Failure, shapes};
use crate::read::Body;

/// Find the passages of a workspace that bear on a text.
///
/// By meaning and by words, unless the workspace or the request says otherwise. Needs no language
/// model. `filter` and `scoreThreshold` apply before `topN`.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = wire::SearchBody,
    responses((status = 200, body = wire::SearchResults), Failure<shapes::Message>))]
#[post("/workspace/{slug}/vector-search")]
pub async fn search_vectors(
    caller: Caller<Reader>,
    workspaces: Data<dyn Workspaces>,
    search: Data<Search>,
    slug: Path<String>,
    body: Body<wire::SearchBody>,
) -> Answer<Json<wire::SearchResults>, shapes::Message> {
    let workspace = caller.workspace(&**workspaces, &slug).await?;
    let query = body.read().await?.into_query()?;
    let hits = search.nearest(&workspace, query).await?;
    Ok(Json(wire::SearchResults::new(hits, wire::SearchResult::new)))
}
