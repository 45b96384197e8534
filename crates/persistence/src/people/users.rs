//! Users.
use async_trait::async_trait;
use carrel_domain::audit::{Actor, Event};
use carrel_domain::user::{
    LAST_ADMIN, ListedUser, NewUser, PasswordHash, Role, User, UserPatch, Users,
};
use carrel_domain::{Error, Result, UserId};
use chrono::NaiveDateTime;
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::prelude::*;
use diesel::sql_types::Text;

use crate::Database;
use crate::audit;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::{AnyBackend, AnyConnection, columns, on_each_backend};
use crate::database::convert::{some_text, text, time, unreadable};
use crate::database::schema::users;
use crate::database::timestamp::StoredTimestamp;
use crate::database::tx_error::{OrRefused, TxError};
use crate::documents::list_rows::LendsText;
use crate::people::authority;

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct Row {
    #[diesel(embed)]
    listed: ListedRow,
    daily_message_limit: Option<i32>,
    bio: String,
    pfp_filename: Option<String>,
    seen_recovery_codes: bool,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = users)]
pub(crate) struct ListedRow {
    id: i32,
    username: String,
    #[diesel(deserialize_as = StoredRole)]
    role: Role,
    suspended: bool,
    #[diesel(deserialize_as = StoredTimestamp)]
    created_at: NaiveDateTime,
    #[diesel(deserialize_as = StoredTimestamp)]
    updated_at: NaiveDateTime,
}

impl From<ListedRow> for ListedUser {
    fn from(row: ListedRow) -> Self {
        Self {
            id: UserId(row.id),
            username: row.username,
            role: row.role,
            suspended: row.suspended,
            created_at: row.created_at.and_utc(),
            updated_at: row.updated_at.and_utc(),
        }
    }
}

/// A role parsed directly from the column, without a copy of its text.
#[derive(FromSqlRow)]
pub(crate) struct StoredRole(Role);

impl From<StoredRole> for Role {
    fn from(StoredRole(role): StoredRole) -> Self {
        role
    }
}

impl<DB: LendsText> FromSql<Text, DB> for StoredRole {
    fn from_sql(mut value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self(parse_role(DB::text(&mut value)?)?))
    }
}

impl FromSql<Text, AnyBackend> for StoredRole {
    fn from_sql(value: <AnyBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, Text>()
    }
}

pub(crate) fn parse_role(text: &str) -> Result<Role> {
    Role::parse(text).ok_or_else(|| unreadable("role"))
}

impl From<Row> for User {
    fn from(row: Row) -> Self {
        let ListedUser { id, username, role, suspended, created_at, updated_at } =
            row.listed.into();
        Self {
            id,
            username,
            role,
            suspended,
            daily_message_limit: row.daily_message_limit,
            bio: row.bio,
            picture: row.pfp_filename,
            seen_recovery_codes: row.seen_recovery_codes,
            created_at,
            updated_at,
        }
    }
}

/// Columns that are `None` do not change.
#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct Changes {
    username: Option<String>,
    password_hash: Option<String>,
    role: Option<&'static str>,
    suspended: Option<bool>,
    daily_message_limit: Option<Option<i32>>,
    bio: Option<String>,
    pfp_filename: Option<Option<String>>,
    updated_at: NaiveDateTime,
}

impl Changes {
    fn of(patch: UserPatch, now: NaiveDateTime) -> Self {
        let UserPatch { username, password, role, suspended, daily_message_limit, bio, picture } =
            patch;
        Self {
            username: username.map(|name| text(name.as_str())),
            password_hash: password.map(|PasswordHash(hash)| text(hash)),
            role: role.map(Role::as_str),
            suspended,
            daily_message_limit,
            bio: some_text(bio),
            pfp_filename: picture.map(some_text),
            updated_at: now,
        }
    }
}

pub(crate) fn insert(conn: &mut AnyConnection, new: NewUser) -> Result<User, TxError> {
    let NewUser {
        username,
        password: PasswordHash(hash),
        role,
        daily_message_limit,
        bio,
        created_at,
    } = new;
    let now = time(created_at);
    let row: Row = diesel::insert_into(users::table)
        .values((
            users::username.eq(username.as_str().to_owned()),
            users::password_hash.eq(text(hash)),
            users::role.eq(role.as_str()),
            users::daily_message_limit.eq(daily_message_limit),
            users::bio.eq(text(bio)),
            users::created_at.eq(now),
            users::updated_at.eq(now),
        ))
        .returning(columns::<Row>())
        .get_result(conn)
        .or_taken("user", username.as_str())?;
    Ok(row.into())
}

