//! What a workspace is asked with: suggested messages, and earlier instructions for the model.
use std::collections::HashMap;

use actix_web::web::Path;
use askama::Template;
use carrel_domain::suggested_message::SuggestedMessage;
use carrel_domain::{EarlierPromptId, Error, UserId};
use carrel_services::{prompt_history, suggested_messages};
use chrono::{DateTime, Utc};

use crate::filters;
use crate::form::Form;
use crate::frame::{Frame, Section};
use crate::reply::{self, Answer};
use crate::visit::{Manager, Visit};

/// Rows of a form beyond those that are filled in.
const BLANK: usize = 2;

/// The rows of the form: what is there, and some to fill in.
pub fn rows(mut messages: Vec<SuggestedMessage>) -> Vec<SuggestedMessage> {
    let rows = (messages.len() + BLANK).clamp(BLANK, suggested_messages::MOST);
    let blank = SuggestedMessage { heading: String::new(), message: String::new() };
    messages.resize(rows.max(messages.len()), blank);
    messages
}

pub async fn save_suggestions(visit: Visit<Manager>, slug: Path<String>, form: Form) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let form = form.read().await?;
    form.check_fields(&[], &["heading", "message"])?;
    let (headings, messages) = (form.all("heading"), form.all("message"));
    let pairs = headings.map(str::to_owned).zip(messages.map(str::to_owned));
    let messages = pairs.map(|(heading, message)| SuggestedMessage { heading, message }).collect();
    let port = &*visit.ports().suggested_messages;
    suggested_messages::replace(port, &workspace, messages, &visit.by()).await?;
    Ok(reply::done(&format!("/w/{}/settings", workspace.slug), "saved"))
}

struct Earlier {
    id: i32,
    prompt: String,
    at: DateTime<Utc>,
    /// Empty where nobody knows.
    by: String,
}

#[derive(Template)]
#[template(path = "workspace_prompts.html")]
struct Prompts {
    frame: Frame,
    slug: String,
    title: String,
    now: String,
    earlier: Vec<Earlier>,
}

pub async fn list(visit: Visit<Manager>, slug: Path<String>) -> Answer {
    let workspace = visit.workspace(&slug).await?;
    let ports = visit.ports();
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
        frame: visit.frame_in(&title, Section::Workspace, Some(&slug)).await?,
        now: workspace.settings.prompt.clone().unwrap_or_default(),
        slug,
        title,
    };
    reply::page(&visit.request, &page)
}

fn id(text: &str) -> Result<EarlierPromptId, Error> {
    text.parse().map(EarlierPromptId).map_err(|_| Error::not_found("earlier prompt", text))
}

pub async fn restore(visit: Visit<Manager>, path: Path<(String, String)>) -> Answer {
    let workspace = visit.workspace(&path.0).await?;
    let (ports, id, by) = (visit.ports(), id(&path.1)?, visit.by());
    let (history, workspaces) = (&*ports.prompt_history, &*ports.workspaces);
    prompt_history::restore(history, workspaces, &workspace, id, &by).await?;
    Ok(reply::done(&format!("/w/{}/settings", workspace.slug), "restored"))
}

pub async fn delete(visit: Visit<Manager>, path: Path<(String, String)>) -> Answer {
    let workspace = visit.workspace(&path.0).await?;
    let (history, id) = (&*visit.ports().prompt_history, id(&path.1)?);
    prompt_history::forget(history, &workspace, Some(id), &visit.by()).await?;
    Ok(reply::done(&format!("/w/{}/prompts", workspace.slug), "deleted"))
}
