//! `POST /openai/embeddings`
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, post};
use carrel_domain::model::Models;
use carrel_services::openai as service;

use crate::caller::{Asker, Caller};
use crate::failure::openai::OpenAi;
use crate::failure::{Answer, Failure};
use crate::mount::Mount;
use crate::read::Body;
use crate::v1::openai::wire::embeddings as wire;

/// Turn texts into vectors.
///
/// By the model that documents are embedded with; `model` is not looked at.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])), request_body = wire::EmbeddingsBody,
    responses((status = 200, body = wire::Embeddings), Failure<OpenAi>))]
#[post("/openai/embeddings")]
pub async fn embed_texts(
    _caller: Caller<Asker>,
    request: HttpRequest,
    models: Data<dyn Models>,
    body: Body<wire::EmbeddingsBody>,
) -> Answer<Json<wire::Embeddings>, OpenAi> {
    let (mount, body) = (Mount::of(&request), body.read().await?);
    let (encoding, dimensions) = (body.encoding(mount)?, body.dimensions(mount)?);
    let embedded = service::embed(&**models, body.texts(mount)?, dimensions).await?;
    Ok(Json(wire::Embeddings::of(embedded, encoding)))
}
