//! `/v1/admin/usage`.
use actix_web::get;
use actix_web::web::{Data, Json};
use carrel_domain::usage::UsageQuery;
use carrel_services::Ports;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::Params;
use crate::v1::admin::wire::usage as wire;

/// Report the tokens that answers have used.
///
/// Rows by user or by workspace are sorted by tokens, highest first; rows by day (UTC) are sorted
/// by date, latest first. The report covers the exchanges in the chat log. Exchanges of chat
/// widgets count for their workspace and for no user. Deleted exchanges do not count.
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
