//! Slash commands: the user's own, and shared ones, which admins manage.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::slash_command::{CommandName, CommandText, SlashCommand};
use carrel_domain::user::Role;
use carrel_domain::{Error, SlashCommandId, UserId};
use carrel_services::slash_commands;

use crate::http::form::{Fields, PageForm};
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::texts::t;

/// A command as pages show it.
pub struct CommandRow {
    pub id: i32,
    /// Name, including the slash.
    pub name: String,
    pub prompt: String,
    pub description: String,
    pub is_shared: bool,
    pub is_editable: bool,
}

impl CommandRow {
    pub fn new(command: SlashCommand, is_admin: bool) -> Self {
        let SlashCommand { id, text, user, .. } = command;
        let CommandText { name, prompt, description } = text;
        Self {
            id: id.0,
            name: format!("/{}", name.as_str()),
            prompt,
            description,
            is_shared: user.is_none(),
            is_editable: user.is_some() || is_admin,
        }
    }
}

#[derive(Template)]
#[template(path = "commands.html")]
struct CommandsPage {
    layout: PageLayout,
    rows: Vec<CommandRow>,
    /// True if the user may also create commands for everybody.
    can_create_shared: bool,
}

/// Returns the commands available to the visitor's questions.
pub async fn available(
    current_user: &CurrentUser<role::Any>,
) -> Result<Vec<CommandRow>, PageError> {
    let is_admin = current_user.identity.has_role(Role::Admin);
    let commands =
        current_user.ports().slash_commands.available(current_user.identity.id()).await?;
    Ok(commands.into_iter().map(|command| CommandRow::new(command, is_admin)).collect())
}

pub async fn list(current_user: CurrentUser<role::Any>) -> PageResult {
    let page = CommandsPage {
        rows: available(&current_user).await?,
        can_create_shared: current_user.identity.id().is_some()
            && current_user.identity.has_role(Role::Admin),
        layout: current_user.layout(t("commands.title"), Section::Account).await?,
    };
    response::page(&current_user.request, &page)
}

fn text(form: &Fields) -> Result<CommandText, Error> {
    Ok(CommandText {
        name: CommandName::parse(form.text("command"))?,
        prompt: form.text("prompt").replace("\r\n", "\n"),
        description: form.text("description").to_owned(),
    })
}

pub async fn create(current_user: CurrentUser<role::Any>, form: PageForm) -> PageResult {
    let form = form.read().await?;
    // Without users, all commands belong to everybody.
    let user: Option<UserId> =
        match form.has("everybody") && current_user.identity.has_role(Role::Admin) {
            true => None,
            false => current_user.identity.id(),
        };
    let port = &*current_user.ports().slash_commands;
    slash_commands::create(port, text(&form)?, user, &current_user.by()).await?;
    Ok(response::redirect_with_notice("/account/commands", "created"))
}

/// Returns a command that the visitor may change. Another user's is reported as not found.
async fn editable_command(
    current_user: &CurrentUser<role::Any>,
    id: &str,
) -> Result<SlashCommand, PageError> {
    let not_found = || Error::not_found("slash command", id);
    let command_id = id.parse().map(SlashCommandId).map_err(|_| not_found())?;
    let command = slash_commands::by_id(&*current_user.ports().slash_commands, command_id).await?;
    match command.user {
        None if current_user.identity.has_role(Role::Admin) => Ok(command),
        None => Err(PageError::Forbidden),
        Some(user) if Some(user) == current_user.identity.id() => Ok(command),
        Some(_) => Err(not_found().into()),
    }
}

pub async fn save(
    current_user: CurrentUser<role::Any>,
    id: Path<String>,
    form: PageForm,
) -> PageResult {
    let command = editable_command(&current_user, &id).await?;
    let text = text(&form.read().await?)?;
    let port = &*current_user.ports().slash_commands;
    slash_commands::update(port, command.id, text, &current_user.by()).await?;
    Ok(response::redirect_with_notice("/account/commands", "saved"))
}

pub async fn delete(current_user: CurrentUser<role::Any>, id: Path<String>) -> PageResult {
    let command = editable_command(&current_user, &id).await?;
    slash_commands::delete(&*current_user.ports().slash_commands, &command, &current_user.by())
        .await?;
    Ok(response::redirect_with_notice("/account/commands", "deleted"))
}
