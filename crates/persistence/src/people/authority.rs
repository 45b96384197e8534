//! Rights that are checked or revoked within the transaction of a change.
//!
//! A request is authorized before it does its work, and an admin may be demoted in between.
//! Therefore every change that grants something checks the actor again here, and every change that
//! takes a role away revokes what the role has granted.
use carrel_domain::audit::{Actor, By};
use carrel_domain::invite::InviteStatus::{Disabled, Pending};
use carrel_domain::user::Role;
use carrel_domain::{Error, UserId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::database::connection::AnyConnection;
use crate::database::schema::{
    api_keys as keys, invites, recovery_links, sessions, sign_in_tokens, users,
};
use crate::database::tx_error::TxError;
use crate::people::api_keys;

/// Returns the user under whose authority `by` grants something, and locks that authority against
/// revocation until the transaction ends.
///
/// A user must be an active admin. An API key must not be revoked, and its creator must not be
/// suspended. The owner, the operator, the server and strangers act under no user.
/// be suspended. The owner, the operator, the server and strangers act under no user.
pub(crate) fn confirm(conn: &mut AnyConnection, by: &By) -> Result<Option<UserId>, TxError> {
    let (user, key) = match by.actor {
        Actor::User(id) => (Some(id.0), None),
        // The creator of a key never changes, and users are locked before keys.
        Actor::Key(id) => {
            let creator: Option<Option<i32>> =
                keys::table.find(id.0).select(keys::created_by).first(conn).optional()?;
            (creator.ok_or_else(revoked)?, Some(id.0))
        }
        Actor::Owner | Actor::Operator | Actor::Stranger | Actor::Server => (None, None),
    };
    if let Some(user) = user {
        let role = active_role(conn, user)?.ok_or_else(revoked)?;
        // A key that the operator created for a user is limited by its scopes, not by the user's
        // role.
        if key.is_none() && role != Role::Admin.as_str() {
            return Err(revoked());
        }
    }
    if let Some(key) = key
        && !lock_valid_key(conn, key)?
    {
        return Err(revoked());
    }
    Ok(user.map(UserId))
}

/// Returns whether `by` is the owner of a server without users, or one of the owner's keys.
pub(crate) fn is_of_owner(conn: &mut AnyConnection, by: &By) -> QueryResult<bool> {
    match by.actor {
        Actor::Owner => Ok(true),
        Actor::Key(id) => {
            let is_owners = keys::table.find(id.0).select(keys::by_owner).first(conn).optional()?;
            Ok(is_owners.unwrap_or(false))
        }
        _ => Ok(false),
    }
}

/// Returns the role of a user who is not suspended, and locks the user against changes.
fn active_role(conn: &mut AnyConnection, user: i32) -> QueryResult<Option<String>> {
    let row = users::table.find(user).filter(users::suspended.eq(false)).select(users::role);
    match conn {
        AnyConnection::Postgres(conn) => row.for_share().first(conn).optional(),
        AnyConnection::Sqlite(conn) => row.first(conn).optional(),
    }
}

fn lock_valid_key(conn: &mut AnyConnection, key: i32) -> QueryResult<bool> {
    let row = keys::table.find(key).filter(keys::revoked_at.is_null()).select(keys::id);
    let found: Option<i32> = match conn {
        AnyConnection::Postgres(conn) => row.for_share().first(conn).optional()?,
        AnyConnection::Sqlite(conn) => row.first(conn).optional()?,
    };
    Ok(found.is_some())
}

fn revoked() -> TxError {
    Error::invalid("authorization", "was revoked while the request was in progress").into()
}

/// Revokes everything that `user` granted or received as an admin: API keys, pending invites,
/// sign-in tokens, recovery links, and other people's sessions opened with those tokens.
pub(crate) fn revoke_grants(
    conn: &mut AnyConnection,
    user: UserId,
    now: NaiveDateTime,
) -> QueryResult<()> {
    api_keys::revoke_all_of(conn, user, now)?;
    withdraw(conn, user, now)
}

/// Withdraws what `user` issued to others: pending invites, recovery links, sign-in tokens and the
/// sessions opened with them.
pub(crate) fn withdraw(
    conn: &mut AnyConnection,
    user: UserId,
    now: NaiveDateTime,
) -> QueryResult<()> {
    diesel::update(invites::table)
        .filter(invites::created_by.eq(user.0))
        .filter(invites::status.eq(Pending.as_str()))
        .set((invites::status.eq(Disabled.as_str()), invites::updated_at.eq(now)))
        .execute(conn)?;
    diesel::delete(sign_in_tokens::table.filter(sign_in_tokens::issued_by.eq(user.0)))
        .execute(conn)?;
    diesel::delete(recovery_links::table.filter(recovery_links::issued_by.eq(user.0)))
        .execute(conn)?;
    diesel::delete(sessions::table.filter(sessions::issued_by.eq(user.0))).execute(conn)?;
    Ok(())
}

/// Deletes the sessions, sign-in tokens and recovery links of `user`.
pub(crate) fn sign_out(conn: &mut AnyConnection, user: UserId) -> QueryResult<()> {
    diesel::delete(sessions::table.filter(sessions::user_id.eq(user.0))).execute(conn)?;
    diesel::delete(sign_in_tokens::table.filter(sign_in_tokens::user_id.eq(user.0)))
        .execute(conn)?;
    diesel::delete(recovery_links::table.filter(recovery_links::user_id.eq(user.0)))
        .execute(conn)?;
    Ok(())
}
