//! Threads at `/api/v1/workspace/{slug}/thread*`.
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, post};
use carrel_domain::Error;
use carrel_services::Ports;
use carrel_services::threads as service;

use super::JsonBody;
use super::error::error_body::{NoSuchThread, NoThread, Plain};
use super::values::{to_text, to_user};
use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, error_body::text};
use crate::v1::threads as native;
use crate::v1::threads::wire;

/// Create a thread.
///
/// A refused thread is answered with 200 and a message.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = wire::NewThreadBody,
    responses((status = 200, body = wire::ThreadChanged), ErrorResponse<NoThread>))]
#[post("/workspace/{slug}/thread/new")]
pub async fn create_thread(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    slug: Path<String>,
    body: JsonBody<wire::NewThreadBody>,
) -> ApiResult<Json<wire::ThreadChanged>, NoThread> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    // quirk(values-as-text): a value of any type is converted to text.
    let body = wire::NewThreadBody {
        name: body.name.map(to_text),
        slug: body.slug.map(to_text),
        user_id: body.user_id.map(to_user),
    };
    Ok(Json(native::create(&ports, &workspace, &body, &caller.by()).await?))
}

/// Rename a thread.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = wire::ThreadFields,
    responses((status = 200, body = wire::ThreadChanged), ErrorResponse<NoSuchThread>))]
#[post("/workspace/{slug}/thread/{thread}/update")]
pub async fn update_thread(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
    body: JsonBody<wire::ThreadFields>,
) -> ApiResult<Json<wire::ThreadChanged>, NoSuchThread> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    Ok(Json(native::update(&*ports.threads, &workspace, &path.1, body, &caller.by()).await?))
}

/// Delete a thread with its exchanges.
#[utoipa::path(tag = "Threads", security(("api_key" = [])),
    responses((status = 200, description = "The thread was deleted or did not exist.", content_type = "text/plain", body = String), ErrorResponse<Plain>))]
#[delete("/workspace/{slug}/thread/{thread}")]
pub async fn delete_thread(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
) -> ApiResult<HttpResponse, Plain> {
    let workspace = caller.workspace(&*ports.workspaces, &path.0).await?;
    let deleted = match service::by_slug(&*ports.threads, &workspace, &path.1).await {
        Ok(thread) => service::delete(&*ports.threads, &[thread], &caller.by()).await,
        Err(error) => Err(error),
    };
    match deleted {
        // quirk(no-thread-to-delete): deleting it succeeds with `OK` as text
        // native: an unknown thread is `404`
        // test: `threads::threads_are_refused_as_existing_clients_expect`
        Ok(()) | Err(Error::NotFound { .. }) => Ok(text(StatusCode::OK, "OK")),
        Err(error) => Err(error.into()),
    }
}
