//! Exports the user's conversation as a file, or copies it to a new thread.
use actix_web::HttpResponse;
use actix_web::http::header::CONTENT_DISPOSITION;
use actix_web::web::Path;
use carrel_domain::chat::Chat;
use carrel_domain::{ChatId, Error};
use carrel_services::{reasoning, record, threads};
use serde_json::{Value, json};

use super::chat::ConversationContext;
use super::exchange;
use crate::http::form::Fields;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::texts::t;

/// Maximum number of exported exchanges; the newest.
const MAX_EXCHANGES: u32 = 5_000;

pub async fn main(current_user: CurrentUser<role::Any>, slug: Path<String>) -> PageResult {
    let context = ConversationContext::load(&current_user, &slug, None).await?;
    export(&current_user, context).await
}

pub async fn thread(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    let context = ConversationContext::load(&current_user, &path.0, Some(&path.1)).await?;
    export(&current_user, context).await
}

async fn export(current_user: &CurrentUser<role::Any>, context: ConversationContext) -> PageResult {
    let parameters = Fields::of_query(&current_user.request);
    let chats = current_user
        .ports()
        .chats
        .history(&context.conversation(current_user), MAX_EXCHANGES)
        .await?;
    let workspace = context.workspace.settings.name.clone();
    let title = context.thread.as_ref().map_or(workspace.clone(), |thread| thread.name.clone());
    let slug = context.thread.map_or(context.workspace.slug, |thread| thread.slug);
    let (content_type, extension, text) = match parameters.text("format") {
        "md" => ("text/markdown; charset=utf-8", "md", markdown(&title, &chats)),
        "json" => ("application/json", "json", json_document(&title, &workspace, &chats)),
        _ => return Err(Error::invalid("format", "must be `md` or `json`").into()),
    };
    let disposition = format!("attachment; filename=\"conversation-{slug}.{extension}\"");
    Ok(HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((CONTENT_DISPOSITION, disposition))
        .body(text))
}

/// Lists the numbered titles of an answer's sources.
fn sources(stored: &record::AnswerRecord) -> String {
    let sources = stored.sources.iter().zip(1..);
    sources.map(|(source, number)| format!("{number}. {}\n", source.title)).collect()
}

fn markdown(title: &str, chats: &[Chat]) -> String {
    let mut text = format!("# {title}\n");
    for chat in chats {
        let stored = record::read(&chat.response).unwrap_or_default();
        let (_, answer) = reasoning::split(&stored.text);
        let question = chat.prompt.lines().map(|line| format!("> {line}\n")).collect::<String>();
        text.push_str(&format!("\n{question}\n{}\n", answer.trim()));
        if !stored.sources.is_empty() {
            text.push_str(&format!("\n{}:\n\n{}", t("chat.sources"), sources(&stored)));
        }
    }
    text
}

fn json_document(title: &str, workspace: &str, chats: &[Chat]) -> String {
    let exchange = |chat: &Chat| {
        let stored = record::read(&chat.response).unwrap_or_default();
        let (reasoning, answer) = reasoning::split(&stored.text);
        let source = |source: &record::StoredSource| json!({ "title": source.title, "text": source.text, "similarity": source.similarity });
        json!({
            "question": chat.prompt,
            "answer": answer,
            "reasoning": reasoning,
            "model": stored.model,
            "seconds": stored.seconds,
            "askedAt": chat.created_at.to_rfc3339(),
            "attachments": stored.documents,
            "sources": stored.sources.iter().map(source).collect::<Vec<_>>(),
        })
    };
    let exchanges: Vec<Value> = chats.iter().map(exchange).collect();
    let document = json!({ "title": title, "workspace": workspace, "exchanges": exchanges });
    serde_json::to_string_pretty(&document).unwrap_or_default()
}

/// Creates a thread that starts with the conversation up to an exchange.
pub async fn branch(
    current_user: CurrentUser<role::Any>,
    path: Path<(String, String)>,
) -> PageResult {
    let workspace = current_user.workspace(&path.0).await?;
    let id = path.1.parse().map(ChatId).map_err(|_| Error::not_found("chat", &path.1))?;
    let chat = exchange::own_exchange(&current_user, &workspace, id).await?;
    let user = current_user.identity.id();
    let choice = threads::ThreadOptions { user, ..threads::ThreadOptions::default() };
    let (ports, by) = (current_user.ports(), current_user.by());
    let thread =
        threads::branch(ports, &workspace, &chat, choice, t("chat.branch-of"), &by).await?;
    Ok(response::redirect_with_notice(
        &format!("/w/{}/t/{}", workspace.slug, thread.slug),
        "branched",
    ))
}
