//! Exports slash commands, variables, and earlier instructions.
use carrel_domain::prompt_history::EarlierPrompt;
use carrel_domain::prompt_variable::PromptVariable;
use carrel_domain::slash_command::{CommandText, SlashCommand};
use carrel_domain::{Result, WorkspaceId};
use serde_json::{Value, json};

use super::rows::time;
use super::{Export, Slugs, in_order};

pub(super) async fn prompts(
    export: &mut Export<'_>,
    workspaces: &Slugs<WorkspaceId>,
) -> Result<()> {
    let mut lines = export.destination.lines("slash-commands.jsonl")?;
    for command in export.ports.slash_commands.list().await? {
        lines.add(&slash_command(command))?;
    }
    export.close(lines)?;
    let mut lines = export.destination.lines("prompt-variables.jsonl")?;
    for variable in export.ports.prompt_variables.list().await? {
        lines.add(&prompt_variable(variable))?;
    }
    export.close(lines)?;
    let mut lines = export.destination.lines("prompt-history.jsonl")?;
    for (id, _) in in_order(workspaces) {
        for revision in export.ports.prompt_history.of(id).await? {
            lines.add(&earlier_prompt(revision))?;
        }
    }
    export.close(lines).map(drop)
}

fn slash_command(command: SlashCommand) -> Value {
    let SlashCommand { id, text, user, created_at, updated_at } = command;
    let CommandText { name, prompt, description } = text;
    json!({
        "id": id.0,
        "command": format!("/{}", name.as_str()),
        "prompt": prompt,
        "description": description,
        "userId": user.map(|user| user.0),
        "createdAt": time(created_at),
        "lastUpdatedAt": time(updated_at),
    })
}

fn prompt_variable(variable: PromptVariable) -> Value {
    let PromptVariable { name, value, description, updated_at } = variable;
    json!({
        "key": name.as_str(),
        "value": value,
        "description": description,
        "lastUpdatedAt": time(updated_at),
    })
}

fn earlier_prompt(revision: EarlierPrompt) -> Value {
    let EarlierPrompt { id, workspace, prompt, replaced_by, replaced_at } = revision;
    json!({
        "id": id.0,
        "workspaceId": workspace.0,
        "prompt": prompt,
        "modifiedBy": replaced_by.map(|user| user.0),
        "modifiedAt": time(replaced_at),
    })
}
