//! Imports slash commands, variables, suggested messages, earlier instructions and memories.
use carrel_domain::WorkspaceId;
use carrel_domain::import::{ImportedCommand, ImportedMemory, ImportedPrompt};
use carrel_domain::prompt_variable::PromptVariable;
use carrel_domain::suggested_message::SuggestedMessage;

use crate::database::connection::AnyConnection;
use crate::database::convert::time;
use crate::database::tx_error::TxError;
use crate::prompts::{history, memories, slash_commands, suggested_messages, variables};

pub(super) fn commands(
    conn: &mut AnyConnection,
    rows: Vec<ImportedCommand>,
) -> Result<(), TxError> {
    for ImportedCommand { command, user, created_at, updated_at } in rows {
        let times = (time(created_at), time(updated_at));
        slash_commands::insert(conn, command, user, times)?;
    }
    Ok(())
}

pub(super) fn set_variables(
    conn: &mut AnyConnection,
    rows: Vec<PromptVariable>,
) -> Result<(), TxError> {
    for variable in rows {
        variables::set(conn, variable)?;
    }
    Ok(())
}

pub(super) fn messages(
    conn: &mut AnyConnection,
    rows: Vec<(WorkspaceId, SuggestedMessage)>,
) -> Result<(), TxError> {
    for (workspace, message) in rows {
        suggested_messages::add(conn, workspace, vec![message])?;
    }
    Ok(())
}

pub(super) fn prompt_history(
    conn: &mut AnyConnection,
    rows: Vec<ImportedPrompt>,
) -> Result<(), TxError> {
    for ImportedPrompt { workspace, prompt, replaced_by, replaced_at } in rows {
        history::insert(conn, workspace, prompt, replaced_by, time(replaced_at))?;
    }
    Ok(())
}

pub(super) fn memories(conn: &mut AnyConnection, rows: Vec<ImportedMemory>) -> Result<(), TxError> {
    rows.into_iter().try_for_each(|memory| memories::insert(conn, memory))
}
