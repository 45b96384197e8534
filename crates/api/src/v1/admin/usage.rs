//! `/v1/admin/usage`
use actix_web::get;
use actix_web::web::{Data, Json};
use carrel_domain::usage::UsageQuery;
use carrel_services::Ports;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::Params;
use crate::v1::admin::wire::usage as wire;

/// Add up what answers have cost, in tokens.
///
/// By user and by workspace, those with the most tokens come first; by day (UTC), the latest. The
/// exchanges in the log count, those of embeds for their workspace and for no user. What is deleted
/// counts no more.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), params(wire::UsageParams),
    responses((status = 200, body = wire::UsagePage), ErrorResponse<Plain>))]
#[get("/admin/usage")]
pub async fn show_usage(
    _: Authorized<scope::Admin>,
    ports: Data<Ports>,
    params: Params<wire::UsageParams>,
) -> ApiResult<Json<wire::UsagePage>> {
    let query = params.read()?.read()?;
    let limit = query.limit;
    let mut sums = ports.usages.sums(&UsageQuery { limit: limit + 1, ..query }).await?;
    let has_more = sums.len() > limit as usize;
    sums.truncate(limit as usize);
    Ok(Json(wire::UsagePage { usage: sums.into_iter().map(Into::into).collect(), has_more }))
}
