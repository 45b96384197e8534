//! `/v1/slash-commands` and `/v1/admin/slash-commands*`.
use actix_web::web::{Data, Json, Path};
use actix_web::{delete, get, post};
use carrel_domain::slash_command::{CommandName, CommandText, SlashCommand};
use carrel_domain::{Result, SlashCommandId, UserId};
use carrel_services::Ports;
use carrel_services::slash_commands as service;
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
pub struct SlashCommandEntry {
    id: i32,
    /// Name, including the slash.
    #[schema(example = "/short")]
    command: String,
    /// Text that replaces the command.
    prompt: String,
    description: String,
    /// Owner of the command; null if it belongs to everybody.
    user_id: Option<i32>,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct SlashCommandList {
    slash_commands: Vec<SlashCommandEntry>,
}

#[derive(Serialize, ToSchema)]
pub struct SlashCommandCreated {
    slash_command: SlashCommandEntry,
    error: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SlashCommandBody {
    /// 1 to 50 letters from a to z, digits, `-` and `_`, with or without the slash.
    #[schema(example = "/short")]
    command: String,
    /// Text that replaces the command, at most 16 KiB.
    prompt: String,
    /// At most 1,000 characters.
    #[serde(default)]
    description: String,
    /// Owner of the command; everybody if absent. An update does not change it.
    #[serde(default, alias = "userId")]
    user_id: Option<i32>,
}

impl SlashCommandBody {
    fn text(self) -> Result<(CommandText, Option<UserId>)> {
        let Self { command, prompt, description, user_id } = self;
        let name = CommandName::parse(&command)?;
        Ok((CommandText { name, prompt, description }, user_id.map(UserId)))
    }
}

impl From<SlashCommand> for SlashCommandEntry {
    fn from(command: SlashCommand) -> Self {
        let SlashCommand { id, text, user, created_at, updated_at } = command;
        let CommandText { name, prompt, description } = text;
        Self {
            id: id.0,
            command: format!("/{}", name.as_str()),
            prompt,
            description,
            user_id: user.map(|user| user.0),
            created_at: time(created_at),
            updated_at: time(updated_at),
        }
    }
}

fn id(text: &str) -> Result<SlashCommandId> {
    Ok(SlashCommandId(parse_id("slash command", text)?))
}

/// List the slash commands available to questions of this key.
///
/// These are shared commands and those of the key's user. If a question contains a command as a
/// separate word, the command's text replaces it in the question that is asked and stored.
#[utoipa::path(tag = "Workspaces", security(("api_key" = [])),
    responses((status = 200, body = SlashCommandList), ErrorResponse<Plain>))]
#[get("/slash-commands")]
pub async fn list_available_commands(
    caller: Authorized<scope::Chat>,
    ports: Data<Ports>,
) -> ApiResult<Json<SlashCommandList>> {
    let commands = ports.slash_commands.available(caller.key.created_by).await?;
    Ok(Json(SlashCommandList { slash_commands: commands.into_iter().map(Into::into).collect() }))
}

/// List all slash commands: shared ones, then those of users.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = SlashCommandList), ErrorResponse<Plain>))]
#[get("/admin/slash-commands")]
pub async fn list_slash_commands(
    _: Authorized<scope::Admin>,
    ports: Data<Ports>,
) -> ApiResult<Json<SlashCommandList>> {
    let commands = ports.slash_commands.list().await?;
    Ok(Json(SlashCommandList { slash_commands: commands.into_iter().map(Into::into).collect() }))
}

/// Create a slash command for everybody or for one user.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = SlashCommandBody,
    responses((status = 200, body = SlashCommandCreated), ErrorResponse<NotDone>))]
#[post("/admin/slash-commands")]
pub async fn create_slash_command(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    body: JsonBody<SlashCommandBody>,
) -> ApiResult<Json<SlashCommandCreated>, NotDone> {
    let (text, user) = body.read().await?.text()?;
    let slash_command =
        service::create(&*ports.slash_commands, text, user, &caller.by()).await?.into();
    Ok(Json(SlashCommandCreated { slash_command, error: None }))
}

/// Change the name, text and description of a slash command.
///
/// The owner of the command does not change.
#[utoipa::path(tag = "Admin", security(("api_key" = [])), request_body = SlashCommandBody,
    responses((status = 200, body = Done), ErrorResponse<NotDone>))]
#[post("/admin/slash-commands/{id}")]
pub async fn update_slash_command(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    path: Path<String>,
    body: JsonBody<SlashCommandBody>,
) -> ApiResult<Json<Done>, NotDone> {
    let (text, _) = body.read().await?.text()?;
    service::update(&*ports.slash_commands, id(&path)?, text, &caller.by()).await?;
    Ok(Json(Done::well()))
}

/// Delete a slash command.
#[utoipa::path(tag = "Admin", security(("api_key" = [])),
    responses((status = 200, body = Done), ErrorResponse<NotDone>))]
#[delete("/admin/slash-commands/{id}")]
pub async fn delete_slash_command(
    caller: Authorized<scope::Admin>,
    ports: Data<Ports>,
    path: Path<String>,
) -> ApiResult<Json<Done>, NotDone> {
    let command = service::by_id(&*ports.slash_commands, id(&path)?).await?;
    service::delete(&*ports.slash_commands, &command, &caller.by()).await?;
    Ok(Json(Done::well()))
}
