//! `GET /auth`
use actix_web::get;
use actix_web::web::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::caller::{Caller, Reader};
use crate::failure::{Answer, Failure, Plain};

/// That the key is good.
#[derive(Serialize, ToSchema)]
pub struct Authenticated {
    pub authenticated: bool,
}

/// Check an API key.
///
/// Answers `{"authenticated":true}` to whoever holds a valid key.
#[utoipa::path(tag = "Authentication", security(("api_key" = [])),
    responses((status = 200, body = Authenticated), Failure<Plain>))]
#[get("/auth")]
pub async fn authenticate(_: Caller<Reader>) -> Answer<Json<Authenticated>> {
    Ok(Json(Authenticated { authenticated: true }))
}
