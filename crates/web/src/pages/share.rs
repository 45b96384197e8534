//! Shared conversations: owners create and revoke links, and anyone with a link can read.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::chat::Chat;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result};
use carrel_services::shares;
use chrono::{DateTime, Utc};

use super::chat::Place;
use super::setup::base;
use crate::http::form::PageForm;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, OptionalUser, role};
use crate::view::brand::Brand;
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::message::MessageView;
use crate::view::texts::t;

struct ShareRow {
    id: i64,
    since: DateTime<Utc>,
    until: DateTime<Utc>,
    is_over: bool,
}

#[derive(Template)]
#[template(path = "share.html")]
struct SharePage {
    layout: PageLayout,
    base: String,
    title: String,
    /// A new link, shown only once.
    link: Option<String>,
    rows: Vec<ShareRow>,
}

#[derive(Template)]
#[template(path = "shared.html")]
struct SharedPage {
    brand: Brand,
    title: String,
    since: DateTime<Utc>,
    messages: Vec<MessageView>,
}

/// True if an admin allows sharing conversations.
pub async fn are_allowed<P>(current_user: &CurrentUser<P>) -> Result<bool> {
    shares::are_allowed(&*current_user.ports().settings).await
}

async fn allowed(current_user: &CurrentUser<role::Any>) -> Result<(), PageError> {
    match are_allowed(current_user).await? {
        true => Ok(()),
        false => Err(Error::unprocessable(t("share.off")).into()),
    }
}

async fn page(
    current_user: &CurrentUser<role::Any>,
    place: Place,
    link: Option<String>,
) -> PageResult {
    let (conversation, base) = (place.conversation(current_user), place.base());
    let found =
        current_user.ports().shares.of(current_user.identity.id(), Some(&conversation)).await?;
    let row = |share: carrel_domain::share::Share| ShareRow {
        id: share.id,
        since: share.created_at,
        until: share.expires_at,
        is_over: share.expires_at <= current_user.at,
    };
    let slug = place.workspace.slug.to_string();
    let title = place.thread.map_or(place.workspace.settings.name, |thread| thread.name);
    let layout = current_user.layout_in(t("share.title"), Section::Workspace, Some(&slug)).await?;
    let rows = found.into_iter().map(row).collect();
    response::page(&current_user.request, &SharePage { layout, base, title, link, rows })
}

pub async fn show(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    allowed(&current_user).await?;
    let place = Place::of(&current_user, &slug, None).await?;
    page(&current_user, place, None).await
}

pub async fn show_thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    allowed(&current_user).await?;
    let place = Place::of(&current_user, &path.0, Some(&path.1)).await?;
    page(&current_user, place, None).await
}

pub async fn create(
    current_user: CurrentUser<role::Any>,
    slug: Path<String>,
    form: PageForm,
) -> PageResult {
    let place = Place::of(&current_user, &slug, None).await?;
    share(current_user, place, form).await
}

pub async fn create_thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
    form: PageForm,
) -> PageResult {
    let place = Place::of(&current_user, &path.0, Some(&path.1)).await?;
    share(current_user, place, form).await
}

async fn share(current_user: CurrentUser<role::Any>, place: Place, form: PageForm) -> PageResult {
    allowed(&current_user).await?;
    let form = form.read().await?;
    let days = form.number("days")?.unwrap_or(30);
    let (ports, of) = (current_user.ports(), place.conversation(&current_user));
    let made = shares::create(&*ports.shares, &*ports.chats, of, days, &current_user.by()).await?;
    let link = format!("{}/shared/{}", base(&current_user.request), made.0.reveal());
    page(&current_user, place, Some(link)).await
}

pub async fn revoke(
    current_user: CurrentUser<role::Any>,
    id: Path<String>,
    form: PageForm,
) -> PageResult {
    let id = id.parse().map_err(|_| Error::not_found("shared link", &*id))?;
    let form = form.read().await?;
    shares::revoke(
        &*current_user.ports().shares,
        id,
        current_user.identity.id(),
        &current_user.by(),
    )
    .await?;
    let back = crate::session::session_cookie::safe_next(form.text("base"));
    Ok(response::done(&format!("{back}/share"), "revoked"))
}

/// Shows a conversation to anyone with a link to it.
pub async fn read(visitor: OptionalUser, secret: Path<String>) -> PageResult {
    let ports = &visitor.site.ports;
    let gone = || PageError::over(t("shared.over"), t("shared.over-words"));
    if !shares::are_allowed(&*ports.settings).await? {
        return Err(gone());
    }
    let found = shares::open(&*ports.shares, &*ports.chats, &secret, visitor.at).await?;
    let (share, chats) = found.ok_or_else(gone)?;
    let workspaces = ports.workspaces.list().await?;
    let workspace = workspaces.into_iter().find(|known| known.id == share.conversation.workspace);
    let workspace = workspace.ok_or_else(gone)?;
    let title = title(&chats);
    let messages = visitor.site.renderer.run(move || turns(chats, &workspace)).await?;
    let (brand, since) = (visitor.site.brand().await?, share.created_at);
    response::page(&visitor.request, &SharedPage { brand, title, since, messages })
}

fn title(chats: &[Chat]) -> String {
    let first = chats.first().and_then(|chat| chat.prompt.lines().next());
    first.unwrap_or(t("shared.title")).chars().take(80).collect()
}

fn turns(chats: Vec<Chat>, workspace: &Workspace) -> Vec<MessageView> {
    MessageView::of_public(chats, workspace)
}
