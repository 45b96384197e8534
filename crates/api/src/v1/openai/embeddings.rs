//! `POST /openai/embeddings`.
use actix_web::post;
use actix_web::web::{Data, Json};
use carrel_domain::Result;
use carrel_domain::model::Models;
use carrel_services::Ports;
use carrel_services::openai as service;

use crate::authorized::{Authorized, scope};
use crate::error::openai::OpenAi;
use crate::error::{ApiResult, ErrorResponse};
use crate::read::JsonBody;
use crate::v1::openai::wire::embeddings as wire;

/// Embed texts.
///
/// Uses the embedder that indexes documents; `model` is ignored.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])), request_body = wire::EmbeddingsBody,
    responses((status = 200, body = wire::Embeddings), ErrorResponse<OpenAi>))]
#[post("/openai/embeddings")]
pub async fn embed_texts(
    _caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    body: JsonBody<wire::EmbeddingsBody>,
) -> ApiResult<Json<wire::Embeddings>, OpenAi> {
    Ok(Json(embed(&*ports.models, body.read().await?).await?))
}

/// Embeds the texts of a body.
pub async fn embed(models: &dyn Models, body: wire::EmbeddingsBody) -> Result<wire::Embeddings> {
    let (encoding, dimensions) = (body.encoding()?, body.dimensions()?);
    let embedded = service::embed(models, body.texts()?, dimensions).await?;
    Ok(wire::Embeddings::of(embedded, encoding))
}
