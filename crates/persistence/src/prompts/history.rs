//! The history of workspaces' instructions.
use async_trait::async_trait;
use carrel_domain::audit::{Actor, Event};
use carrel_domain::prompt_history::{EarlierPrompt, LIMIT, PromptHistory};
use carrel_domain::{EarlierPromptId, Result, UserId, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::{AnyBackend, AnyConnection};
use crate::database::convert::{text, time};
use crate::database::schema::{prompt_history, workspaces};
use crate::database::tx_error::TxError;

#[derive(Queryable, Selectable)]
#[diesel(table_name = prompt_history)]
struct Row {
    id: i32,
    workspace_id: i32,
    prompt: String,
    replaced_by: Option<i32>,
    replaced_at: NaiveDateTime,
}

impl From<Row> for EarlierPrompt {
    fn from(row: Row) -> Self {
        Self {
            id: EarlierPromptId(row.id),
            workspace: WorkspaceId(row.workspace_id),
            prompt: row.prompt,
            replaced_by: row.replaced_by.map(UserId),
            replaced_at: row.replaced_at.and_utc(),
        }
    }
}

pub(crate) fn insert(
    conn: &mut AnyConnection,
    workspace: WorkspaceId,
    prompt: String,
    replaced_by: Option<UserId>,
    replaced_at: NaiveDateTime,
) -> QueryResult<()> {
    diesel::insert_into(prompt_history::table)
        .values((
            prompt_history::workspace_id.eq(workspace.0),
            prompt_history::prompt.eq(text(prompt)),
            prompt_history::replaced_by.eq(replaced_by.map(|user| user.0)),
            prompt_history::replaced_at.eq(replaced_at),
        ))
        .execute(conn)
        .map(drop)
}

/// Records the current instructions of a workspace before `new` replaces them, and deletes the
/// oldest if there are too many.
pub(crate) fn record(
    conn: &mut AnyConnection,
    workspace: WorkspaceId,
    new: Option<&str>,
    event: &Event,
) -> Result<(), TxError> {
    crate::workspaces::lock(conn, workspace)?;
    let current: Option<Option<String>> =
        workspaces::table.find(workspace.0).select(workspaces::prompt).first(conn).optional()?;
    let Some(current) = current.flatten().filter(|prompt| !prompt.trim().is_empty()) else {
        return Ok(());
    };
    if Some(current.as_str()) == new {
        return Ok(());
    }
    let user = match event.by.actor {
        Actor::User(user) => Some(user),
        _ => None,
    };
    insert(conn, workspace, current, user, time(event.by.at))?;
    let of = prompt_history::workspace_id.eq(workspace.0);
    let last: Option<i32> = prompt_history::table
        .filter(of)
        .order(prompt_history::id.desc())
        .offset(i64::try_from(LIMIT).unwrap_or(i64::MAX))
        .select(prompt_history::id)
        .first(conn)
        .optional()?;
    if let Some(last) = last {
        let old = prompt_history::table.filter(of).filter(prompt_history::id.le(last));
        diesel::delete(old).execute(conn)?;
    }
    Ok(())
}

#[async_trait]
impl PromptHistory for Database {
    async fn of(&self, workspace: WorkspaceId) -> Result<Vec<EarlierPrompt>> {
        self.read(move |conn| {
            let rows: Vec<Row> = prompt_history::table
                .filter(prompt_history::workspace_id.eq(workspace.0))
                .order(prompt_history::id.desc())
                .select(Row::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(EarlierPrompt::from).collect())
        })
        .await
    }

    async fn find(
        &self,
        workspace: WorkspaceId,
        id: EarlierPromptId,
    ) -> Result<Option<EarlierPrompt>> {
        self.read(move |conn| {
            let row: Option<Row> = prompt_history::table
                .find(id.0)
                .filter(prompt_history::workspace_id.eq(workspace.0))
                .select(Row::as_select())
                .first(conn)
                .optional()?;
            Ok(row.map(EarlierPrompt::from))
        })
        .await
    }

    async fn forget(
        &self,
        workspace: WorkspaceId,
        id: Option<EarlierPromptId>,
        event: Event,
    ) -> Result<u64> {
        self.write(move |conn| {
            let mut which: Vec<i32> = prompt_history::table
                .filter(prompt_history::workspace_id.eq(workspace.0))
                .select(prompt_history::id)
                .into_boxed::<AnyBackend>()
                .load(conn)?;
            which.retain(|one| id.is_none_or(|id| id.0 == *one));
            let forgotten = prompt_history::table.filter(prompt_history::id.eq_any(which));
            let removed = diesel::delete(forgotten).execute(conn)?;
            if removed > 0 {
                audit::record(conn, event)?;
            }
            Ok(removed as u64)
        })
        .await
    }
}
