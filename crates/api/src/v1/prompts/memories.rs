//! `/v1/memories*`
use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::memory::Memory;
use carrel_domain::{MemoryId, Result};
use carrel_services::Ports;
use carrel_services::memories as service;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::authorized::{Authorized, scope};
use crate::error::error_body::NotDone;
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::JsonBody;
use crate::routes::parse_id;
use crate::v1::admin::wire::Done;
use crate::wire::time;

#[derive(Serialize, ToSchema)]
pub struct MemoryEntry {
    id: i32,
    /// The workspace to which the note applies; null for every workspace.
    workspace_id: Option<i32>,
    #[schema(example = "Prefers short answers.")]
    content: String,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct MemoryList {
    memories: Vec<MemoryEntry>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MemoryBody {
    /// At most 4 KiB.
    content: String,
}

impl From<Memory> for MemoryEntry {
    fn from(memory: Memory) -> Self {
        let Memory { id, user: _, workspace, content, created_at, updated_at } = memory;
        Self {
            id: id.0,
            workspace_id: workspace.map(|workspace| workspace.0),
            content,
            created_at: time(created_at),
            updated_at: time(updated_at),
        }
    }
}

fn id(text: &str) -> Result<MemoryId> {
    Ok(MemoryId(parse_id("memory", text)?))
}

/// List the notes about the user who has the key.
///
/// On a server without users, the notes are about its owner. They are sent with questions that this
/// person asks in the browser, and with requests that name this user, if they apply to the
/// workspace.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = MemoryList), ErrorResponse<Plain>))]
#[get("/memories")]
pub async fn list_memories(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
) -> ApiResult<Json<MemoryList>> {
    let memories = ports.memories.about(caller.key.created_by).await?;
    Ok(Json(MemoryList { memories: memories.into_iter().map(Into::into).collect() }))
}

/// Change a note about the user who has the key.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = MemoryBody,
    responses((status = 200, body = Done), ErrorResponse<NotDone>))]
#[post("/memories/{id}")]
pub async fn update_memory(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    path: Path<String>,
    body: JsonBody<MemoryBody>,
) -> ApiResult<Json<Done>, NotDone> {
    let MemoryBody { content } = body.read().await?;
    let user = caller.key.created_by;
    service::update(&*ports.memories, id(&path)?, user, &content, &caller.by()).await?;
    Ok(Json(Done::well()))
}

/// Delete a note about the user who has the key.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = Done), ErrorResponse<NotDone>))]
#[delete("/memories/{id}")]
pub async fn delete_memory(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
    path: Path<String>,
) -> ApiResult<Json<Done>, NotDone> {
    service::delete(&*ports.memories, id(&path)?, caller.key.created_by, &caller.by()).await?;
    Ok(Json(Done::well()))
}
