//! People, and the switch from one user to many.
use async_trait::async_trait;
use carrel_domain::settings::names;
use carrel_domain::user::{NewUser, PasswordHash, Role, User, Users};
use carrel_domain::{Error, Result, UserId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::abort::{Abort, OrRefused};
use crate::connection::{AnyConnection, columns, on_each_backend};
use crate::convert::{text, time, unreadable};
use crate::schema::{settings, users};

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
struct Row {
    id: i32,
    username: String,
    role: String,
    suspended: bool,
    created_at: NaiveDateTime,
    updated_at: NaiveDateTime,
}

impl TryFrom<Row> for User {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: UserId(row.id),
            username: row.username,
            role: Role::parse(&row.role).ok_or_else(|| unreadable("role"))?,
            suspended: row.suspended,
            created_at: row.created_at.and_utc(),
            updated_at: row.updated_at.and_utc(),
        })
    }
}

const ON: &str = "true";
const OFF: &str = "false";

fn insert(conn: &mut AnyConnection, new: NewUser) -> Result<User, Abort> {
    let NewUser { username, password: PasswordHash(hash), role, created_at } = new;
    let now = time(created_at);
    let row: Row = diesel::insert_into(users::table)
        .values((
            users::username.eq(username.as_str().to_owned()),
            users::password_hash.eq(text(hash)),
            users::role.eq(role.as_str()),
            users::created_at.eq(now),
            users::updated_at.eq(now),
        ))
        .returning(columns::<Row>())
        .get_result(conn)
        .or_taken("user", username.as_str())?;
    Ok(row.try_into()?)
}

/// Says whether this transaction is the one that switched multi-user mode on.
fn switch_on(conn: &mut AnyConnection) -> QueryResult<bool> {
    // The row must be there before it is updated: who waits for another's insert then sees what
    // the other made of it.
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
impl Users for Database {
    async fn create(&self, new: NewUser) -> Result<User> {
        self.write(move |conn| insert(conn, new)).await
    }

    async fn enable_multi_user(&self, admin: NewUser) -> Result<User> {
        self.write(move |conn| {
            if !switch_on(conn)? {
                let (kind, key) = ("multi-user mode", ON.to_owned());
                return Err(Error::AlreadyExists { kind, key }.into());
            }
            insert(conn, NewUser { role: Role::Admin, ..admin })
        })
        .await
    }

    async fn is_multi_user(&self) -> Result<bool> {
        self.read(|conn| {
            let value: Option<String> = settings::table
                .find(names::MULTI_USER_MODE)
                .select(settings::value)
                .first(conn)
                .optional()?;
            Ok(value.as_deref() == Some(ON))
        })
        .await
    }
}
