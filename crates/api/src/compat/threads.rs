//! `/api/v1/workspace/{slug}/thread*`
use actix_web::http::StatusCode;
use actix_web::web::{Data, Json, Path};
use actix_web::{HttpResponse, delete, post};
use carrel_domain::Error;
use carrel_domain::thread::Threads;
use carrel_domain::user::MultiUser;
use carrel_domain::workspace::Workspaces;
use carrel_services::threads as service;

use super::Body;
use super::failure::shapes::{NoSuchThread, NoThread, Plain};
use super::values::{to_text, to_user};
use crate::caller::{Asker, Caller};
use crate::failure::{Answer, Failure, shapes::text};
use crate::v1::conversations::ThreadPorts;
use crate::v1::threads as native;
use crate::v1::threads::wire;

/// Start a thread. One that cannot be is told with 200 and a message.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = wire::NewThread,
    responses((status = 200, body = wire::ThreadChanged), Failure<NoThread>))]
#[post("/workspace/{slug}/thread/new")]
pub async fn create_thread(
    caller: Caller<Asker>,
    ports: ThreadPorts,
    multi_user: Data<dyn MultiUser>,
    slug: Path<String>,
    body: Body<wire::NewThread>,
) -> Answer<Json<wire::ThreadChanged>, NoThread> {
    let body = body.read().await?;
    let workspace = caller.workspace(&**ports.workspaces, &slug).await?;
    // quirk(values-as-text): a value of any type is its text.
    let body = wire::NewThread {
        name: body.name.map(to_text),
        slug: body.slug.map(to_text),
        user_id: body.user_id.map(to_user),
    };
    Ok(Json(native::create(&ports, &**multi_user, &workspace, &body, &caller.by()).await?))
}

/// Rename a thread.
#[utoipa::path(tag = "Threads", security(("api_key" = [])), request_body = wire::ThreadFields,
    responses((status = 200, body = wire::ThreadChanged), Failure<NoSuchThread>))]
#[post("/workspace/{slug}/thread/{thread}/update")]
pub async fn update_thread(
    caller: Caller<Asker>,
    workspaces: Data<dyn Workspaces>,
    threads: Data<dyn Threads>,
    path: Path<(String, String)>,
    body: Body<wire::ThreadFields>,
) -> Answer<Json<wire::ThreadChanged>, NoSuchThread> {
    let body = body.read().await?;
    let workspace = caller.workspace(&**workspaces, &path.0).await?;
    Ok(Json(native::update(&**threads, &workspace, &path.1, body, &caller.by()).await?))
}

/// Delete a thread with its exchanges.
#[utoipa::path(tag = "Threads", security(("api_key" = [])),
    responses((status = 200, description = "It is not there any more", content_type = "text/plain", body = String), Failure<Plain>))]
#[delete("/workspace/{slug}/thread/{thread}")]
pub async fn delete_thread(
    caller: Caller<Asker>,
    workspaces: Data<dyn Workspaces>,
    threads: Data<dyn Threads>,
    path: Path<(String, String)>,
) -> Answer<HttpResponse, Plain> {
    let workspace = caller.workspace(&**workspaces, &path.0).await?;
    let deleted = match service::by_slug(&**threads, &workspace, &path.1).await {
        Ok(thread) => service::delete(&**threads, &thread, &caller.by()).await,
        Err(error) => Err(error),
    };
    match deleted {
        // quirk(no-thread-to-delete): it is deleted successfully, `OK` as text
        // native: an unknown thread is `404`
        // test: `threads::threads_are_refused_as_existing_clients_expect`
        Ok(()) | Err(Error::NotFound { .. }) => Ok(text(StatusCode::OK, "OK")),
        Err(error) => Err(error.into()),
    }
}
