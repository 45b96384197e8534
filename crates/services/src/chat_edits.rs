//! Changing, rating and deleting single exchanges.
use carrel_domain::audit::{By, Event};
use carrel_domain::chat_edit::{ChatChange, ChatEdits};
use carrel_domain::workspace::Workspace;
use carrel_domain::{ChatId, Error, Result};
use serde_json::json;

use crate::chat::MAX_QUESTION_BYTES;
use crate::record;

/// The maximum length of an edited answer, in bytes.
pub const MAX_ANSWER_BYTES: usize = 1 << 20;

/// New texts of an exchange. Absent fields stay unchanged.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// The new question.
    pub prompt: Option<String>,
    /// The new answer.
    pub answer: Option<String>,
}

/// Changes the texts of an exchange. [`Error::NotFound`] if the workspace has no such exchange or
/// its stored answer is damaged.
pub async fn edit(
    edits: &dyn ChatEdits,
    workspace: &Workspace,
    id: ChatId,
    edit: Edit,
    by: &By,
) -> Result<()> {
    let Edit { prompt, answer } = edit;
    check(prompt.as_deref(), "prompt", MAX_QUESTION_BYTES)?;
    check(answer.as_deref(), "response", MAX_ANSWER_BYTES)?;
    let missing = || Error::not_found("chat", id);
    let chat = edits.chat(workspace.id, id).await?.ok_or_else(missing)?;
    let response = match answer {
        Some(answer) => Some(record::with_text(&chat.response, &answer).ok_or_else(missing)?),
        None => None,
    };
    let change = ChatChange { prompt, response, feedback: None };
    apply(edits, workspace, id, change, event(by, "api_chat_edited", workspace, id)).await
}

/// Stores feedback on an answer: thumbs up, thumbs down or none.
pub async fn rate(
    edits: &dyn ChatEdits,
    workspace: &Workspace,
    id: ChatId,
    feedback: Option<bool>,
    by: &By,
) -> Result<()> {
    let change = ChatChange { feedback: Some(feedback), ..ChatChange::default() };
    apply(edits, workspace, id, change, event(by, "api_chat_rated", workspace, id)).await
}

/// Deletes an exchange.
pub async fn remove(
    edits: &dyn ChatEdits,
    workspace: &Workspace,
    id: ChatId,
    by: &By,
) -> Result<()> {
    match edits.remove_chat(workspace.id, id, event(by, "api_chat_deleted", workspace, id)).await? {
        true => Ok(()),
        false => Err(Error::not_found("chat", id)),
    }
}

async fn apply(
    edits: &dyn ChatEdits,
    workspace: &Workspace,
    id: ChatId,
    change: ChatChange,
    event: Event,
) -> Result<()> {
    match edits.change_chat(workspace.id, id, change, event).await? {
        true => Ok(()),
        false => Err(Error::not_found("chat", id)),
    }
}

fn event(by: &By, name: &'static str, workspace: &Workspace, id: ChatId) -> Event {
    let details = json!({ "workspaceName": workspace.settings.name, "chatId": id.0 });
    by.event(name, details.to_string())
}

fn check(text: Option<&str>, field: &'static str, limit: usize) -> Result<()> {
    match text {
        Some(text) if text.trim().is_empty() => Err(Error::invalid(field, "must not be empty")),
        Some(text) if text.len() > limit => {
            Err(Error::TooLarge { what: "the text", limit: limit as u64 })
        }
        _ => Ok(()),
    }
}
