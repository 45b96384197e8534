//! Single exchanges: rating, editing and deleting them; and their images.
use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, ETAG, IF_NONE_MATCH};
use actix_web::web::Path;
use askama::Template;
use carrel_domain::chat::Chat;
use carrel_domain::deletion::Deletable;
use carrel_domain::workspace::Workspace;
use carrel_domain::{ChatId, Error};
use carrel_services::chat::Attachment;
use carrel_services::{chat_edits, record};

use super::deletions;
use crate::http::assets;
use crate::http::form::{Fields, PageForm};
use crate::http::fragment::is_fragment;
use crate::http::image;
use crate::http::page_error::PageError;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::session::session_cookie::safe_next;
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};
use crate::view::message::{MessagePart, MessageView};
use crate::view::texts::t;

/// Returns one of the visitor's own exchanges. Another user's is reported as not found.
pub async fn own_exchange(
    current_user: &CurrentUser<role::Any>,
    workspace: &Workspace,
    id: ChatId,
) -> Result<Chat, PageError> {
    let found = current_user.ports().chat_edits.chat(workspace.id, id).await?;
    let is_own = |chat: &Chat| {
        chat.conversation.user == current_user.identity.id() && chat.conversation.session.is_none()
    };
    Ok(found.filter(is_own).ok_or_else(|| Error::not_found("chat", id))?)
}

pub fn parse_id(id: &str) -> Result<ChatId, Error> {
    id.parse().map(ChatId).map_err(|_| Error::not_found("chat", id))
}

#[derive(Template)]
#[template(path = "exchange.html")]
struct ExchangePage {
    layout: PageLayout,
    message: MessageView,
}

/// Shows an exchange on its own page, with the complete answer.
pub async fn show(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    let workspace = current_user.workspace(&path.0).await?;
    let chat = own_exchange(&current_user, &workspace, parse_id(&path.1)?).await?;
    let slug = workspace.slug.to_string();
    let message = render(&current_user, chat, workspace, &format!("/w/{slug}")).await?;
    let layout = current_user.layout_in(t("chat.answer"), Section::Workspace, Some(&slug)).await?;
    response::page(&current_user.request, &ExchangePage { layout, message })
}

/// Rates an exchange. The same rating again removes it.
pub async fn rate(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
    form: PageForm,
) -> PageResult {
    let workspace = current_user.workspace(&path.0).await?;
    let mut chat = own_exchange(&current_user, &workspace, parse_id(&path.1)?).await?;
    let form = form.read().await?;
    let rating = Some(form.text("value") == "up");
    chat.feedback = rating.filter(|_| chat.feedback != rating);
    let edits = &*current_user.ports().chat_edits;
    chat_edits::rate(edits, &workspace, chat.id, chat.feedback, &current_user.by()).await?;
    let base = safe_next(form.text("base"));
    if !is_fragment(current_user.request.headers()) {
        return Ok(response::redirect_to(&format!("{base}#turn-{}", chat.id)));
    }
    let message = render(&current_user, chat, workspace, base).await?;
    response::page(&current_user.request, &MessagePart { message })
}

/// Renders an exchange with its answer.
async fn render(
    current_user: &CurrentUser<role::Any>,
    chat: Chat,
    workspace: Workspace,
    base: &str,
) -> Result<MessageView, Error> {
    let base = base.to_owned();
    current_user.site.renderer.run(move || MessageView::from_chat(chat, &workspace, &base)).await
}

pub async fn delete(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
    form: PageForm,
) -> PageResult {
    let workspace = current_user.workspace(&path.0).await?;
    let chat = own_exchange(&current_user, &workspace, parse_id(&path.1)?).await?;
    let form = form.read().await?;
    let item = Deletable::Exchange(workspace.id, chat.id);
    deletions::delete(&current_user, &item, safe_next(form.text("base")), "deleted").await
}

/// The form for editing an answer.
#[derive(Template)]
#[template(path = "part/correct.html")]
struct CorrectPart {
    message: MessageView,
}

#[derive(Template)]
#[template(path = "correct.html")]
struct CorrectPage {
    layout: PageLayout,
    message: MessageView,
}

/// Shows a form with the answer; with `back`, the exchange without changes.
pub async fn correct(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    let workspace = current_user.workspace(&path.0).await?;
    let chat = own_exchange(&current_user, &workspace, parse_id(&path.1)?).await?;
    let parameters = Fields::of_query(&current_user.request);
    let slug = workspace.slug.to_string();
    let message =
        render(&current_user, chat, workspace, safe_next(parameters.text("base"))).await?;
    if !is_fragment(current_user.request.headers()) {
        let layout =
            current_user.layout_in(t("chat.correct"), Section::Workspace, Some(&slug)).await?;
        return response::page(&current_user.request, &CorrectPage { layout, message });
    }
    match parameters.has("back") {
        true => response::page(&current_user.request, &MessagePart { message }),
        false => response::page(&current_user.request, &CorrectPart { message }),
    }
}

/// Replaces the text of the answer.
pub async fn save(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
    form: PageForm,
) -> PageResult {
    let workspace = current_user.workspace(&path.0).await?;
    let chat = own_exchange(&current_user, &workspace, parse_id(&path.1)?).await?;
    let form = form.read().await?;
    let edit = chat_edits::Edit { prompt: None, answer: Some(form.text("response").to_owned()) };
    let edits = &*current_user.ports().chat_edits;
    chat_edits::edit(edits, &workspace, chat.id, edit, &current_user.by()).await?;
    let base = safe_next(form.text("base"));
    if !is_fragment(current_user.request.headers()) {
        return Ok(response::redirect_with_notice(&format!("{base}#turn-{}", chat.id), "saved"));
    }
    let chat = own_exchange(&current_user, &workspace, chat.id).await?;
    let message = render(&current_user, chat, workspace, base).await?;
    response::page(&current_user.request, &MessagePart { message })
}

/// Returns the images of an exchange's question.
pub async fn images(
    current_user: &CurrentUser<role::Any>,
    mut chat: Chat,
) -> Result<Vec<Attachment>, Error> {
    chat.images = current_user.ports().chats.images(chat.id).await?;
    Ok(record::images_of(chat))
}

/// Serves an image of a question by its position, from 0. Browsers cache it, and ask before every
/// use whether the user may still see it.
pub async fn question_image(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String, usize)>,
) -> PageResult {
    let workspace = current_user.workspace(&path.0).await?;
    let chat = own_exchange(&current_user, &workspace, parse_id(&path.1)?).await?;
    let images = images(&current_user, chat).await?;
    let bytes = images.get(path.2).and_then(|image| image.bytes());
    let not_found = || PageError::not_found("picture", &path.2.to_string());
    let bytes = bytes.ok_or_else(not_found)?;
    let media_type = image::media_type(&bytes).ok_or_else(not_found)?;
    let etag = format!("\"{}\"", assets::digest(&bytes));
    let if_none_match =
        current_user.request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let is_cached = if_none_match == Some(etag.as_str());
    let status = if is_cached { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    Ok(HttpResponse::build(status)
        .content_type(media_type)
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .insert_header((ETAG, etag))
        .insert_header((CONTENT_DISPOSITION, "inline"))
        .body(if is_cached { Vec::new() } else { bytes }))
}
