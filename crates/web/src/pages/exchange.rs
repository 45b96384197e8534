//! Single exchanges of a conversation: rated, removed.
use actix_web::web::Path;
use askama::Template;
use carrel_domain::chat::Chat;
use carrel_domain::workspace::Workspace;
use carrel_domain::{ChatId, Error};
use carrel_services::chat_edits;

use crate::around::is_fragment;
use crate::filters;
use crate::form::Form;
use crate::gate::safe_next;
use crate::refusal::Refusal;
use crate::reply::{self, Answer};
use crate::turn::Turn;
use crate::visit::{Reader, Visit};

#[derive(Template)]
#[template(path = "part/turn.html")]
struct TurnPart {
    turn: Turn,
}

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
    reply::page(&visit.request, &TurnPart { turn: Turn::of_chat(chat, &workspace, base) })
}

pub async fn delete(visit: Visit<Reader>, path: Path<(String, String)>, form: Form) -> Answer {
    let workspace = visit.workspace(&path.0).await?;
    let chat = own(&visit, &workspace, parse(&path.1)?).await?;
    let edits = &*visit.ports().chat_edits;
    chat_edits::remove(edits, &workspace, chat.id, &visit.by()).await?;
    let form = form.read().await?;
    Ok(reply::done(safe_next(form.text("base")), "deleted"))
}
