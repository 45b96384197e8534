//! Turns multi-user mode on.
use async_trait::async_trait;
use carrel_domain::audit::{Actor, Event};
use carrel_domain::settings::names;
use carrel_domain::user::{MultiUser, NewUser, Role, User};
use carrel_domain::{Error, Result};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::time;
use crate::database::schema::{owner_sessions, settings, setup_links};
use crate::people::api_keys;
use crate::people::authority;
use crate::people::extension_keys;
use crate::people::users;
use crate::prompts::memories;

const ON: &str = "true";
const OFF: &str = "false";

/// Returns whether this transaction turned multi-user mode on.
fn switch_on(conn: &mut AnyConnection) -> QueryResult<bool> {
    // Inserting the row first serializes concurrent transactions: one that waits for another's
    // insert sees the updated value afterwards.
    let off = (settings::key.eq(names::MULTI_USER_MODE), settings::value.eq(OFF));
    on_each_backend!(conn => diesel::insert_into(settings::table)
        .values(off)
        .on_conflict_do_nothing()
        .execute(conn))?;
    let switched = diesel::update(settings::table.find(names::MULTI_USER_MODE))
        .filter(settings::value.ne(ON))
        .set(settings::value.eq(ON))
        .execute(conn)?;
    Ok(switched > 0)
}

#[async_trait]
impl MultiUser for Database {
    async fn is_on(&self) -> Result<bool> {
        self.read_inline(|conn| {
            let value: Option<String> = settings::table
                .find(names::MULTI_USER_MODE)
                .select(settings::value)
                .first(conn)
                .optional()?;
            Ok(value.as_deref() == Some(ON))
        })
        .await
    }

    async fn enable(&self, admin: NewUser, event: Event) -> Result<User> {
        self.write(move |conn| {
            if !switch_on(conn)? {
                let (kind, key) = ("multi-user mode is already on", String::new());
                return Err(Error::AlreadyExists { kind, key }.into());
            }
            authority::confirm(conn, &event.by)?;
            // The owner signs in as a user from now on.
            diesel::delete(owner_sessions::table).execute(conn)?;
            diesel::delete(setup_links::table).execute(conn)?;
            let admin = users::insert(conn, NewUser { role: Role::Admin, ..admin })?;
            match event.by.actor {
                // The setup link replaces the owner, and its holder may be another person.
                Actor::Stranger => {
                    memories::remove_owners(conn)?;
                    extension_keys::remove_owners(conn)?;
                    api_keys::revoke_owners(conn, time(event.by.at))?;
                }
                _ => {
                    memories::hand_over_owners(conn, admin.id)?;
                    extension_keys::hand_over_owners(conn, admin.id)?;
                    api_keys::hand_over_owners(conn, admin.id)?;
                }
            }
            audit::record(conn, event)?;
            Ok(admin)
        })
        .await
    }
}
