//! `/v1/admin/api-keys*`.
use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::ApiKeyId;
use carrel_services::Ports;

use crate::authorized::{Authorized, scope};
use crate::error::error_body::{NoKey, NotDone};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::JsonBody;
use crate::routes::parse_id;
use crate::v1::admin::wire::{Done, keys as wire};

/// List all API keys, including revoked ones, without their secrets.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = wire::KeyList), ErrorResponse<Plain>))]
#[get("/admin/api-keys")]
pub async fn list_api_keys(
    _: Authorized<scope::Admin>,
    ports: Data<Ports>,
) -> ApiResult<Json<wire::KeyList>> {
    let api_keys = ports.api_keys.list().await?.into_iter().map(Into::into).collect();
    Ok(Json(wire::KeyList { api_keys }))
}

/// Create an API key.
///
/// The new key cannot have more access than the key that creates it. Only this response shows the
/// secret.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = wire::NewKeyBody,
    responses((status = 200, body = wire::KeyCreated), ErrorResponse<NoKey>))]
#[post("/admin/api-keys")]
pub async fn create_api_key(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<wire::NewKeyBody>,
) -> ApiResult<Json<wire::KeyCreated>, NoKey> {
    let options = body.read().await?.into_options()?;
    let (secret, key) = ports.api_keys.create_as(&caller.key, options, &caller.by()).await?;
    Ok(Json(wire::KeyCreated::new(&secret, key)))
}

/// Revoke an API key immediately.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = Done), ErrorResponse<NotDone>))]
#[delete("/admin/api-keys/{id}")]
pub async fn revoke_api_key(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<Json<Done>, NotDone> {
    ports.api_keys.revoke(ApiKeyId(parse_id("API key", &id)?), &caller.by()).await?;
    Ok(Json(Done::well()))
}
