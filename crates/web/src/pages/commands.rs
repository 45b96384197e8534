//! Slash commands: one's own, and everybody's, which administrators look after.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::slash_command::{CommandName, CommandText, SlashCommand};
use carrel_domain::user::Role;
use carrel_domain::{Error, SlashCommandId, UserId};
use carrel_services::slash_commands;

use crate::filters;
use crate::form::{Fields, Form};
use crate::frame::{Frame, Section};
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::visit::{Reader, Visit};

/// A command as pages show it.
pub struct CommandRow {
    pub id: i32,
    /// With its slash.
    pub name: String,
    pub prompt: String,
    pub description: String,
    pub is_shared: bool,
    pub is_editable: bool,
}

impl CommandRow {
    pub fn of(command: SlashCommand, is_admin: bool) -> Self {
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
struct Commands {
    frame: Frame,
    rows: Vec<CommandRow>,
    /// Whether commands for everybody can be created beside one's own.
    chooses: bool,
}

/// The commands that a visitor's questions may use.
pub async fn available(visit: &Visit<Reader>) -> Result<Vec<CommandRow>, Refusal> {
    let is_admin = visit.who.may(Role::Admin);
    let commands = visit.ports().slash_commands.available(visit.who.id()).await?;
    Ok(commands.into_iter().map(|command| CommandRow::of(command, is_admin)).collect())
}

pub async fn list(visit: Visit<Reader>) -> Answer {
    let page = Commands {
        rows: available(&visit).await?,
        chooses: visit.who.id().is_some() && visit.who.may(Role::Admin),
        frame: visit.frame(t("commands.title"), Section::Account).await?,
    };
    reply::page(&visit.request, &page)
}

fn text(form: &Fields) -> Result<CommandText, Error> {
    Ok(CommandText {
        name: CommandName::parse(form.text("command"))?,
        prompt: form.text("prompt").replace("\r\n", "\n"),
        description: form.text("description").to_owned(),
    })
}

pub async fn create(visit: Visit<Reader>, form: Form) -> Answer {
    let form = form.read().await?;
    // Where there are no users, what there is belongs to everybody.
    let user: Option<UserId> = match form.has("everybody") && visit.who.may(Role::Admin) {
        true => None,
        false => visit.who.id(),
    };
    let port = &*visit.ports().slash_commands;
    slash_commands::create(port, text(&form)?, user, &visit.by()).await?;
    Ok(reply::done("/account/commands", "created"))
}

/// A command that the visitor may change; another's is as if there were none.
async fn editable(visit: &Visit<Reader>, id: &str) -> Result<SlashCommand, Refusal> {
    let missing = || Error::not_found("slash command", id);
    let parsed = id.parse().map(SlashCommandId).map_err(|_| missing())?;
    let command = slash_commands::by_id(&*visit.ports().slash_commands, parsed).await?;
    match command.user {
        None if visit.who.may(Role::Admin) => Ok(command),
        None => Err(Refusal::Forbidden),
        Some(user) if Some(user) == visit.who.id() => Ok(command),
        Some(_) => Err(missing().into()),
    }
}

pub async fn save(visit: Visit<Reader>, id: Path<String>, form: Form) -> Answer {
    let command = editable(&visit, &id).await?;
    let text = text(&form.read().await?)?;
    let port = &*visit.ports().slash_commands;
    slash_commands::update(port, command.id, text, &visit.by()).await?;
    Ok(reply::done("/account/commands", "saved"))
}

pub async fn delete(visit: Visit<Reader>, id: Path<String>) -> Answer {
    let command = editable(&visit, &id).await?;
    slash_commands::delete(&*visit.ports().slash_commands, &command, &visit.by()).await?;
    Ok(reply::done("/account/commands", "deleted"))
}
