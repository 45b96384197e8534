//! `POST /openai/embeddings` and `/openai/images/generations`
use actix_web::web::{Data, Json};
use actix_web::{HttpRequest, HttpResponse, post};
use carrel_domain::Error;
use carrel_domain::model::Models;
use carrel_services::openai as service;
use carrel_services::settings::SettingsStore;

use crate::caller::{Asker, Caller};
use crate::failure::openai::{NoImage, OpenAi};
use crate::failure::{Answer, Failure};
use crate::mount::Mount;
use crate::read::Body;
use crate::wire::openai::embeddings as wire;
use crate::wire::openai::images::ImageBody;

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

/// Have a picture made.
///
/// No provider of pictures is built in, so this says what is missing.
#[utoipa::path(tag = "OpenAI", security(("api_key" = [])), request_body = ImageBody,
    responses((status = 200, description = "Not in this version"), Failure<NoImage>))]
#[post("/openai/images/generations")]
pub async fn generate_image(
    _caller: Caller<Asker>,
    settings: Data<SettingsStore>,
    body: Body<ImageBody>,
) -> Answer<HttpResponse, NoImage> {
    body.read().await?.prompt()?;
    let given = settings.lookup("IMAGE_GEN_PROVIDER");
    let given = given.as_deref().unwrap_or("undefined");
    let reason = format!("No valid image generation provider was set. Got: {given}");
    Err(Error::unavailable("image generation", reason).into())
}
