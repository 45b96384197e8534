//! Imports slash commands, variables, suggested messages, earlier instructions and memories.
use std::collections::BTreeSet;

use carrel_domain::import::{ImportedCommand, ImportedMemory, ImportedPrompt};
use carrel_domain::prompt_variable::{PromptVariable, VariableName};
use carrel_domain::slash_command::{CommandName, CommandText};
use carrel_domain::suggested_message::SuggestedMessage;
use carrel_domain::{UserId, WorkspaceId};
use carrel_services::prompt;
use chrono::{DateTime, Utc};

use crate::plan::Known;
use crate::report::Report;
use crate::row::Row;

pub fn slash_commands(
    rows: Vec<Row>,
    known: &Known,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<ImportedCommand> {
    let (mut commands, mut used) = (Vec::new(), BTreeSet::new());
    for row in rows {
        let id = row.id().unwrap_or(0);
        let command = row.text("command").unwrap_or_default();
        let mut leave_out =
            |why: &str| report.leave_out(format!("slash_command_presets {id} `{command}`: {why}"));
        let Ok(name) = CommandName::parse(&command) else {
            leave_out("a command is 1 to 50 letters, digits, `-` and `_`");
            continue;
        };
        let Some(prompt) = row.filled("prompt") else {
            leave_out("its text is empty");
            continue;
        };
        // `uid` repeats `userId`, with 0 for nobody.
        let owner = row.int("userId").or(row.int("uid")).filter(|user| *user > 0);
        if owner.is_some_and(|user| !known.users.contains_key(&user)) {
            leave_out("its user no longer exists");
            continue;
        }
        let user = owner.map(UserId);
        if !used.insert((user, name.as_str().to_owned())) {
            leave_out("another one has the same name");
            continue;
        }
        if user.is_none() && !known.users.is_empty() {
            report.differ("Slash commands without a user belong to everybody.");
        }
        let created_at = row.time("createdAt").unwrap_or(now);
        let description = row.text("description").unwrap_or_default();
        commands.push(ImportedCommand {
            command: CommandText { name, prompt, description },
            user,
            created_at,
            updated_at: row.time("lastUpdatedAt").unwrap_or(created_at),
        });
    }
    commands
}

pub fn variables(rows: Vec<Row>, now: DateTime<Utc>, report: &mut Report) -> Vec<PromptVariable> {
    let (mut variables, mut used) = (Vec::new(), BTreeSet::new());
    for row in rows {
        let key = row.text("key").unwrap_or_default();
        let why = match VariableName::parse(&key) {
            Err(_) => "a name is 1 to 255 letters, digits and `_`",
            Ok(name) if prompt::BUILT_IN.contains(&name.as_str()) => "the name is built in",
            Ok(name) if !used.insert(name.clone()) => "another one has the same name",
            Ok(name) => {
                variables.push(PromptVariable {
                    name,
                    value: row.text("value").unwrap_or_default(),
                    description: row.text("description").unwrap_or_default(),
                    updated_at: row.time("updatedAt").unwrap_or(now),
                });
                continue;
            }
        };
        report.leave_out(format!("system_prompt_variables `{key}`: {why}"));
    }
    variables
}

/// Returns the workspace of a row, if it still exists.
fn workspace(row: &Row, table: &str, known: &Known, report: &mut Report) -> Option<WorkspaceId> {
    let workspace = row.int("workspaceId").filter(|id| known.workspaces.contains(id));
    if workspace.is_none() {
        let id = row.id().unwrap_or(0);
        report.leave_out(format!("{table} {id}: its workspace no longer exists"));
    }
    workspace.map(WorkspaceId)
}

pub fn suggested_messages(
    rows: Vec<Row>,
    known: &Known,
    report: &mut Report,
) -> Vec<(WorkspaceId, SuggestedMessage)> {
    let mut messages = Vec::new();
    for row in rows {
        let table = "workspace_suggested_messages";
        let Some(workspace) = workspace(&row, table, known, report) else { continue };
        let text = |column| row.text(column).unwrap_or_default();
        let message = SuggestedMessage { heading: text("heading"), message: text("message") };
        if message.question().is_empty() {
            report.leave_out(format!("{table} {}: it is empty", row.id().unwrap_or(0)));
            continue;
        }
        messages.push((workspace, message));
    }
    messages
}

pub fn earlier_prompts(
    rows: Vec<Row>,
    known: &Known,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<ImportedPrompt> {
    let mut prompts = Vec::new();
    for row in rows {
        let table = "prompt_history";
        let Some(workspace) = workspace(&row, table, known, report) else { continue };
        let user = row.int("modifiedBy").filter(|user| known.users.contains_key(user));
        prompts.push(ImportedPrompt {
            workspace,
            prompt: row.text("prompt").unwrap_or_default(),
            replaced_by: user.map(UserId),
            replaced_at: row.time("modifiedAt").unwrap_or(now),
        });
    }
    // This server orders them by id.
    prompts.sort_by_key(|prompt| prompt.replaced_at);
    prompts
}

pub fn memories(
    rows: Vec<Row>,
    known: &Known,
    now: DateTime<Utc>,
    report: &mut Report,
) -> Vec<ImportedMemory> {
    let mut memories = Vec::new();
    for row in rows {
        let id = row.id().unwrap_or(0);
        let mut leave_out = |why: &str| report.leave_out(format!("memories {id}: {why}"));
        let user = row.int("user_id");
        // The owner of a server without users has no id.
        if user.is_some() == known.users.is_empty()
            || user.is_some_and(|user| !known.users.contains_key(&user))
        {
            leave_out("its user no longer exists");
            continue;
        }
        let workspace = row.int("workspace_id");
        if workspace.is_some_and(|workspace| !known.workspaces.contains(&workspace)) {
            leave_out("its workspace no longer exists");
            continue;
        }
        let Some(content) = row.filled("content") else {
            leave_out("it is empty");
            continue;
        };
        let created_at = row.time("created_at").unwrap_or(now);
        memories.push(ImportedMemory {
            user: user.map(UserId),
            workspace: workspace.map(WorkspaceId),
            content,
            created_at,
            updated_at: row.time("updated_at").unwrap_or(created_at),
        });
    }
    memories
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rows(rows: Value) -> Vec<Row> {
        let rows = rows.as_array().cloned().unwrap_or_default();
        rows.into_iter().filter_map(|row| row.as_object().cloned().map(Row)).collect()
    }

    fn known() -> Known {
        let mut known = Known::default();
        known.users.insert(1, false);
        known.workspaces.insert(4);
        known
    }

    #[test]
    fn commands_keep_their_users_and_omitted_ones_are_reported() {
        let mut report = Report::default();
        let source = rows(json!([
            { "id": 1, "command": "/tea-time-", "prompt": "Break.", "userId": 1, "uid": 1 },
            { "id": 2, "command": "/legacy", "prompt": "Old.", "uid": 0 },
            { "id": 3, "command": "/gone", "prompt": "x", "userId": 9 },
            { "id": 4, "command": "", "prompt": "x" },
            { "id": 5, "command": "/legacy", "prompt": "Again." },
            { "id": 6, "command": "/nothing", "prompt": null },
        ]));
        let commands = slash_commands(source, &known(), DateTime::UNIX_EPOCH, &mut report);
        let there: Vec<_> = commands
            .iter()
            .map(|imported| (imported.command.name.as_str(), imported.user.map(|user| user.0)))
            .collect();
        assert_eq!(there, [("tea-time-", Some(1)), ("legacy", None)]);
        assert_eq!(report.left_out.len(), 4, "{:?}", report.left_out);
        assert_eq!(report.differs.len(), 1);
    }

    #[test]
    fn variables_suggestions_and_earlier_prompts_keep_their_workspaces() {
        let mut report = Report::default();
        let now = DateTime::UNIX_EPOCH;
        let source = rows(json!([
            { "key": "ship", "value": "Alma" }, { "key": "empty", "value": null },
            { "key": "date", "value": "x" }, { "key": "a b", "value": "x" },
        ]));
        let variables = variables(source, now, &mut report);
        assert_eq!(
            variables.iter().map(|one| (one.name.as_str(), &*one.value)).collect::<Vec<_>>(),
            [("ship", "Alma"), ("empty", "")]
        );
        let source = rows(json!([
            { "id": 1, "workspaceId": 4, "heading": "When do", "message": "you open?" },
            { "id": 2, "workspaceId": 5, "heading": "a", "message": "b" },
            { "id": 3, "workspaceId": 4, "heading": "", "message": " " },
        ]));
        let messages = suggested_messages(source, &known(), &mut report);
        assert_eq!(messages.len(), 1);
        let source = rows(json!([
            { "id": 1, "workspaceId": 4, "prompt": "New", "modifiedBy": 1, "modifiedAt": 2000 },
            { "id": 2, "workspaceId": 4, "prompt": "Old", "modifiedBy": 7, "modifiedAt": 1000 },
            { "id": 3, "workspaceId": 5, "prompt": "Lost" },
        ]));
        let prompts = earlier_prompts(source, &known(), now, &mut report);
        let there: Vec<_> = prompts.iter().map(|one| (&*one.prompt, one.replaced_by)).collect();
        assert_eq!(there, [("Old", None), ("New", Some(UserId(1)))]);
        assert_eq!(report.left_out.len(), 5, "{:?}", report.left_out);
    }
}
