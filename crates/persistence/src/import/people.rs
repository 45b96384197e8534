//! Imports users, keys, memberships, invites and events.
use carrel_domain::extension_key::NewExtensionKey;
use carrel_domain::import::{ImportedApiKey, ImportedEvent, ImportedMember, ImportedUser};
use carrel_domain::invite::Invite;
use carrel_domain::user::User;
use diesel::prelude::*;

use crate::audit;
use crate::database::connection::AnyConnection;
use crate::database::convert::{joined, some_text, some_time, text, time};
use crate::database::schema::{api_keys, invites, users, workspace_users};
use crate::database::tx_error::{OrRefused, TxError};
use crate::people::api_keys::NewRow;
use crate::people::extension_keys;

pub(super) fn users(conn: &mut AnyConnection, rows: Vec<ImportedUser>) -> Result<(), TxError> {
    for ImportedUser { user, password } in rows {
        let User {
            id,
            username,
            role,
            suspended,
            daily_message_limit,
            bio,
            picture,
            seen_recovery_codes,
            created_at,
            updated_at,
        } = user;
        diesel::insert_into(users::table)
            .values((
                users::id.eq(id.0),
                users::username.eq(text(username.as_str())),
                users::password_hash.eq(text(password.0)),
                users::role.eq(role.as_str()),
                users::suspended.eq(suspended),
                users::daily_message_limit.eq(daily_message_limit),
                users::bio.eq(text(bio)),
                users::pfp_filename.eq(some_text(picture)),
                users::seen_recovery_codes.eq(seen_recovery_codes),
                users::created_at.eq(time(created_at)),
                users::updated_at.eq(time(updated_at)),
            ))
            .execute(conn)
            .or_taken("user", username)?;
    }
    Ok(())
}

/// Imports API keys. An existing key is not changed.
pub(super) fn api_keys(conn: &mut AnyConnection, rows: Vec<ImportedApiKey>) -> Result<(), TxError> {
    for ImportedApiKey { id, key } in rows {
        let row = NewRow::from(key);
        let same = api_keys::table.filter(api_keys::digest.eq(row.digest.clone()));
        if same.count().get_result::<i64>(conn)? > 0 {
            continue;
        }
        let id_exists = api_keys::table.find(id.0).count().get_result::<i64>(conn)? > 0;
        let prefix = row.prefix.clone();
        let insert = diesel::insert_into(api_keys::table);
        let done = match id_exists {
            true => insert.values(row).execute(conn),
            false => insert.values((api_keys::id.eq(id.0), row)).execute(conn),
        };
        done.or_taken("API key", prefix)?;
    }
    Ok(())
}

pub(super) fn members(conn: &mut AnyConnection, rows: Vec<ImportedMember>) -> Result<(), TxError> {
    for ImportedMember { user, workspace, created_at, updated_at } in rows {
        diesel::insert_into(workspace_users::table)
            .values((
                workspace_users::user_id.eq(user.0),
                workspace_users::workspace_id.eq(workspace.0),
                workspace_users::created_at.eq(time(created_at)),
                workspace_users::updated_at.eq(time(updated_at)),
            ))
            .execute(conn)
            .or_taken("member", user)?;
    }
    Ok(())
}

pub(super) fn invites(conn: &mut AnyConnection, rows: Vec<Invite>) -> Result<(), TxError> {
    for invite in rows {
        let Invite {
            id,
            code,
            status,
            claimed_by,
            claimed_by_name: _,
            workspaces,
            created_by,
            expires_at,
            created_at,
            updated_at,
        } = invite;
        diesel::insert_into(invites::table)
            .values((
                invites::id.eq(id.0),
                invites::code.eq(text(code)),
                invites::status.eq(status.as_str()),
                invites::claimed_by.eq(claimed_by.map(|user| user.0)),
                invites::workspaces.eq(joined(workspaces.into_iter().map(|of| of.0))),
                invites::created_by.eq(created_by.map(|user| user.0)),
                invites::expires_at.eq(some_time(expires_at)),
                invites::created_at.eq(time(created_at)),
                invites::updated_at.eq(time(updated_at)),
            ))
            .execute(conn)
            .or_taken("invite", id)?;
    }
    Ok(())
}

pub(super) fn events(conn: &mut AnyConnection, rows: Vec<ImportedEvent>) -> Result<(), TxError> {
    rows.into_iter().try_for_each(|event| audit::record_imported(conn, event))
}

pub(super) fn extension_keys(
    conn: &mut AnyConnection,
    rows: Vec<NewExtensionKey>,
) -> Result<(), TxError> {
    rows.into_iter().try_for_each(|key| extension_keys::insert(conn, key).map(drop))
}
