//! Single exchanges of a conversation: rated, corrected, removed; and their pictures.
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
use crate::around::is_fragment;
use crate::assets;
use crate::filters;
use crate::form::{Fields, Form};
use crate::frame::{Frame, Section};
use crate::gate::safe_next;
use crate::picture;
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::texts::t;
use crate::turn::{Turn, TurnPart};
use crate::visit::{Reader, Visit};

/// An exchange of the visitor's own; another's is as if there were none.
pub async fn own(
    visit: &Visit<Reader>,
    workspace: &Workspace,
    id: ChatId,
) -> Result<Chat, Refusal> {
    let found = visit.ports().chat_edits.chat(workspace.id, id).await?;
    let theirs = |chat: &Chat| {
        chat.conversation.user == visit.who.id() && chat.conversation.session.is_none()
    };
    Ok(found.filter(theirs).ok_or_else(|| Error::not_found("chat", id))?)
}

fn parse(id: &str) -> Result<ChatId, Error> {
    id.parse().map(ChatId).map_err(|_| Error::not_found("chat", id))
}

#[derive(Template)]
#[template(path = "exchange.html")]
struct ExchangePage {
    frame: Frame,
    turn: Turn,
}

/// One exchange as a page of its own, with the whole answer.
pub async fn show(visit: Visit<Reader>, path: Path<(String, String)>) -> Answer {
    let workspace = visit.workspace(&path.0).await?;
    let chat = own(&visit, &workspace, parse(&path.1)?).await?;
    let slug = workspace.slug.to_string();
    let turn = rendered(&visit, chat, workspace, &format!("/w/{slug}")).await?;
    let frame = visit.frame_in(t("chat.answer"), Section::Workspace, Some(&slug)).await?;
    reply::page(&visit.request, &ExchangePage { frame, turn })
}

/// Thumbs up or down; the same thumb again takes it back.
pub async fn rate(visit: Visit<Reader>, path: Path<(String, String)>, form: Form) -> Answer {
    let workspace = visit.workspace(&path.0).await?;
    let mut chat = own(&visit, &workspace, parse(&path.1)?).await?;
    let form = form.read().await?;
    let wanted = Some(form.text("value") == "up");
    chat.feedback = wanted.filter(|_| chat.feedback != wanted);
    let edits = &*visit.ports().chat_edits;
    chat_edits::rate(edits, &workspace, chat.id, chat.feedback, &visit.by()).await?;
    let base = safe_next(form.text("base"));
    if !is_fragment(visit.request.headers()) {
        return Ok(reply::see(&format!("{base}#turn-{}", chat.id)));
    }
    let turn = rendered(&visit, chat, workspace, base).await?;
    reply::page(&visit.request, &TurnPart { turn })
}

/// An exchange with its answer rendered.
async fn rendered(
    visit: &Visit<Reader>,
    chat: Chat,
    workspace: Workspace,
    base: &str,
) -> Result<Turn, Error> {
    let base = base.to_owned();
    visit.site.renderer.run(move || Turn::of_chat(chat, &workspace, &base)).await
}

pub async fn delete(visit: Visit<Reader>, path: Path<(String, String)>, form: Form) -> Answer {
    let workspace = visit.workspace(&path.0).await?;
    let chat = own(&visit, &workspace, parse(&path.1)?).await?;
    let form = form.read().await?;
    let what = Deletable::Exchange(workspace.id, chat.id);
    deletions::delete(&visit, &what, safe_next(form.text("base")), "deleted").await
}

/// The answer of an exchange, to be corrected.
#[derive(Template)]
#[template(path = "part/correct.html")]
struct CorrectPart {
    turn: Turn,
}

#[derive(Template)]
#[template(path = "correct.html")]
struct CorrectPage {
    frame: Frame,
    turn: Turn,
}

/// A form with the answer; with `back` the exchange as it is.
pub async fn correct(visit: Visit<Reader>, path: Path<(String, String)>) -> Answer {
    let workspace = visit.workspace(&path.0).await?;
    let chat = own(&visit, &workspace, parse(&path.1)?).await?;
    let asked = Fields::of_query(&visit.request);
    let slug = workspace.slug.to_string();
    let turn = rendered(&visit, chat, workspace, safe_next(asked.text("base"))).await?;
    if !is_fragment(visit.request.headers()) {
        let frame = visit.frame_in(t("chat.correct"), Section::Workspace, Some(&slug)).await?;
        return reply::page(&visit.request, &CorrectPage { frame, turn });
    }
    match asked.has("back") {
        true => reply::page(&visit.request, &TurnPart { turn }),
        false => reply::page(&visit.request, &CorrectPart { turn }),
    }
}

/// Puts other words in the place of the answer.
pub async fn save(visit: Visit<Reader>, path: Path<(String, String)>, form: Form) -> Answer {
    let workspace = visit.workspace(&path.0).await?;
    let chat = own(&visit, &workspace, parse(&path.1)?).await?;
    let form = form.read().await?;
    let edit = chat_edits::Edit { prompt: None, answer: Some(form.text("response").to_owned()) };
    let edits = &*visit.ports().chat_edits;
    chat_edits::edit(edits, &workspace, chat.id, edit, &visit.by()).await?;
    let base = safe_next(form.text("base"));
    if !is_fragment(visit.request.headers()) {
        return Ok(reply::done(&format!("{base}#turn-{}", chat.id), "saved"));
    }
    let chat = own(&visit, &workspace, chat.id).await?;
    let turn = rendered(&visit, chat, workspace, base).await?;
    reply::page(&visit.request, &TurnPart { turn })
}

/// The images beside the question of an exchange.
pub async fn images(visit: &Visit<Reader>, mut chat: Chat) -> Result<Vec<Attachment>, Error> {
    chat.images = visit.ports().chats.images(chat.id).await?;
    Ok(record::images_of(chat))
}

/// A picture that was shown beside a question, by its place from 0. Browsers keep it, and ask before
/// they show it again whether its owner is still there.
pub async fn shown(visit: Visit<Reader>, path: Path<(String, String, usize)>) -> Answer {
    let workspace = visit.workspace(&path.0).await?;
    let chat = own(&visit, &workspace, parse(&path.1)?).await?;
    let pictures = images(&visit, chat).await?;
    let bytes = pictures.get(path.2).and_then(|picture| picture.bytes());
    let missing = || Refusal::missing("picture", &path.2.to_string());
    let bytes = bytes.ok_or_else(missing)?;
    let kind = picture::kind(&bytes).ok_or_else(missing)?;
    let mark = format!("\"{}\"", assets::digest(&bytes));
    let known = visit.request.headers().get(IF_NONE_MATCH).and_then(|known| known.to_str().ok());
    let is_known = known == Some(mark.as_str());
    let status = if is_known { StatusCode::NOT_MODIFIED } else { StatusCode::OK };
    Ok(HttpResponse::build(status)
        .content_type(kind)
        .insert_header((CACHE_CONTROL, "private, no-cache"))
        .insert_header((ETAG, mark))
        .insert_header((CONTENT_DISPOSITION, "inline"))
        .body(if is_known { Vec::new() } else { bytes }))
}
