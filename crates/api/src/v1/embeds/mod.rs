//! `/embed*`: embeds as whoever runs the server makes and changes them.
pub mod fields;
pub mod wire;

use actix_web::web::{Data, Json, Path};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use carrel_domain::workspace::Workspaces;
use carrel_domain::{Error, Result};
use carrel_services::widgets::WidgetService;
use serde_json::json;

use crate::caller::{Admin, Caller};
use crate::failure::embeds::NoEmbed;
use crate::failure::{Answer, Failure};
use crate::mount::Mount;
use crate::read::{Body, Params};
use crate::routes::register::Register;
use crate::v1::embeds::fields::unnamed;
use crate::v1::history::wire::{HistoryParams, HistoryQuery};

/// How many exchanges are shown natively when nothing else is asked for.
const USUAL: u32 = 100;

pub fn operations(config: &mut impl Register) {
    config
        .service(list_embeds)
        .service(create_embed)
        .service(update_embed)
        .service(delete_embed)
        .service(list_embed_chats)
        .service(list_session_chats);
}

/// List every embed.
#[utoipa::path(tag = "WidgetService", security(("api_key" = [])),
    responses((status = 200, body = wire::EmbedList), Failure<NoEmbed>))]
#[get("/embed")]
pub async fn list_embeds(
    _caller: Caller<Admin>,
    request: HttpRequest,
    embeds: Data<WidgetService>,
) -> Answer<Json<wire::EmbedList>, NoEmbed> {
    let listed = embeds.widgets.list().await?;
    Ok(Json(wire::EmbedList::of(listed, Mount::of(&request))))
}

/// Make an embed, by which pages of other sites may ask a workspace.
#[utoipa::path(tag = "WidgetService", security(("api_key" = [])), request_body = wire::EmbedFields,
    responses((status = 200, body = wire::EmbedMade), Failure<NoEmbed>))]
#[post("/embed/new")]
pub async fn create_embed(
    caller: Caller<Admin>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    embeds: Data<WidgetService>,
    body: Body<wire::EmbedFields>,
) -> Answer<Json<wire::EmbedMade>, NoEmbed> {
    let mount = Mount::of(&request);
    let fields = body.read().await?.checked(mount)?;
    let slug = fields.slug(mount)?.ok_or_else(unnamed)?;
    let workspace = caller.workspace(&**workspaces, &slug).await?;
    let settings = fields.into_new(workspace.id, mount)?;
    let made = embeds.create(settings, &caller.by()).await?;
    Ok(Json(wire::EmbedMade::of(made, mount)))
}

/// Change an embed.
///
/// What is not sent stays as it is.
#[utoipa::path(tag = "WidgetService", security(("api_key" = [])), request_body = wire::EmbedFields,
    responses((status = 200, body = wire::EmbedDone), Failure<NoEmbed>))]
#[post("/embed/{embed}")]
pub async fn update_embed(
    caller: Caller<Admin>,
    request: HttpRequest,
    workspaces: Data<dyn Workspaces>,
    embeds: Data<WidgetService>,
    key: Path<String>,
    body: Body<wire::EmbedFields>,
) -> Answer<HttpResponse, NoEmbed> {
    let mount = Mount::of(&request);
    let fields = body.read().await?.checked(mount)?;
    let embed = embeds.find(&key).await?;
    if fields.is_empty() {
        return match mount {
            Mount::Native => Err(Error::invalid("body", "must name a setting to change").into()),
            // quirk(nothing-to-update)
            Mount::Compat => Ok(HttpResponse::Ok().json(json!({}))),
        };
    }
    let mut settings = embed.settings.clone();
    if let Some(slug) = fields.slug(mount)? {
        settings.workspace = caller.workspace(&**workspaces, &slug).await?.id;
    }
    let settings = fields.onto(settings, mount)?;
    embeds.update(&embed, settings, &caller.by()).await?;
    Ok(HttpResponse::Ok().json(wire::EmbedDone::DONE))
}

/// Delete an embed with its exchanges.
#[utoipa::path(tag = "WidgetService", security(("api_key" = [])),
    responses((status = 200, body = wire::EmbedDone), Failure<NoEmbed>))]
#[delete("/embed/{embed}")]
pub async fn delete_embed(
    caller: Caller<Admin>,
    embeds: Data<WidgetService>,
    key: Path<String>,
) -> Answer<Json<wire::EmbedDone>, NoEmbed> {
    let embed = embeds.find(&key).await?;
    embeds.delete(&embed, &caller.by()).await?;
    Ok(Json(wire::EmbedDone::DONE))
}

/// List the exchanges of an embed.
#[utoipa::path(tag = "WidgetService", security(("api_key" = [])), params(HistoryParams),
    responses((status = 200, body = wire::EmbedChats), Failure<NoEmbed>))]
#[get("/embed/{embed}/chats")]
pub async fn list_embed_chats(
    _caller: Caller<Admin>,
    request: HttpRequest,
    embeds: Data<WidgetService>,
    key: Path<String>,
    params: Params<Vec<(String, String)>>,
) -> Answer<Json<wire::EmbedChats>, NoEmbed> {
    let (mount, params) = (Mount::of(&request), params.read()?);
    Ok(Json(chats(&embeds, &key, None, &params, mount).await?))
}

/// List the exchanges of one session of an embed.
#[utoipa::path(tag = "WidgetService", security(("api_key" = [])), params(HistoryParams),
    responses((status = 200, body = wire::EmbedChats), Failure<NoEmbed>))]
#[get("/embed/{embed}/chats/{session}")]
pub async fn list_session_chats(
    _caller: Caller<Admin>,
    request: HttpRequest,
    embeds: Data<WidgetService>,
    path: Path<(String, String)>,
    params: Params<Vec<(String, String)>>,
) -> Answer<Json<wire::EmbedChats>, NoEmbed> {
    let (mount, params) = (Mount::of(&request), params.read()?);
    Ok(Json(chats(&embeds, &path.0, Some(&path.1), &params, mount).await?))
}

async fn chats(
    embeds: &WidgetService,
    key: &str,
    session: Option<&str>,
    params: &[(String, String)],
    mount: Mount,
) -> Result<wire::EmbedChats> {
    let usual = (mount == Mount::Native).then_some(USUAL);
    let part = HistoryQuery::read(params, usual, mount)?.part;
    let embed = match embeds.find(key).await {
        Ok(embed) => embed,
        // quirk(unknown-is-empty)
        Err(Error::NotFound { .. }) if mount == Mount::Compat => {
            return Ok(wire::EmbedChats::default());
        }
        Err(error) => return Err(error),
    };
    Ok(wire::EmbedChats::new(embeds.chats.page(embed.id, session, part).await?, mount))
}
