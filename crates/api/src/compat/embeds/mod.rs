//! Admin operations for chat widgets at `/api/v1/embed*`.
mod fields;

use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::chat::Bounded;
use carrel_domain::widget::WidgetChat;
use carrel_domain::{Error, Result};
use carrel_services::Ports;
use carrel_services::widgets::WidgetService;
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

use self::fields::check;
use super::error::error_body::NoEmbed;
use super::{JsonBody, sources};
use crate::authorized::{Authorized, scope};
use crate::compat::history::read;
use crate::error::{ApiResult, ErrorResponse};
use crate::read::Params;
use crate::v1::embeds as native;
use crate::v1::embeds::fields::missing_workspace;
use crate::v1::embeds::wire::{EmbedChats, EmbedDetails, EmbedDone, EmbedFields, EmbedSummary};
use crate::v1::history::wire::{HistoryParams, MAX_LIMIT};

#[derive(Serialize, ToSchema)]
#[schema(as = compat::EmbedList)]
pub struct EmbedList {
    embeds: Vec<EmbedListed>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = compat::EmbedListed)]
struct EmbedListed {
    #[serde(flatten)]
    summary: EmbedSummary,
    /// JSON array of origins, as a string; null for any origin.
    allowlist_domains: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = compat::EmbedMade)]
pub struct EmbedMade {
    embed: EmbedRow,
    /// Always null.
    error: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = compat::EmbedRow)]
struct EmbedRow {
    #[serde(flatten)]
    details: EmbedDetails,
    /// JSON array of origins, as a string; null for any origin.
    allowlist_domains: Option<String>,
}

// quirk(list-as-text): it is a JSON array as a string
// native: `allowlist_domains` of a widget is an array
// test: `embeds::the_other_mount_creates_embeds_as_its_clients_expect`
fn as_text(origins: Option<Vec<String>>) -> Option<String> {
    Some(json!(origins?).to_string())
}

/// List all chat widgets.
#[utoipa::path(tag = "Chat widgets", security(("api_key" = [])),
    responses((status = 200, body = EmbedList), ErrorResponse<NoEmbed>))]
#[get("/embed")]
pub async fn list_embeds(
    _caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
) -> ApiResult<Json<EmbedList>, NoEmbed> {
    let embeds = ports.widgets.widgets.list().await?.into_iter().map(|embed| {
        let (summary, origins) = EmbedSummary::of(embed);
        EmbedListed { summary, allowlist_domains: as_text(origins) }
    });
    Ok(Json(EmbedList { embeds: embeds.collect() }))
}

/// Create a chat widget.
///
/// Pages of other sites use a widget to ask questions in its workspace. The new widget is enabled.
#[utoipa::path(tag = "Chat widgets", security(("api_key" = [])), request_body = EmbedFields,
    responses((status = 200, body = EmbedMade), ErrorResponse<NoEmbed>))]
#[post("/embed/new")]
pub async fn create_embed(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<EmbedFields>,
) -> ApiResult<Json<EmbedMade>, NoEmbed> {
    let fields = check(body.read().await?)?;
    let slug = fields.slug()?.ok_or_else(missing_workspace)?;
    let workspace = caller.workspace(&*ports.workspaces, &slug).await?;
    let mut settings = fields.into_new(workspace.id)?;
    // quirk(enabled-when-new): it always is
    // native: a new widget is enabled unless `enabled` is false
    // test: `embeds::the_other_mount_creates_embeds_as_its_clients_expect`
    settings.enabled = true;
    let (details, origins) = EmbedDetails::of(ports.widgets.create(settings, &caller.by()).await?);
    let embed = EmbedRow { details, allowlist_domains: as_text(origins) };
    Ok(Json(EmbedMade { embed, error: None }))
}

/// Confirms that a widget was changed, or an empty object if there was nothing to change.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
#[schema(as = compat::EmbedUpdated)]
pub enum EmbedUpdated {
    Done(EmbedDone),
    Nothing(Nothing),
}

#[derive(Serialize, ToSchema)]
#[schema(as = compat::Nothing)]
pub struct Nothing {}

/// Change a chat widget.
///
/// Invalid values are replaced by defaults.
#[utoipa::path(tag = "Chat widgets", security(("api_key" = [])), request_body = EmbedFields,
    responses((status = 200, body = Object), ErrorResponse<NoEmbed>))]
#[post("/embed/{embed}")]
pub async fn update_embed(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    key: Path<String>,
    body: JsonBody<EmbedFields>,
) -> ApiResult<Json<EmbedUpdated>, NoEmbed> {
    let fields = check(body.read().await?)?;
    let embed = ports.widgets.find(&key).await?;
    if fields.is_empty() {
        // quirk(nothing-to-update): `200` with its id and a message
        // native: an update of a workspace without a known setting is `400`
        // test: `workspaces::settings_change_and_the_slug_stays`
        return Ok(Json(EmbedUpdated::Nothing(Nothing {})));
    }
    native::update(&caller, &*ports.workspaces, &ports.widgets, &embed, fields).await?;
    Ok(Json(EmbedUpdated::Done(EmbedDone::DONE)))
}

/// Delete a chat widget with its exchanges.
#[utoipa::path(tag = "Chat widgets", security(("api_key" = [])),
    responses((status = 200, body = EmbedDone), ErrorResponse<NoEmbed>))]
#[delete("/embed/{embed}")]
pub async fn delete_embed(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    key: Path<String>,
) -> ApiResult<Json<EmbedDone>, NoEmbed> {
    let embed = ports.widgets.find(&key).await?;
    ports.widgets.delete(&embed, &caller.by()).await?;
    Ok(Json(EmbedDone::DONE))
}

/// List the exchanges of a chat widget.
#[utoipa::path(tag = "Chat widgets", security(("api_key" = [])), params(HistoryParams),
    responses((status = 200, body = EmbedChats), ErrorResponse<NoEmbed>))]
#[get("/embed/{embed}/chats")]
pub async fn list_embed_chats(
    _caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    key: Path<String>,
    params: Params<Vec<(String, String)>>,
) -> ApiResult<Json<EmbedChats>, NoEmbed> {
    Ok(Json(chats(&ports.widgets, &key, None, &params.read()?).await?))
}

/// List the exchanges of one session of a chat widget.
#[utoipa::path(tag = "Chat widgets", security(("api_key" = [])), params(HistoryParams),
    responses((status = 200, body = EmbedChats), ErrorResponse<NoEmbed>))]
#[get("/embed/{embed}/chats/{session}")]
pub async fn list_session_chats(
    _caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    path: Path<(String, String)>,
    params: Params<Vec<(String, String)>>,
) -> ApiResult<Json<EmbedChats>, NoEmbed> {
    Ok(Json(chats(&ports.widgets, &path.0, Some(&path.1), &params.read()?).await?))
}

async fn chats(
    embeds: &WidgetService,
    key: &str,
    session: Option<&str>,
    params: &[(String, String)],
) -> Result<EmbedChats> {
    let embed = match embeds.find(key).await {
        // quirk(unknown-is-empty)
        Err(Error::NotFound { .. }) => return Ok(EmbedChats::default()),
        found => found?,
    };
    let Bounded { items, is_cut } =
        embeds.chats.page(embed.id, session, read(params, MAX_LIMIT).part).await?;
    let translated =
        |chat: WidgetChat| WidgetChat { response: sources::answer(chat.response), ..chat };
    let items = items.into_iter().map(translated).collect();
    Ok(EmbedChats::new(Bounded { items, is_cut }))
}
