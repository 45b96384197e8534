//! Links to conversations: made and revoked by their owner, and read by whoever holds one.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::chat::Chat;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result};
use carrel_services::shares;
use chrono::{DateTime, Utc};

use super::chat::Place;
use super::setup::base;
use crate::filters;
use crate::form::Form;
use crate::frame::{Brand, Frame, Section};
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::turn::Turn;
use crate::visit::{Guest, Reader, Visit};

struct ShareRow {
    id: i64,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    is_over: bool,
}

#[derive(Template)]
#[template(path = "share.html")]
struct SharePage {
    frame: Frame,
    base: String,
    title: String,
    /// A new link, which is shown this once.
    link: Option<String>,
    rows: Vec<ShareRow>,
}

#[derive(Template)]
#[template(path = "shared.html")]
struct SharedPage {
    brand: Brand,
    title: String,
    since: DateTime<Utc>,
    turns: Vec<Turn>,
}

/// Whether an administrator lets people share conversations.
pub async fn are_allowed<P>(visit: &Visit<P>) -> Result<bool> {
    shares::are_allowed(&*visit.ports().settings).await
}

async fn allowed(visit: &Visit<Reader>) -> Result<(), Refusal> {
    match are_allowed(visit).await? {
        true => Ok(()),
        false => Err(Error::unprocessable(t("share.off")).into()),
    }
}

async fn page(visit: &Visit<Reader>, place: Place, link: Option<String>) -> Answer {
    let (conversation, base) = (place.conversation(visit), place.base());
    let found = visit.ports().shares.of(visit.who.id(), Some(&conversation)).await?;
    let row = |share: carrel_domain::share::Share| ShareRow {
        id: share.id,
        since: share.created_at,
        until: share.expires_at,
        is_over: share.expires_at <= visit.at,
    };
    let slug = place.workspace.slug.to_string();
    let title = place.thread.map_or(place.workspace.settings.name, |thread| thread.name);
    let frame = visit.frame_in(t("share.title"), Section::Workspace, Some(&slug)).await?;
    let rows = found.into_iter().map(row).collect();
    reply::page(&visit.request, &SharePage { frame, base, title, link, rows })
}

pub async fn show(visit: Visit<Reader>, slug: Path<String>) -> Answer {
    allowed(&visit).await?;
    let place = Place::of(&visit, &slug, None).await?;
    page(&visit, place, None).await
}

pub async fn show_thread(visit: Visit<Reader>, path: Path<(String, String)>) -> Answer {
    allowed(&visit).await?;
    let place = Place::of(&visit, &path.0, Some(&path.1)).await?;
    page(&visit, place, None).await
}

pub async fn create(visit: Visit<Reader>, slug: Path<String>, form: Form) -> Answer {
    let place = Place::of(&visit, &slug, None).await?;
    share(visit, place, form).await
}

pub async fn create_thread(
    visit: Visit<Reader>,
    path: Path<(String, String)>,
    form: Form,
) -> Answer {
    let place = Place::of(&visit, &path.0, Some(&path.1)).await?;
    share(visit, place, form).await
}

async fn share(visit: Visit<Reader>, place: Place, form: Form) -> Answer {
    allowed(&visit).await?;
    let form = form.read().await?;
    let days = form.number("days")?.unwrap_or(30);
    let (ports, of) = (visit.ports(), place.conversation(&visit));
    let made = shares::create(&*ports.shares, &*ports.chats, of, days, &visit.by()).await?;
    let link = format!("{}/shared/{}", base(&visit.request), made.0.reveal());
    page(&visit, place, Some(link)).await
}

pub async fn revoke(visit: Visit<Reader>, id: Path<String>, form: Form) -> Answer {
    let id = id.parse().map_err(|_| Error::not_found("shared link", &*id))?;
    let form = form.read().await?;
    shares::revoke(&*visit.ports().shares, id, visit.who.id(), &visit.by()).await?;
    let back = crate::gate::safe_next(form.text("base"));
    Ok(reply::done(&format!("{back}/share"), "revoked"))
}

/// A conversation for whoever holds a link to it.
pub async fn read(guest: Guest, secret: Path<String>) -> Answer {
    let ports = &guest.site.ports;
    let gone = || Refusal::over(t("shared.over"), t("shared.over-words"));
    if !shares::are_allowed(&*ports.settings).await? {
        return Err(gone());
    }
    let found = shares::open(&*ports.shares, &*ports.chats, &secret, guest.at).await?;
    let (share, chats) = found.ok_or_else(gone)?;
    let workspaces = ports.workspaces.list().await?;
    let workspace = workspaces.into_iter().find(|known| known.id == share.conversation.workspace);
    let workspace = workspace.ok_or_else(gone)?;
    let title = title(&chats);
    let turns = guest.site.renderer.run(move || turns(chats, &workspace)).await?;
    let (brand, since) = (guest.site.brand().await?, share.created_at);
    reply::page(&guest.request, &SharedPage { brand, title, since, turns })
}

fn title(chats: &[Chat]) -> String {
    let first = chats.first().and_then(|chat| chat.prompt.lines().next());
    first.unwrap_or(t("shared.title")).chars().take(80).collect()
}

fn turns(chats: Vec<Chat>, workspace: &Workspace) -> Vec<Turn> {
    Turn::of_public(chats, workspace)
}
