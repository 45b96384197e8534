//! `carrel ask`: asks a workspace one question and prints the answer with its sources.
use std::process::ExitCode;

use anyhow::Context;
use carrel_domain::audit::By;
use carrel_domain::workspace::Workspace;
use carrel_domain::{Result, Slug};
use carrel_services::chat::{EMPTY_COMPLETION, Question, Reply, Source};
use carrel_services::workspaces;
use chrono::Utc;
use serde_json::json;

use crate::cli::AskArgs;
use crate::terminal::{one_line, plain, print};
use crate::wiring::App;

pub async fn run(app: &App, args: AskArgs) -> anyhow::Result<ExitCode> {
    let AskArgs { workspace, question, json, session } = args;
    let workspace = find(app, &workspace).await.context("failed to ask")?;
    // Without a session name, every question is a new conversation: at a prompt, nobody expects the
    // second answer to depend on the first.
    let session = session.unwrap_or_else(|| format!("ask-{:016x}", rand::random::<u64>()));
    let question = Question { text: question, session: Some(session), ..Question::default() };
    let by = By::operator(Utc::now());
    let reply = app.ports.conversations.ask(&workspace, question, &by).await;
    let reply = reply.context("failed to ask")?;
    let output = if json { to_json(&reply).to_string() } else { plain(&to_text(&reply)) };
    print(&output)?;
    Ok(ExitCode::SUCCESS)
}

/// Finds a workspace by its slug, or by the slug derived from its name.
async fn find(app: &App, name: &str) -> Result<Workspace> {
    match app.ports.workspaces.by_slug(name).await? {
        Some(workspace) => Ok(workspace),
        None => {
            let suggested = app.ports.workspaces.by_slug(Slug::of(name).as_str()).await?;
            match suggested {
                Some(workspace) => Ok(workspace),
                None => workspaces::by_slug(&*app.ports.workspaces, name).await,
            }
        }
    }
}

fn to_text(reply: &Reply) -> String {
    let (text, sources) = parts(reply);
    let mut text_out = format!("{}\n", text.trim_end());
    if !sources.is_empty() {
        text_out.push_str("\nSources:\n");
    }
    for (number, source) in sources.iter().enumerate() {
        let (number, document) = (number + 1, source.document());
        let (title, path) = (one_line(&document.title), &document.path);
        let reason = match source {
            Source::Passage(hit) => format!("{:.2}", hit.similarity),
            Source::Document { .. } => "pinned".to_owned(),
        };
        let location = source.provenance().and_then(|of| of.locator());
        let location =
            location.map(|(name, range)| format!(", {name} {range}")).unwrap_or_default();
        text_out.push_str(&format!("{number:>3}. {title}{location} ({reason}) {path}\n"));
    }
    text_out
}

fn to_json(reply: &Reply) -> serde_json::Value {
    let (text, sources) = parts(reply);
    let source = |source: &Source| {
        let document = source.document();
        let (score, text) = match source {
            Source::Passage(hit) => (Some(hit.similarity), &hit.passage.text),
            Source::Document { beginning, .. } => (None, beginning),
        };
        json!({
            "title": document.title,
            "score": score,
            "location": document.path.to_string(),
            "text": text,
        })
    };
    let model = match reply {
        Reply::Answered { metrics, .. } => {
            json!({ "provider": metrics.model.provider, "model": metrics.model.model })
        }
        Reply::Empty(_) | Reply::Refused { .. } => serde_json::Value::Null,
    };
    json!({ "answer": text, "sources": sources.iter().map(source).collect::<Vec<_>>(), "model": model })
}

fn parts(reply: &Reply) -> (&str, &[Source]) {
    match reply {
        Reply::Answered { text, sources, .. } => (text, sources),
        Reply::Refused { text, .. } => (text, &[]),
        Reply::Empty(_) => (EMPTY_COMPLETION, &[]),
    }
}
