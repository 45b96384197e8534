//! `/v1/admin/event-logs`.
use actix_web::get;
use actix_web::web::{Data, Json};
use carrel_services::Ports;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::Params;
use crate::v1::admin::wire::events as wire;

/// List the audit log: what changed, by whom and from where, newest first.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), params(wire::EventQuery),
    responses((status = 200, body = wire::EventPage), ErrorResponse<Plain>))]
#[get("/admin/event-logs")]
pub async fn list_events(
    _: Authorized<scope::Admin>,
    ports: Data<Ports>,
    params: Params<wire::EventQuery>,
) -> ApiResult<Json<wire::EventPage>> {
    let query = params.read()?;
    let limit = query.limit();
    let mut events = ports.audit.page(query.before, 0, limit + 1).await?;
    let has_more = events.len() > limit as usize;
    events.truncate(limit as usize);
    let total = ports.audit.count().await?;
    let events = events.into_iter().map(Into::into).collect();
    Ok(Json(wire::EventPage { events, has_more, total }))
}
