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

/// Maximum length of a workspace name, in characters.
pub const MAX_NAME_LENGTH: usize = 255;

struct Tile {
    name: String,
    slug: String,
    /// Address of its picture.
    picture: Option<String>,
    document_count: u64,
    /// Number of members, on a shared server.
    member_count: Option<usize>,
    created_at: DateTime<Utc>,
    /// Time of the visitor's last question in one of its threads.
    last_used_at: Option<DateTime<Utc>>,
}

/// A recent conversation.
struct RecentConversation {
    address: String,
    name: String,
    workspace: String,
    updated_at: DateTime<Utc>,
}

/// Maximum number of recent conversations.
const MAX_RECENT: u32 = 6;
/// Number of threads that are examined to determine when a workspace was last used.
const MAX_THREADS: u32 = 100;

#[derive(Template)]
#[template(path = "home.html")]
struct HomePage {
    layout: PageLayout,
    tiles: Vec<Tile>,
    recent_conversations: Vec<RecentConversation>,
    /// True if the page offers recovery codes.
    can_offer_codes: bool,
}

#[derive(Template)]
#[template(path = "workspace_new.html")]
struct NewWorkspacePage {
    layout: PageLayout,
}

pub async fn home(current_user: CurrentUser<role::Any>) -> PageResult {
    let workspaces = current_user.workspaces().await?;
    let query = ChatSearchQuery {
        user: current_user.identity.id(),
        workspaces: workspaces.iter().map(|workspace| workspace.id).collect(),
        text: String::new(),
        offset: 0,
        limit: MAX_THREADS,
    };
    let threads = current_user.ports().chat_search.threads(&query).await?;
    let conversations = threads.iter().filter_map(|found| recent_conversation(found, &workspaces));
    let recent_conversations = conversations.take(MAX_RECENT as usize).collect();
    let mut tiles = Vec::new();
    for workspace in workspaces {
        let latest_thread = threads.iter().find(|found| found.workspace == workspace.id);
        tiles.push(Tile {
            document_count: examples::newest_documents(&current_user, &workspace, 1).await?.total,
            member_count: match current_user.identity.user() {
                Some(_) => Some(current_user.ports().members.of(workspace.id).await?.len()),
                None => None,
            }
            .filter(|count| *count > 0),
            last_used_at: latest_thread.map(|found| found.updated_at),
            picture: picture_address(&workspace),
            name: workspace.settings.name,
            slug: workspace.slug.to_string(),
            created_at: workspace.created_at,
        });
    }
    let can_offer_codes = can_offer_codes(&current_user).await?;
    let layout = current_user.layout(t("home.title"), Section::Home).await?;
    response::page(
        &current_user.request,
        &HomePage { layout, tiles, recent_conversations, can_offer_codes },
    )
}

async fn can_offer_codes(current_user: &CurrentUser<role::Any>) -> Result<bool, Error> {
    let ports = current_user.ports();
    match current_user.identity.user() {
        Some(user) if !is_by_links_alone(&ports.settings_store) => {
            ports.recovery.is_offer_due(user).await
        }
        _ => Ok(false),
    }
}

fn recent_conversation(
    found: &FoundThread,
    workspaces: &[Workspace],
) -> Option<RecentConversation> {
    let workspace = workspaces.iter().find(|workspace| workspace.id == found.workspace)?;
    Some(RecentConversation {
        address: format!("/w/{}/t/{}", workspace.slug, found.slug),
        name: found.name.clone(),
        workspace: workspace.settings.name.clone(),
        updated_at: found.updated_at,
    })
}

pub async fn new_workspace(current_user: CurrentUser<role::Manager>) -> PageResult {
    let layout = current_user.layout(t("new.title"), Section::Home).await?;
    response::page(&current_user.request, &NewWorkspacePage { layout })
}

pub async fn create_workspace(
    current_user: CurrentUser<role::Manager>,
    form: PageForm,
) -> PageResult {
    let form = form.read().await?;
    let settings = WorkspaceSettings::named(parse_name(form.text("name"))?);
    let ports = current_user.ports();
    let address = addresses::readable_slug(&settings.name);
    let (workspace_port, settings_port) = (&*ports.workspaces, &*ports.settings);
    let workspace = workspaces::create_named(
        workspace_port,
        settings_port,
        settings,
        &address,
        &current_user.by(),
    )
    .await?;
    Ok(response::redirect_to(&format!("/w/{}", workspace.slug)))
}

/// Parses the name of a workspace.
pub fn parse_name(text: &str) -> Result<String, Error> {
    match text.chars().count() {
        0 => Err(Error::invalid("name", "must not be empty")),
        count if count > MAX_NAME_LENGTH => {
            Err(Error::invalid("name", "must not be longer than 255 characters"))
        }
        _ => Ok(text.to_owned()),
    }
}
