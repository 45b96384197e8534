//! Shared conversations: owners create and revoke links, and anyone with a link can read.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::chat::Chat;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Error, Result};
use carrel_services::shares;
use chrono::{DateTime, Utc};

use super::chat::ConversationContext;
use super::setup::server_address;
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
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    is_expired: bool,
}

#[derive(Template)]
#[template(path = "share.html")]
struct SharePage {
    layout: PageLayout,
    base: String,
    title: String,
    /// A new link, displayed only once.
    link: Option<String>,
    rows: Vec<ShareRow>,
}

#[derive(Template)]
#[template(path = "shared.html")]
struct SharedPage {
    brand: Brand,
    title: String,
    created_at: DateTime<Utc>,
    messages: Vec<MessageView>,
}

/// True if an admin allows sharing conversations.
pub async fn is_sharing_allowed<P>(current_user: &CurrentUser<P>) -> Result<bool> {
    shares::are_allowed(&*current_user.ports().settings).await
}

async fn check_sharing_allowed(current_user: &CurrentUser<role::Any>) -> Result<(), PageError> {
    match is_sharing_allowed(current_user).await? {
        true => Ok(()),
        false => Err(Error::unprocessable(t("share.off")).into()),
    }
}

async fn share_page(
    current_user: &CurrentUser<role::Any>,
    context: ConversationContext,
    link: Option<String>,
) -> PageResult {
    let (conversation, base) = (context.conversation(current_user), context.base());
    let found =
        current_user.ports().shares.of(current_user.identity.id(), Some(&conversation)).await?;
    let row = |share: carrel_domain::share::Share| ShareRow {
        id: share.id,
        created_at: share.created_at,
        expires_at: share.expires_at,
        is_expired: share.expires_at <= current_user.now,
    };
    let slug = context.workspace.slug.to_string();
    let title = context.thread.map_or(context.workspace.settings.name, |thread| thread.name);
    let layout = current_user.layout_in(t("share.title"), Section::Workspace, Some(&slug)).await?;
    let rows = found.into_iter().map(row).collect();
    response::page(&current_user.request, &SharePage { layout, base, title, link, rows })
}

pub async fn show(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    check_sharing_allowed(&current_user).await?;
    let context = ConversationContext::load(&current_user, &slug, None).await?;
    share_page(&current_user, context, None).await
}

pub async fn show_thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    check_sharing_allowed(&current_user).await?;
    let context = ConversationContext::load(&current_user, &path.0, Some(&path.1)).await?;
    share_page(&current_user, context, None).await
}

pub async fn create(
    current_user: CurrentUser<role::Any>,
    slug: Path<String>,
    form: PageForm,
) -> PageResult {
    let context = ConversationContext::load(&current_user, &slug, None).await?;
    share(current_user, context, form).await
}

pub async fn create_thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
    form: PageForm,
) -> PageResult {
    let context = ConversationContext::load(&current_user, &path.0, Some(&path.1)).await?;
    share(current_user, context, form).await
}

async fn share(
    current_user: CurrentUser<role::Any>,
    context: ConversationContext,
    form: PageForm,
) -> PageResult {
    check_sharing_allowed(&current_user).await?;
    let form = form.read().await?;
    let days = form.number("days")?.unwrap_or(30);
    let (ports, conversation) = (current_user.ports(), context.conversation(&current_user));
    let new_share =
        shares::create(&*ports.shares, &*ports.chats, conversation, days, &current_user.by())
            .await?;
    let link = format!("{}/shared/{}", server_address(&current_user.request), new_share.0.reveal());
    share_page(&current_user, context, Some(link)).await
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
    let address = crate::session::session_cookie::safe_next(form.text("base"));
    Ok(response::redirect_with_notice(&format!("{address}/share"), "revoked"))
}

/// Shows a conversation to anyone with a link to it.
pub async fn read(visitor: OptionalUser, secret: Path<String>) -> PageResult {
    let ports = &visitor.site.ports;
    let expired_link = || PageError::expired(t("shared.over"), t("shared.over-words"));
    if !shares::are_allowed(&*ports.settings).await? {
        return Err(expired_link());
    }
    let found = shares::open(&*ports.shares, &*ports.chats, &secret, visitor.now).await?;
    let (share, chats) = found.ok_or_else(expired_link)?;
    let workspaces = ports.workspaces.list().await?;
    let workspace =
        workspaces.into_iter().find(|workspace| workspace.id == share.conversation.workspace);
    let workspace = workspace.ok_or_else(expired_link)?;
    let title = title(&chats);
    let messages = visitor.site.renderer.run(move || public_messages(chats, &workspace)).await?;
    let (brand, created_at) = (visitor.site.brand().await?, share.created_at);
    response::page(&visitor.request, &SharedPage { brand, title, created_at, messages })
}

fn title(chats: &[Chat]) -> String {
    let first = chats.first().and_then(|chat| chat.prompt.lines().next());
    first.unwrap_or(t("shared.title")).chars().take(80).collect()
}

fn public_messages(chats: Vec<Chat>, workspace: &Workspace) -> Vec<MessageView> {
    MessageView::from_public_chats(chats, workspace)
}
