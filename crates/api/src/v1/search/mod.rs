//! `POST /workspace/{slug}/vector-search`.
pub mod wire;

use actix_web::post;
use actix_web::web::{Data, Json, Path};
use carrel_services::Ports;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, error_body};
use crate::read::JsonBody;

/// Find the passages of a workspace that match a text.
///
/// Searches by meaning and by words, unless the workspace or the request selects another mode.
/// Needs no language model. `filter` and `scoreThreshold` apply before `topN`.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = wire::SearchBody,
    responses((status = 200, body = wire::SearchResults), ErrorResponse<error_body::PlainMessage>))]
#[post("/workspace/{slug}/vector-search")]
pub async fn search_vectors(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    slug: Path<String>,
    body: JsonBody<wire::SearchBody>,
) -> ApiResult<Json<wire::SearchResults>, error_body::PlainMessage> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let query = body.read().await?.into_query()?;
    let hits = ports.search.nearest(&workspace, query).await?;
    Ok(Json(wire::SearchResults::new(hits, wire::SearchResult::new)))
}
