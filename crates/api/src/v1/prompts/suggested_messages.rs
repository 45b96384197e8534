//! `/v1/workspace/{slug}/suggested-messages`.
use actix_web::web::{Data, Json, Path};
use actix_web::{get, post};
use carrel_domain::suggested_message::SuggestedMessage;
use carrel_services::Ports;
use carrel_services::suggested_messages as service;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::JsonBody;

/// A question that an empty conversation offers. Selecting it sends heading and message together.
#[derive(Serialize, Deserialize, ToSchema)]
pub struct SuggestedMessageEntry {
    /// At most 255 characters; may be empty.
    #[serde(default)]
    heading: String,
    /// At most 2,000 characters.
    message: String,
}

#[derive(Serialize, ToSchema)]
pub struct SuggestedMessageList {
    suggested_messages: Vec<SuggestedMessageEntry>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SuggestedMessagesBody {
    /// At most 12, in display order. Messages without any text are dropped.
    #[serde(alias = "suggestedMessages")]
    suggested_messages: Vec<SuggestedMessageEntry>,
}

impl From<Vec<SuggestedMessage>> for SuggestedMessageList {
    fn from(messages: Vec<SuggestedMessage>) -> Self {
        let entry =
            |SuggestedMessage { heading, message }| SuggestedMessageEntry { heading, message };
        Self { suggested_messages: messages.into_iter().map(entry).collect() }
    }
}

/// List the suggested messages of a workspace.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = SuggestedMessageList), ErrorResponse<Plain>))]
#[get("/workspace/{slug}/suggested-messages")]
pub async fn list_suggested_messages(
    caller: Authorized<scope::Read>,
    ports: Data<Ports>,
    slug: Path<String>,
) -> ApiResult<Json<SuggestedMessageList>> {
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    Ok(Json(ports.suggested_messages.of(workspace.id).await?.into()))
}

/// Replace the suggested messages of a workspace.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])), request_body = SuggestedMessagesBody,
    responses((status = 200, body = SuggestedMessageList), ErrorResponse<Plain>))]
#[post("/workspace/{slug}/suggested-messages")]
pub async fn replace_suggested_messages(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    slug: Path<String>,
    body: JsonBody<SuggestedMessagesBody>,
) -> ApiResult<Json<SuggestedMessageList>> {
    let body = body.read().await?;
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let message =
        |SuggestedMessageEntry { heading, message }| SuggestedMessage { heading, message };
    let messages = body.suggested_messages.into_iter().map(message).collect();
    let stored =
        service::replace(&*ports.suggested_messages, &workspace, messages, &caller.by()).await?;
    Ok(Json(stored.into()))
}
