//! Admin operations for chat widgets at `/embed*`.
pub mod fields;
pub mod wire;

use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::widget::Widget;
use carrel_domain::workspace::Workspaces;
use carrel_domain::{Error, Result};
use carrel_services::Ports;
use carrel_services::widgets::WidgetService;

use crate::authorized::{Authorized, scope};
use crate::error::{ApiResult, ErrorResponse, Plain};
use crate::read::{JsonBody, Params};
use crate::v1::embeds::fields::missing_workspace;
use crate::v1::history::wire::{HistoryParams, HistoryQuery};

/// Number of exchanges listed by default.
const DEFAULT_LIMIT: u32 = 100;

/// List all chat widgets.
#[utoipa::path(tag = "Chat widgets", security(("api_key" = [])),
    responses((status = 200, body = wire::EmbedList), ErrorResponse<Plain>))]
#[get("/embed")]
pub async fn list_embeds(
    _caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
) -> ApiResult<Json<wire::EmbedList>> {
    let embeds = ports.widgets.widgets.list().await?.into_iter().map(Into::into).collect();
    Ok(Json(wire::EmbedList { embeds }))
}

/// Create a chat widget.
///
/// Pages of other sites use a widget to ask questions in its workspace. A new widget is enabled
/// unless `enabled` is false.
#[utoipa::path(tag = "Chat widgets", security(("api_key" = [])), request_body = wire::EmbedFields,
    responses((status = 200, body = wire::EmbedMade), ErrorResponse<Plain>))]
#[post("/embed/new")]
pub async fn create_embed(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<wire::EmbedFields>,
) -> ApiResult<Json<wire::EmbedMade>> {
    let fields = body.read().await?.check()?;
    let slug = fields.slug()?.ok_or_else(missing_workspace)?;
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let settings = fields.into_new(workspace.id)?;
    let created = ports.widgets.create(settings, &caller.by()).await?;
    Ok(Json(created.into()))
}

/// Change a chat widget.
///
/// Settings that are not sent do not change.
#[utoipa::path(tag = "Chat widgets", security(("api_key" = [])), request_body = wire::EmbedFields,
    responses((status = 200, body = wire::EmbedDone), ErrorResponse<Plain>))]
#[post("/embed/{embed}")]
pub async fn update_embed(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    key: Path<String>,
    body: JsonBody<wire::EmbedFields>,
) -> ApiResult<Json<wire::EmbedDone>> {
    let fields = body.read().await?.check()?;
    let embed = ports.widgets.find(&key).await?;
    if fields.is_empty() {
        return Err(Error::invalid("body", "must name a setting to change").into());
    }
    update(&caller, &*ports.workspaces, &ports.widgets, &embed, fields).await?;
    Ok(Json(wire::EmbedDone::DONE))
}

/// Applies the settings in a body to a widget.
pub async fn update(
    caller: &Authorized<scope::Admin>,
    workspaces: &dyn Workspaces,
    embeds: &WidgetService,
    embed: &Widget,
    fields: wire::EmbedFields,
) -> Result<()> {
    let mut settings = embed.settings.clone();
    if let Some(slug) = fields.slug()? {
        settings.workspace = caller.workspace(workspaces, &slug).await?.id;
    }
    embeds.update(embed, fields.apply_to(settings)?, &caller.by()).await
}

/// Delete a chat widget with its exchanges.
#[utoipa::path(tag = "Chat widgets", security(("api_key" = [])),
    responses((status = 200, body = wire::EmbedDone), ErrorResponse<Plain>))]
#[delete("/embed/{embed}")]
pub async fn delete_embed(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    key: Path<String>,
) -> ApiResult<Json<wire::EmbedDone>> {
    let embed = ports.widgets.find(&key).await?;
    ports.widgets.delete(&embed, &caller.by()).await?;
    Ok(Json(wire::EmbedDone::DONE))
}

/// List the exchanges of a chat widget.
#[utoipa::path(tag = "Chat widgets", security(("api_key" = [])), params(HistoryParams),
    responses((status = 200, body = wire::EmbedChats), ErrorResponse<Plain>))]
#[get("/embed/{embed}/chats")]
pub async fn list_embed_chats(
    _caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    key: Path<String>,
    params: Params<Vec<(String, String)>>,
) -> ApiResult<Json<wire::EmbedChats>> {
    Ok(Json(chats(&ports.widgets, &key, None, &params.read()?).await?))
}

/// List the exchanges of one session of a chat widget.
#[utoipa::path(tag = "Chat widgets", security(("api_key" = [])), params(HistoryParams),
    responses((status = 200, body = wire::EmbedChats), ErrorResponse<Plain>))]
#[get("/embed/{embed}/chats/{session}")]
pub async fn list_session_chats(
    _caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
    params: Params<Vec<(String, String)>>,
) -> ApiResult<Json<wire::EmbedChats>> {
    Ok(Json(chats(&ports.widgets, &path.0, Some(&path.1), &params.read()?).await?))
}

async fn chats(
    embeds: &WidgetService,
    key: &str,
    session: Option<&str>,
    params: &[(String, String)],
) -> Result<wire::EmbedChats> {
    let part = HistoryQuery::read(params, Some(DEFAULT_LIMIT))?.part;
    let embed = embeds.find(key).await?;
    Ok(wire::EmbedChats::new(embeds.chats.page(embed.id, session, part).await?))
}
