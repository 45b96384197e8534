//! The start page: the workspaces one may enter; and making another.
use askama::Template;
use carrel_domain::Error;
use carrel_domain::workspace::WorkspaceSettings;
use carrel_services::workspaces;
use chrono::{DateTime, Utc};

use crate::filters;
use crate::form::Form;
use crate::frame::{Frame, Section};
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::visit::{Manager, Reader, Visit};

/// The longest name of a workspace, in characters.
pub const LONGEST_NAME: usize = 255;

struct Tile {
    name: String,
    slug: String,
    passages: u64,
    since: DateTime<Utc>,
}

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    frame: Frame,
    tiles: Vec<Tile>,
}

#[derive(Template)]
#[template(path = "workspace_new.html")]
struct NewWorkspace {
    frame: Frame,
}

pub async fn home(visit: Visit<Reader>) -> Answer {
    let mut tiles = Vec::new();
    for workspace in visit.workspaces().await? {
        tiles.push(Tile {
            passages: visit.ports().index.count(Some(workspace.id)).await?,
            name: workspace.settings.name,
            slug: workspace.slug.to_string(),
            since: workspace.created_at,
        });
    }
    let frame = visit.frame(t("home.title"), Section::Home).await?;
    reply::page(&visit.request, &Home { frame, tiles })
}

pub async fn new_workspace(visit: Visit<Manager>) -> Answer {
    let frame = visit.frame(t("new.title"), Section::Home).await?;
    reply::page(&visit.request, &NewWorkspace { frame })
}

pub async fn create_workspace(visit: Visit<Manager>, form: Form) -> Answer {
    let form = form.read().await?;
    let settings = WorkspaceSettings::named(name(form.text("name"))?);
    let ports = visit.ports();
    let made =
        workspaces::create(&*ports.workspaces, &*ports.settings, settings, &visit.by()).await?;
    Ok(reply::see(&format!("/w/{}", made.slug)))
}

/// A name that a workspace may have.
pub fn name(text: &str) -> Result<String, Error> {
    match text.chars().count() {
        0 => Err(Error::invalid("name", "must not be empty")),
        count if count > LONGEST_NAME => {
            Err(Error::invalid("name", "must not be longer than 255 characters"))
        }
        _ => Ok(text.to_owned()),
    }
}
