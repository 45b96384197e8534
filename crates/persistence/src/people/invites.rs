//! Invites. Each code lets one person register.
use async_trait::async_trait;
use carrel_domain::audit::Event;
use carrel_domain::invite::{Invite, InviteStatus, Invites, NewInvite, UnknownWorkspaces};
use carrel_domain::user::{NewUser, User};
use carrel_domain::{Error, InviteId, Result, UserId, WorkspaceId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::{AnyConnection, columns};
use crate::database::convert::{ids, joined, some_time, text, time, unreadable, utc};
use crate::database::schema::{invites, users as user_table};
use crate::database::tx_error::{OrRefused, TxError};
use crate::people::authority;
use crate::people::members;
use crate::people::users;

#[derive(Queryable, Selectable)]
#[diesel(table_name = invites)]
struct Row {
    id: i32,
    code: String,
    status: String,
    claimed_by: Option<i32>,
    workspaces: String,
    created_by: Option<i32>,
    expires_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl Row {
    fn of(self, claimed_by_name: Option<String>) -> Result<Invite> {
        let status = InviteStatus::parse(&self.status).ok_or_else(|| unreadable("status"))?;
        Ok(Invite {
            id: InviteId(self.id),
            code: self.code,
            status,
            claimed_by: self.claimed_by.map(UserId),
            claimed_by_name,
            workspaces: ids(&self.workspaces)?.into_iter().map(WorkspaceId).collect(),
            created_by: self.created_by.map(UserId),
            expires_at: utc(self.expires_at),
            created_at: self.created_at.and_utc(),
            updated_at: self.updated_at.and_utc(),
        })
    }
}

/// Returns the invite and locks it against changes until the transaction ends.
fn lock(conn: &mut AnyConnection, id: InviteId) -> Result<Invite, TxError> {
    if let AnyConnection::Postgres(conn) = conn {
        let row = invites::table.find(id.0).select(invites::id);
        let _: Option<i32> = row.for_update().first(conn).optional()?;
    }
    let found: Option<(Row, Option<String>)> = invites::table
        .left_join(user_table::table)
        .filter(invites::id.eq(id.0))
        .select((Row::as_select(), user_table::username.nullable()))
        .first(conn)
        .optional()?;
    let (row, name) = found.ok_or_else(|| Error::not_found("invite", id))?;
    Ok(row.of(name)?)
}

/// Claims a pending invite. Concurrent claims wait for this transaction and fail if it commits.
/// Returns the invite's id and workspaces.
fn claim(
    conn: &mut AnyConnection,
    code: &str,
    now: NaiveDateTime,
) -> Result<(i32, Vec<i32>), TxError> {
    let claimed: Option<(i32, String)> = diesel::update(invites::table)
        .filter(invites::code.eq(code.to_owned()))
        .filter(invites::status.eq(InviteStatus::Pending.as_str()))
        .filter(invites::expires_at.is_null().or(invites::expires_at.gt(now)))
        .set((invites::status.eq(InviteStatus::Claimed.as_str()), invites::updated_at.eq(now)))
        .returning((invites::id, invites::workspaces))
        .get_result(conn)
        .optional()?;
    let (id, workspaces) = claimed.ok_or_else(|| Error::not_found("invite", code))?;
    Ok((id, ids(&workspaces)?))
}

#[async_trait]
impl Invites for Database {
    async fn create(
        &self,
        new: NewInvite,
        unknown: UnknownWorkspaces,
        event: Event,
    ) -> Result<Invite> {
        let NewInvite { code, workspaces, expires_at, created_at } = new;
        self.write(move |conn| {
            let creator = authority::confirm(conn, &event.by)?;
            if unknown == UnknownWorkspaces::Refuse {
                members::need_workspaces(conn, &workspaces)?;
            }
            let now = time(created_at);
            let row: Row = diesel::insert_into(invites::table)
                .values((
                    invites::code.eq(text(code)),
                    invites::status.eq(InviteStatus::Pending.as_str()),
                    invites::workspaces.eq(joined(workspaces.iter().map(|workspace| workspace.0))),
                    invites::created_by.eq(creator.map(|user| user.0)),
                    invites::expires_at.eq(some_time(expires_at)),
                    invites::created_at.eq(now),
                    invites::updated_at.eq(now),
                ))
                .returning(columns::<Row>())
                .get_result(conn)
                // Error messages must not contain the code, because it is a secret.
                .or_taken("invite", "")?;
            audit::record(conn, event)?;
            Ok(row.of(None)?)
        })
        .await
    }

    async fn list(&self) -> Result<Vec<Invite>> {
        self.read(|conn| {
            let rows: Vec<(Row, Option<String>)> = invites::table
                .left_join(user_table::table)
                .order(invites::id)
                .select((Row::as_select(), user_table::username.nullable()))
                .load(conn)?;
            Ok(rows.into_iter().map(|(row, name)| row.of(name)).collect::<Result<_>>()?)
        })
        .await
    }

    async fn by_code(&self, code: &str) -> Result<Option<Invite>> {
        let code = text(code);
        self.read(move |conn| {
            let found: Option<(Row, Option<String>)> = invites::table
                .left_join(user_table::table)
                .filter(invites::code.eq(code))
                .select((Row::as_select(), user_table::username.nullable()))
                .first(conn)
                .optional()?;
            Ok(found.map(|(row, name)| row.of(name)).transpose()?)
        })
        .await
    }

    async fn disable(&self, id: InviteId, event: Event) -> Result<Invite> {
        self.write(move |conn| {
            let before = lock(conn, id)?;
            if before.status == InviteStatus::Pending {
                diesel::update(invites::table.find(id.0))
                    .set((
                        invites::status.eq(InviteStatus::Disabled.as_str()),
                        invites::updated_at.eq(time(event.by.at)),
                    ))
                    .execute(conn)?;
                audit::record(conn, event)?;
            }
            Ok(before)
        })
        .await
    }

    async fn redeem(&self, code: &str, user: NewUser, event: Event) -> Result<User> {
        let code = text(code);
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let now = time(event.by.at);
            let (invite, workspaces) = claim(conn, &code, now)?;
            let user = users::insert(conn, user)?;
            diesel::update(invites::table.find(invite))
                .set(invites::claimed_by.eq(Some(user.id.0)))
                .execute(conn)?;
            let known = members::existing_workspaces(conn, &workspaces)?;
            for workspace in workspaces.into_iter().filter(|workspace| known.contains(workspace)) {
                members::join(conn, workspace, user.id.0, now)?;
            }
            audit::record(conn, event)?;
            Ok(user)
        })
        .await
    }
}
