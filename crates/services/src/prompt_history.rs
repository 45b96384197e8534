//! Restoring and deleting previous instructions of a workspace.
use carrel_domain::audit::By;
use carrel_domain::prompt_history::PromptHistory;
use carrel_domain::workspace::{Workspace, WorkspaceSettings, Workspaces};
use carrel_domain::{EarlierPromptId, Error, Result};
use serde_json::json;

use crate::workspaces;

/// Restores previous instructions. The current ones are added to the history.
pub async fn restore(
    history: &dyn PromptHistory,
    port: &dyn Workspaces,
    workspace: &Workspace,
    id: EarlierPromptId,
    by: &By,
) -> Result<Workspace> {
    let revision = history.find(workspace.id, id).await?;
    let revision = revision.ok_or_else(|| Error::not_found("earlier prompt", id))?;
    let settings =
        WorkspaceSettings { prompt: Some(revision.prompt), ..workspace.settings.clone() };
    workspaces::update(port, workspace, settings, by).await
}

/// Deletes one entry of the history, or all of them.
pub async fn forget(
    history: &dyn PromptHistory,
    workspace: &Workspace,
    id: Option<EarlierPromptId>,
    by: &By,
) -> Result<()> {
    let details = json!({ "workspaceName": workspace.settings.name });
    let event = by.event("workspace_prompt_history_deleted", details.to_string());
    let removed = history.forget(workspace.id, id, event).await?;
    match id {
        Some(id) if removed == 0 => Err(Error::not_found("earlier prompt", id)),
        _ => Ok(()),
    }
}
