//! Memories: notes about a person.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::import::ImportedMemory;
use carrel_domain::memory::{Memories, Memory};
use carrel_domain::{MemoryId, Result, UserId, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Nullable};

use crate::Database;
use crate::audit;
use crate::database::connection::{AnyBackend, AnyConnection};
use crate::database::convert::{text, time};
use crate::database::schema::memories;
use crate::database::tx_error::TxError;

#[derive(Queryable, Selectable)]
#[diesel(table_name = memories)]
struct Row {
    id: i32,
    user_id: Option<i32>,
    workspace_id: Option<i32>,
    content: String,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl From<Row> for Memory {
    fn from(row: Row) -> Self {
        let Row { id, user_id, workspace_id, content, created_at, updated_at } = row;
        Self {
            id: MemoryId(id),
            user: user_id.map(UserId),
            workspace: workspace_id.map(WorkspaceId),
            content,
            created_at: created_at.and_utc(),
            updated_at: updated_at.and_utc(),
        }
    }
}

type Condition = Box<dyn BoxableExpression<memories::table, AnyBackend, SqlType = Nullable<Bool>>>;

/// Matches memories about the user, or about the owner if there is no user.
fn is_about(user: Option<UserId>) -> Condition {
    match user {
        Some(user) => Box::new(memories::user_id.eq(user.0)),
        None => Box::new(memories::user_id.is_null().nullable()),
    }
}

pub(crate) fn insert(conn: &mut AnyConnection, memory: ImportedMemory) -> Result<(), TxError> {
    let ImportedMemory { user, workspace, content, created_at, updated_at } = memory;
    diesel::insert_into(memories::table)
        .values((
            memories::user_id.eq(user.map(|user| user.0)),
            memories::workspace_id.eq(workspace.map(|workspace| workspace.0)),
            memories::content.eq(text(content)),
            memories::created_at.eq(time(created_at)),
            memories::updated_at.eq(time(updated_at)),
        ))
        .execute(conn)?;
    Ok(())
}

/// Assigns the owner's memories to a user.
pub(crate) fn hand_over_owners(conn: &mut AnyConnection, user: UserId) -> QueryResult<()> {
    diesel::update(memories::table.filter(memories::user_id.is_null()))
        .set(memories::user_id.eq(Some(user.0)))
        .execute(conn)
        .map(drop)
}

/// Deletes the owner's memories.
pub(crate) fn remove_owners(conn: &mut AnyConnection) -> QueryResult<()> {
    diesel::delete(memories::table.filter(memories::user_id.is_null())).execute(conn).map(drop)
}

#[async_trait]
impl Memories for Database {
    async fn about(&self, user: Option<UserId>) -> Result<Vec<Memory>> {
        self.read_inline(move |conn| {
            let rows: Vec<Row> = memories::table
                .filter(is_about(user))
                .order(memories::id.desc())
                .select(Row::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(Memory::from).collect())
        })
        .await
    }

    async fn update(
        &self,
        id: MemoryId,
        user: Option<UserId>,
        content: String,
        event: Event,
    ) -> Result<bool> {
        self.write(move |conn| {
            let memory = memories::table.filter(memories::id.eq(id.0)).filter(is_about(user));
            let set =
                (memories::content.eq(text(content)), memories::updated_at.eq(time(event.by.at)));
            if diesel::update(memory).set(set).execute(conn)? == 0 {
                return Ok(false);
            }
            audit::record(conn, event)?;
            Ok(true)
        })
        .await
    }

    async fn delete(&self, id: MemoryId, user: Option<UserId>, event: Event) -> Result<bool> {
        self.write(move |conn| {
            let memory = memories::table.filter(memories::id.eq(id.0)).filter(is_about(user));
            if diesel::delete(memory).execute(conn)? == 0 {
                return Ok(false);
            }
            audit::record(conn, event)?;
            Ok(true)
        })
        .await
    }
}
