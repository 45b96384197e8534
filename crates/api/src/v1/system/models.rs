//! `POST /v1/system/models`.
use actix_web::post;
use actix_web::web::{Data, Json};
use carrel_services::Ports;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::JsonBody;
use crate::v1::admin::wire::models::{ModelsBody, ModelsListed};

/// List the models that a provider offers.
///
/// Asks the provider and caches the result for five minutes.
#[utoipa::path(tag = "System", security(("api_key" = [])), request_body = ModelsBody,
    responses((status = 200, body = ModelsListed), ErrorResponse<Plain>))]
#[post("/system/models")]
pub async fn list_provider_models(
    _: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<ModelsBody>,
) -> ApiResult<Json<ModelsListed>> {
    let ModelsBody { kind, provider, settings } = body.read().await?;
    let kind = kind.as_deref().unwrap_or("llm").parse()?;
    let models = ports.model_lists.list(kind, provider, &settings.unwrap_or_default()).await?;
    Ok(Json(models.into()))
}
