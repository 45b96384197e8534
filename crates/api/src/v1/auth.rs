//! `GET /auth`.
use actix_web::get;
use actix_web::web::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};

/// Confirms that the key is valid.
#[derive(Serialize, ToSchema)]
pub struct Authenticated {
    pub authenticated: bool,
}

/// Check an API key.
///
/// Returns `{"authenticated":true}` if the key is valid.
#[utoipa::path(tag = "Authentication", security(("api_key" = [])),
    responses((status = 200, body = Authenticated), ErrorResponse<Plain>))]
#[get("/auth")]
pub async fn authenticate(_: Authorized<scope::Read>) -> ApiResult<Json<Authenticated>> {
    Ok(Json(Authenticated { authenticated: true }))
}