/// Returns the user and locks it against changes until the transaction ends.
pub(crate) fn lock(conn: &mut AnyConnection, id: UserId) -> Result<User, TxError> {
    let row = users::table.find(id.0).select(Row::as_select());
    let row: Option<Row> = match conn {
        AnyConnection::Postgres(conn) => {
            users::table.find(id.0).select(Row::as_select()).for_update().first(conn).optional()?
        }
        AnyConnection::Sqlite(_) => row.first(conn).optional()?,
    };
    Ok(row.ok_or_else(|| Error::not_found("user", id))?.into())
}

fn governs(user: &User) -> bool {
    user.role == Role::Admin && !user.suspended
}

/// Fails if no other admin can sign in. The caller's lock keeps other transactions from changing
/// users.
fn require_another_admin(conn: &mut AnyConnection, besides: UserId) -> Result<(), TxError> {
    let another: Option<i32> = users::table
        .filter(users::role.eq(Role::Admin.as_str()))
        .filter(users::suspended.eq(false))
        .filter(users::id.ne(besides.0))
        .select(users::id)
        .first(conn)
        .optional()?;
    match another {
        Some(_) => Ok(()),
        None => Err(Error::invalid("user", LAST_ADMIN).into()),
    }
}

#[async_trait]
impl Users for Database {
    async fn create(&self, new: NewUser, event: Event) -> Result<User> {
        self.write(move |conn| {
            authority::confirm(conn, &event.by)?;
            let user = insert(conn, new)?;
            audit::record(conn, event)?;
            Ok(user)
        })
        .await
    }

    async fn list(&self) -> Result<Vec<ListedUser>> {
        // Reads through the connection of the concrete database: each value takes several times as
        // long through a `MultiConnection`.
        let load = |limit: i64| {
            move |conn: &mut AnyConnection| {
                let rows: Vec<ListedRow> = on_each_backend!(conn => users::table
                    .select(ListedRow::as_select())
                    .order(users::id)
                    .limit(limit)
                    .load(conn))?;
                Ok(rows.into_iter().map(Into::into).collect::<Vec<_>>())
            }
        };
        self.read_inline_if_short(load).await
    }

    async fn list_with_profiles(&self) -> Result<Vec<User>> {
        let load = |limit: i64| {
            move |conn: &mut AnyConnection| {
                let rows: Vec<Row> = on_each_backend!(conn => users::table
                    .select(Row::as_select())
                    .order(users::id)
                    .limit(limit)
                    .load(conn))?;
                Ok(rows.into_iter().map(Into::into).collect::<Vec<_>>())
            }
        };
        self.read_inline_if_short(load).await
    }

    async fn by_id(&self, id: UserId) -> Result<Option<User>> {
        self.read_inline(move |conn| {
            let row: Option<Row> =
                users::table.find(id.0).select(Row::as_select()).first(conn).optional()?;
            Ok(row.map(User::from))
        })
        .await
    }

    async fn update(&self, id: UserId, patch: UserPatch, event: Event) -> Result<User> {
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let before = lock(conn, id)?;
            let is_own = event.by.actor == Actor::User(id)
                && patch.role.is_none()
                && patch.suspended.is_none()
                && patch.daily_message_limit.is_none();
            if !is_own {
                authority::confirm(conn, &event.by)?;
            }
            let now = time(event.by.at);
            let (has_new_password, name) = (patch.password.is_some(), patch.username.clone());
            let changes = Changes::of(patch, now);
            let row: Row = diesel::update(users::table.find(id.0))
                .set(changes)
                .returning(columns::<Row>())
                .get_result(conn)
                .or_taken("user", name.as_ref().map_or("", |name| name.as_str()))?;
            let after = User::from(row);
            if governs(&before) && !governs(&after) {
                require_another_admin(conn, id)?;
            }
            if has_new_password || after.role != before.role || after.suspended {
                authority::sign_out(conn, id)?;
            }
            if after.role < before.role {
                authority::revoke_grants(conn, id, now)?;
            } else if after.suspended && !before.suspended {
                authority::withdraw(conn, id, now)?;
            }
            audit::record(conn, event)?;
            Ok(after)
        })
        .await
    }

    async fn delete(&self, id: UserId, event: Event) -> Result<User> {
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let user = lock(conn, id)?;
            if governs(&user) {
                require_another_admin(conn, id)?;
            }
            authority::confirm(conn, &event.by)?;
            authority::revoke_grants(conn, id, time(event.by.at))?;
            diesel::delete(users::table.find(id.0)).execute(conn)?;
            audit::record(conn, event)?;
            Ok(user)
        })
        .await
    }
}
