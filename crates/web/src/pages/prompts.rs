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
const BLANK: usize = 2;

/// Returns the rows of the form: the existing messages and some empty ones.
pub fn rows(mut messages: Vec<SuggestedMessage>) -> Vec<SuggestedMessage> {
    let rows = (messages.len() + BLANK).clamp(BLANK, suggested_messages::MAX_MESSAGES);
    let blank = SuggestedMessage { heading: String::new(), message: String::new() };
    messages.resize(rows.max(messages.len()), blank);
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
    Ok(response::done(&format!("/w/{}/settings", workspace.slug), "saved"))
}

struct Earlier {
    id: i32,
    prompt: String,
    at: DateTime<Utc>,
    /// Name of the user who replaced the prompt; empty if unknown.
    by: String,
}

#[derive(Template)]
#[template(path = "workspace_prompts.html")]
struct Prompts {
    layout: PageLayout,
    slug: String,
    title: String,
    now: String,
    earlier: Vec<Earlier>,
}

pub async fn list(current_user: CurrentUser<role::Manager>, slug: Path<String>) -> PageResult {
    let workspace = current_user.workspace(&slug).await?;
    let ports = current_user.ports();
    let users = ports.users.list().await?.into_iter();
    let names: HashMap<UserId, String> = users.map(|user| (user.id, user.username)).collect();
    let history = ports.prompt_history.of(workspace.id).await?;
    let earlier = history.into_iter().map(|earlier| Earlier {
        id: earlier.id.0,
        prompt: earlier.prompt,
        at: earlier.replaced_at,
        by: earlier.replaced_by.and_then(|user| names.get(&user).cloned()).unwrap_or_default(),
    });
    let title = workspace.settings.name.clone();
    let slug = workspace.slug.to_string();
    let page = Prompts {
        earlier: earlier.collect(),
        layout: current_user.layout_in(&title, Section::Workspace, Some(&slug)).await?,
        now: workspace.settings.prompt.clone().unwrap_or_default(),
        slug,
        title,
    };
    response::page(&current_user.request, &page)
}

fn id(text: &str) -> Result<EarlierPromptId, Error> {
    text.parse().map(EarlierPromptId).map_err(|_| Error::not_found("earlier prompt", text))
}

pub async fn restore(
    current_user: CurrentUser<role::Manager>,
    path: Path<(String, String)>,
) -> PageResult {
    let workspace = current_user.workspace(&path.0).await?;
    let (ports, id, by) = (current_user.ports(), id(&path.1)?, current_user.by());
    let (history, workspaces) = (&*ports.prompt_history, &*ports.workspaces);
    prompt_history::restore(history, workspaces, &workspace, id, &by).await?;
    Ok(response::done(&format!("/w/{}/settings", workspace.slug), "restored"))
}

pub async fn delete(
    current_user: CurrentUser<role::Manager>,
    path: Path<(String, String)>,
) -> PageResult {
    let workspace = current_user.workspace(&path.0).await?;
    let (history, id) = (&*current_user.ports().prompt_history, id(&path.1)?);
    prompt_history::forget(history, &workspace, Some(id), &current_user.by()).await?;
    Ok(response::done(&format!("/w/{}/prompts", workspace.slug), "deleted"))
}
