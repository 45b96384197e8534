//! `/jobs*`.
pub mod wire;

use carrel_services::Ports;
use std::convert::Infallible;

use actix_web::http::header::HeaderName;
use actix_web::web::{Bytes, Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, get, post};
use carrel_domain::job::{Job, JobFilter, Jobs};
use carrel_domain::{Error, JobId, Result};
use carrel_services::admission::while_admitted;
use futures_util::stream;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, error_body::Alike};
use crate::read::Params;
use crate::streaming::{self, Holder};
use crate::wire::ServerSentEvent;

/// The last event that a reconnecting client received.
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// List jobs.
///
/// Newest first, in pages. For the next page set `before` to the last id of this one. The server
/// keeps finished jobs for 30 days, at most 1000 of them and at most 200,000 of their documents.
#[utoipa::path(tag = "Jobs", security(("api_key" = [])), params(wire::JobQuery),
    responses((status = 200, body = wire::JobPage), ErrorResponse<Alike>))]
#[get("/jobs")]
pub async fn list_jobs(
    caller: Authorized<scope::WorkspaceDocuments>,
    ports: Data<Ports>,
    params: Params<wire::JobQuery>,
) -> ApiResult<Json<wire::JobPage>, Alike> {
    let query = params.read()?;
    let limit = query.limit()?;
    let workspaces = match &query.workspace {
        Some(slug) => Some(vec![caller.workspace(&*ports.workspaces, slug).await?.id]),
        None => Some(caller.key.workspaces.clone()).filter(|workspaces| !workspaces.is_empty()),
    };
    let filter = JobFilter { workspaces, ..query.filter()? };
    let mut jobs = ports.jobs.page(&filter, query.before(), limit + 1).await?;
    let has_more = jobs.len() > limit as usize;
    jobs.truncate(limit as usize);
    Ok(Json(wire::JobPage { jobs: jobs.into_iter().map(Into::into).collect(), has_more }))
}

/// Get a job and its documents.
///
/// Documents are sorted by number, in pages. For the next page set `after` to the last number of
/// this one.
#[utoipa::path(tag = "Jobs", security(("api_key" = [])), params(wire::ItemQuery),
    responses((status = 200, body = wire::JobFound), ErrorResponse<Alike>))]
#[get("/jobs/{id}")]
pub async fn find_job(
    caller: Authorized<scope::WorkspaceDocuments>,
    ports: Data<Ports>,
    id: Path<String>,
    params: Params<wire::ItemQuery>,
) -> ApiResult<Json<wire::JobFound>, Alike> {
    let job = find(&caller, &*ports.jobs, &id).await?;
    let query = params.read()?;
    let limit = query.limit()?;
    let mut items = ports.jobs.items(job.id, query.state()?, query.after, limit + 1).await?;
    let has_more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let items = items.into_iter().map(Into::into).collect();
    Ok(Json(wire::JobFound { job: job.into(), items, has_more }))
}

/// Follow a job as server-sent events.
///
/// Sends `item` for each document that changes and `job` for the job's state, starting with the
/// current state. The stream ends with the job, or a few seconds after the API key becomes invalid.
/// With `Last-Event-ID` the stream starts with the events that the client missed. If there are none
/// and the job is finished, the response is `204`.
#[utoipa::path(tag = "Jobs", security(("api_key" = [])),
    responses((status = 200, description = "The changes of the job, as server-sent events.", content_type = "text/event-stream", body = ServerSentEvent),
        (status = 204, description = "The job is finished and the client has received every event."), ErrorResponse<Alike>))]
#[get("/jobs/{id}/events")]
pub async fn follow_job(
    caller: Authorized<scope::WorkspaceDocuments>,
    request: HttpRequest,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<HttpResponse, Alike> {
    let job = find(&caller, &*ports.jobs, &id).await?;
    let last = request.headers().get(LAST_EVENT_ID).and_then(|id| id.to_str().ok());
    let cursor = wire::cursor(last);
    if last.is_some() && job.state.is_over() && cursor.is_all_of(&job) {
        return Ok(HttpResponse::NoContent().finish());
    }
    let events = stream::unfold(ports.workers.watch(job.id, cursor), |mut watcher| async move {
        let update = watcher.next().await?;
        Some((Ok::<_, Infallible>(Bytes::from(wire::events(update))), watcher))
    });
    Ok(streaming::response().streaming(while_admitted(events, Holder::new(&request, &caller)?)))
}

/// Cancel a job.
///
/// Documents that are done stay done. A running job stops soon after. Cancelling a finished job changes
/// nothing.
#[utoipa::path(tag = "Jobs", security(("api_key" = [])),
    responses((status = 200, body = wire::JobChanged), ErrorResponse<Alike>))]
#[post("/jobs/{id}/cancel")]
pub async fn cancel_job(
    caller: Authorized<scope::WorkspaceDocuments>,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<Json<wire::JobChanged>, Alike> {
    let job = find(&caller, &*ports.jobs, &id).await?;
    let job = ports.workers.cancel(&job, &caller.by()).await?.into();
    Ok(Json(wire::JobChanged { job }))
}

/// Retry the failed documents of a job.
///
/// The job must be finished.
#[utoipa::path(tag = "Jobs", security(("api_key" = [])),
    responses((status = 200, body = wire::JobChanged), ErrorResponse<Alike>))]
#[post("/jobs/{id}/retry")]
pub async fn retry_job(
    caller: Authorized<scope::WorkspaceDocuments>,
    ports: Data<Ports>,
    id: Path<String>,
) -> ApiResult<Json<wire::JobChanged>, Alike> {
    let job = find(&caller, &*ports.jobs, &id).await?;
    let job = ports.workers.retry(&job, &caller.by()).await?.into();
    Ok(Json(wire::JobChanged { job }))
}

/// Returns the job. A job whose workspace the caller may not access is reported as not found.
async fn find(
    caller: &Authorized<scope::WorkspaceDocuments>,
    jobs: &dyn Jobs,
    id: &str,
) -> Result<Job> {
    let job = match id.parse() {
        Ok(number) => jobs.by_id(JobId(number)).await?,
        Err(_) => None,
    };
    job.filter(|job| caller.key.allows_workspace(job.workspace.id))
        .ok_or_else(|| Error::not_found("job", id))
}
