//! The start page with the user's workspaces, and the form for a new workspace.
use askama::Template;
use carrel_domain::Error;
use carrel_domain::chat_search::{ChatSearchQuery, FoundThread};
use carrel_domain::workspace::{Workspace, WorkspaceSettings};
use carrel_services::sign_on::is_by_links_alone;
use carrel_services::workspaces;
use chrono::{DateTime, Utc};

use super::examples;
use crate::http::addresses;
use crate::http::form::PageForm;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section, picture_address};
use crate::view::texts::t;

/// Longest name of a workspace, in characters.
pub const LONGEST_NAME: usize = 255;

struct Tile {
    name: String,
    slug: String,
    /// Address of its picture.
    picture: Option<String>,
    documents: u64,
    /// Number of members, on a shared server.
    people: Option<usize>,
    since: DateTime<Utc>,
    /// Time of the visitor's last question in one of its threads.
    last: Option<DateTime<Utc>>,
}

/// A recent conversation.
struct Recent {
    address: String,
    name: String,
    within: String,
    at: DateTime<Utc>,
}

/// Recent conversations that are shown.
const RECENT: u32 = 6;
/// Threads that are examined to determine when a workspace was last used.
const LOOKED_AT: u32 = 100;

#[derive(Template)]
#[template(path = "home.html")]
struct Home {
    layout: PageLayout,
    tiles: Vec<Tile>,
    recent: Vec<Recent>,
    /// True if the page offers recovery codes.
    offers_codes: bool,
}

#[derive(Template)]
#[template(path = "workspace_new.html")]
struct NewWorkspace {
    layout: PageLayout,
}

pub async fn home(current_user: CurrentUser<role::Any>) -> PageResult {
    let workspaces = current_user.workspaces().await?;
    let query = ChatSearchQuery {
        user: current_user.identity.id(),
        workspaces: workspaces.iter().map(|workspace| workspace.id).collect(),
        text: String::new(),
        offset: 0,
        limit: LOOKED_AT,
    };
    let threads = current_user.ports().chat_search.threads(&query).await?;
    let recent = threads.iter().filter_map(|found| recent(found, &workspaces));
    let recent = recent.take(RECENT as usize).collect();
    let mut tiles = Vec::new();
    for workspace in workspaces {
        let last = threads.iter().find(|found| found.workspace == workspace.id);
        tiles.push(Tile {
            documents: examples::newest(&current_user, &workspace, 1).await?.total,
            people: match current_user.identity.user() {
                Some(_) => Some(current_user.ports().members.of(workspace.id).await?.len()),
                None => None,
            }
            .filter(|people| *people > 0),
            last: last.map(|found| found.updated_at),
            picture: picture_address(&workspace),
            name: workspace.settings.name,
            slug: workspace.slug.to_string(),
            since: workspace.created_at,
        });
    }
    let offers_codes = offers_codes(&current_user).await?;
    let layout = current_user.layout(t("home.title"), Section::Home).await?;
    response::page(&current_user.request, &Home { layout, tiles, recent, offers_codes })
}

async fn offers_codes(current_user: &CurrentUser<role::Any>) -> Result<bool, Error> {
    let ports = current_user.ports();
    match current_user.identity.user() {
        Some(user) if !is_by_links_alone(&ports.settings_store) => {
            ports.recovery.is_offer_due(user).await
        }
        _ => Ok(false),
    }
}

fn recent(found: &FoundThread, workspaces: &[Workspace]) -> Option<Recent> {
    let within = workspaces.iter().find(|known| known.id == found.workspace)?;
    Some(Recent {
        address: format!("/w/{}/t/{}", within.slug, found.slug),
        name: found.name.clone(),
        within: within.settings.name.clone(),
        at: found.updated_at,
    })
}

pub async fn new_workspace(current_user: CurrentUser<role::Manager>) -> PageResult {
    let layout = current_user.layout(t("new.title"), Section::Home).await?;
    response::page(&current_user.request, &NewWorkspace { layout })
}

pub async fn create_workspace(
    current_user: CurrentUser<role::Manager>,
    form: PageForm,
) -> PageResult {
    let form = form.read().await?;
    let settings = WorkspaceSettings::named(name(form.text("name"))?);
    let ports = current_user.ports();
    let address = addresses::readable(&settings.name);
    let (known, stored) = (&*ports.workspaces, &*ports.settings);
    let made =
        workspaces::create_named(known, stored, settings, &address, &current_user.by()).await?;
    Ok(response::see(&format!("/w/{}", made.slug)))
}

/// Checks the name of a workspace.
pub fn name(text: &str) -> Result<String, Error> {
    match text.chars().count() {
        0 => Err(Error::invalid("name", "must not be empty")),
        count if count > LONGEST_NAME => {
            Err(Error::invalid("name", "must not be longer than 255 characters"))
        }
        _ => Ok(text.to_owned()),
    }
}
