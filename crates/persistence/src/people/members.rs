//! Members: the users who may use a workspace.
use std::collections::HashSet;

use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::member::{Member, Members};
use carrel_domain::{Error, Result, UserId, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::{IDS_AT_ONCE, time};
use crate::database::schema::{users, workspace_users, workspaces};
use crate::database::tx_error::TxError;
use crate::people::users::parse_role;

/// Fails if the workspace does not exist.
fn need(conn: &mut AnyConnection, workspace: WorkspaceId) -> Result<(), TxError> {
    if existing_workspaces(conn, &[workspace.0])?.is_empty() {
        return Err(Error::not_found("workspace", workspace).into());
    }
    Ok(())
}

pub(crate) fn existing_workspaces(
    conn: &mut AnyConnection,
    ids: &[i32],
) -> QueryResult<HashSet<i32>> {
    let mut found = HashSet::new();
    for batch in ids.chunks(IDS_AT_ONCE) {
        let some: Vec<i32> = workspaces::table
            .filter(workspaces::id.eq_any(batch.to_vec()))
            .select(workspaces::id)
            .load(conn)?;
        found.extend(some);
    }
    Ok(found)
}

/// Fails if one of the workspaces does not exist.
pub(crate) fn need_workspaces(
    conn: &mut AnyConnection,
    workspaces: &[WorkspaceId],
) -> Result<(), TxError> {
    let ids: Vec<i32> = workspaces.iter().map(|workspace| workspace.0).collect();
    let known = existing_workspaces(conn, &ids)?;
    match ids.iter().find(|workspace| !known.contains(workspace)) {
        Some(unknown) => {
            let reason = format!("no workspace has the id {unknown}");
            Err(Error::invalid("workspace_ids", reason).into())
        }
        None => Ok(()),
    }
}

fn existing_users(conn: &mut AnyConnection, ids: &[UserId]) -> QueryResult<HashSet<UserId>> {
    let mut found = HashSet::new();
    for batch in ids.chunks(IDS_AT_ONCE) {
        let batch: Vec<i32> = batch.iter().map(|user| user.0).collect();
        let some: Vec<i32> =
            users::table.filter(users::id.eq_any(batch)).select(users::id).load(conn)?;
        found.extend(some.into_iter().map(UserId));
    }
    Ok(found)
}

/// Makes a user a member, or renews the membership. The caller holds [`AdvisoryLock::People`].
pub(crate) fn join(
    conn: &mut AnyConnection,
    workspace: i32,
    user: i32,
    now: NaiveDateTime,
) -> QueryResult<()> {
    let row = (
        workspace_users::user_id.eq(user),
        workspace_users::workspace_id.eq(workspace),
        workspace_users::created_at.eq(now),
        workspace_users::updated_at.eq(now),
    );
    on_each_backend!(conn => diesel::insert_into(workspace_users::table)
        .values(row)
        .on_conflict((workspace_users::user_id, workspace_users::workspace_id))
        .do_update()
        .set(workspace_users::updated_at.eq(now))
        .execute(conn))
    .map(drop)
}

/// Makes users members of a workspace. Fails without any change if a user or the workspace does not
/// exist.
fn join_all(
    conn: &mut AnyConnection,
    workspace: WorkspaceId,
    users: &[UserId],
    now: NaiveDateTime,
) -> Result<(), TxError> {
    need(conn, workspace)?;
    let known = existing_users(conn, users)?;
    if let Some(unknown) = users.iter().find(|user| !known.contains(user)) {
        return Err(Error::invalid("user_ids", format!("no user has the id {unknown}")).into());
    }
    for user in users {
        join(conn, workspace.0, user.0, now)?;
    }
    Ok(())
}

#[async_trait]
impl Members for Database {
    async fn of(&self, workspace: WorkspaceId) -> Result<Vec<Member>> {
        self.snapshot(move |conn| {
            need(conn, workspace)?;
            let rows: Vec<(i32, String, String, NaiveDateTime)> = workspace_users::table
                .inner_join(users::table)
                .filter(workspace_users::workspace_id.eq(workspace.0))
                .order(workspace_users::id)
                .select((users::id, users::username, users::role, workspace_users::updated_at))
                .load(conn)?;
            let members = rows.into_iter().map(|(id, username, role, updated_at)| {
                let (user, role) = (UserId(id), parse_role(&role)?);
                Ok(Member { user, username, role, updated_at: updated_at.and_utc() })
            });
            Ok(members.collect::<Result<_>>()?)
        })
        .await
    }

    async fn workspaces_of_user(&self, user: UserId) -> Result<Vec<WorkspaceId>> {
        self.read(move |conn| {
            let workspaces: Vec<i32> = workspace_users::table
                .filter(workspace_users::user_id.eq(user.0))
                .order(workspace_users::workspace_id)
                .select(workspace_users::workspace_id)
                .load(conn)?;
            Ok(workspaces.into_iter().map(WorkspaceId).collect())
        })
        .await
    }

    async fn replace(&self, workspace: WorkspaceId, users: &[UserId], event: Event) -> Result<()> {
        let users = users.to_vec();
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            join_all(conn, workspace, &users, time(event.by.at))?;
            let now: Vec<(i32, i32)> = workspace_users::table
                .filter(workspace_users::workspace_id.eq(workspace.0))
                .select((workspace_users::id, workspace_users::user_id))
                .load(conn)?;
            let members: HashSet<i32> = users.iter().map(|user| user.0).collect();
            let removed: Vec<i32> = now
                .into_iter()
                .filter(|(_, user)| !members.contains(user))
                .map(|(membership, _)| membership)
                .collect();
            for leave in removed.chunks(IDS_AT_ONCE) {
                let leave = workspace_users::id.eq_any(leave.to_vec());
                diesel::delete(workspace_users::table.filter(leave)).execute(conn)?;
            }
            audit::record(conn, event)
        })
        .await
    }

    async fn add(&self, workspace: WorkspaceId, users: &[UserId], event: Event) -> Result<()> {
        let users = users.to_vec();
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            join_all(conn, workspace, &users, time(event.by.at))?;
            audit::record(conn, event)
        })
        .await
    }

    async fn existing_users(&self, users: &[UserId]) -> Result<Vec<UserId>> {
        let users = users.to_vec();
        self.snapshot(move |conn| {
            let known = existing_users(conn, &users)?;
            Ok(users.into_iter().filter(|user| known.contains(user)).collect())
        })
        .await
    }
}
