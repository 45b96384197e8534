//! Suggested messages of a workspace, and previous instructions.
use std::collections::HashMap;

use actix_web::web::Path;
use askama::Template;
use carrel_domain::suggested_message::SuggestedMessage;
use carrel_domain::{EarlierPromptId, Error, UserId};
use carrel_services::{prompt_history, suggested_messages};
use chrono::{DateTime, Utc};

use crate::http::form::PageForm;
use crate::http::response::{self, PageResult};
use crate::session::current_user::{CurrentUser, role};
use crate::view::filters;
use crate::view::layout::{PageLayout, Section};

/// Number of empty rows in the form.
const EMPTY_ROWS: usize = 2;

/// Returns the rows of the form: the existing messages and some empty ones.
pub fn rows(mut messages: Vec<SuggestedMessage>) -> Vec<SuggestedMessage> {
    let rows = (messages.len() + EMPTY_ROWS).clamp(EMPTY_ROWS, suggested_messages::MAX_MESSAGES);
    let empty = SuggestedMessage { heading: String::new(), message: String::new() };
    messages.resize(rows.max(messages.len()), empty);
    messages
}

pub async fn save_suggestions(
    current_user: CurrentUser<role::Manager>,
    slug: Path<String>,
    form: PageForm,
) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let form = form.read().await?;
    form.check_fields(&[], &["heading", "message"])?;
    let (headings, messages) = (form.all("heading"), form.all("message"));
    let pairs = headings.map(str::to_owned).zip(messages.map(str::to_owned));
    let messages = pairs.map(|(heading, message)| SuggestedMessage { heading, message }).collect();
    let port = &*current_user.ports().suggested_messages;
    suggested_messages::replace(port, &workspace, messages, &current_user.by()).await?;
    Ok(response::redirect_with_notice(&format!("/w/{}/settings", workspace.slug), "saved"))
}

struct EarlierPrompt {
    id: i32,
    prompt: String,
    replaced_at: DateTime<Utc>,
    /// Name of the user who replaced the prompt; empty if unknown.
    replaced_by: String,
}

#[derive(Template)]
#[template(path = "workspace_prompts.html")]
struct PromptsPage {
    layout: PageLayout,
    slug: String,
    title: String,
    current: String,
    earlier_prompts: Vec<EarlierPrompt>,
}

pub async fn list(current_user: CurrentUser<role::Manager>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let ports = current_user.ports();
    let users = ports.users.list().await?.into_iter();
    let names: HashMap<UserId, String> = users.map(|user| (user.id, user.username)).collect();
    let history = ports.prompt_history.of(workspace.id).await?;
    let earlier_prompts = history.into_iter().map(|prompt| EarlierPrompt {
        id: prompt.id.0,
        prompt: prompt.prompt,
        replaced_at: prompt.replaced_at,
        replaced_by: prompt
            .replaced_by
            .and_then(|user| names.get(&user).cloned())
            .unwrap_or_default(),
    });
    let title = workspace.settings.name.clone();
    let slug = workspace.slug.to_string();
    let page = PromptsPage {
        earlier_prompts: earlier_prompts.collect(),
        layout: current_user.layout_in(&title, Section::Workspace, Some(&slug)).await?,
        current: workspace.settings.prompt.clone().unwrap_or_default(),
        slug,
        title,
    };
    response::page(&current_user.request, &page)
}

fn parse_id(text: &str) -> Result<EarlierPromptId, Error> {
    text.parse().map(EarlierPromptId).map_err(|_| Error::not_found("earlier prompt", text))
}

pub async fn restore(
    current_user: CurrentUser<role::Manager>,
    path: Path<(String, String)>,
) -> PageResult {
    let workspace = current_user.workspace(&path.0).await?;
    let (ports, id, by) = (current_user.ports(), parse_id(&path.1)?, current_user.by());
    let (history, workspaces) = (&*ports.prompt_history, &*ports.workspaces);
    prompt_history::restore(history, workspaces, &workspace, id, &by).await?;
    Ok(response::redirect_with_notice(&format!("/w/{}/settings", workspace.slug), "restored"))
}

pub async fn delete(
    current_user: CurrentUser<role::Manager>,
    path: Path<(String, String)>,
) -> PageResult {
    let workspace = current_user.workspace(&path.0).await?;
    let (history, id) = (&*current_user.ports().prompt_history, parse_id(&path.1)?);
    prompt_history::forget(history, &workspace, Some(id), &current_user.by()).await?;
    Ok(response::redirect_with_notice(&format!("/w/{}/prompts", workspace.slug), "deleted"))
}
