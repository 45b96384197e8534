//! Keys of browser extensions. Only their digests are stored.
use async_trait::async_trait;
use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::Event;
use carrel_domain::extension_key::{ExtensionKey, ExtensionKeys, NewExtensionKey};
use carrel_domain::user::User;
use carrel_domain::{ExtensionKeyId, Result, UserId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::{AnyConnection, columns};
use crate::database::convert::{text, time};
use crate::database::schema::{extension_keys, users};
use crate::database::tx_error::{OrRefused, TxError};
use crate::people::users::Row as UserRow;

#[derive(Queryable, Selectable)]
#[diesel(table_name = extension_keys)]
struct Row {
    id: i32,
    prefix: String,
    user_id: Option<i32>,
    created_at: NaiveDateTime,
}

impl From<Row> for ExtensionKey {
    fn from(row: Row) -> Self {
        let Row { id, prefix, user_id, created_at } = row;
        Self {
            id: ExtensionKeyId(id),
            prefix,
            user: user_id.map(UserId),
            created_at: created_at.and_utc(),
        }
    }
}

pub(crate) fn insert(
    conn: &mut AnyConnection,
    new: NewExtensionKey,
) -> Result<ExtensionKey, TxError> {
    let NewExtensionKey { digest, prefix, user, created_at } = new;
    let row: QueryResult<Row> = diesel::insert_into(extension_keys::table)
        .values((
            extension_keys::digest.eq(digest.0.to_vec()),
            extension_keys::prefix.eq(text(prefix)),
            extension_keys::user_id.eq(user.map(|user| user.0)),
            extension_keys::created_at.eq(time(created_at)),
        ))
        .returning(columns::<Row>())
        .get_result(conn);
    let row = row.or_taken("extension key", "this one");
    Ok(row.or_not_found("user", user.map_or(0, |user| user.0))?.into())
}

/// Assigns the owner's keys to a user.
pub(crate) fn hand_over_owners(conn: &mut AnyConnection, user: UserId) -> QueryResult<()> {
    diesel::update(extension_keys::table.filter(extension_keys::user_id.is_null()))
        .set(extension_keys::user_id.eq(Some(user.0)))
        .execute(conn)
        .map(drop)
}

/// Deletes the owner's keys.
pub(crate) fn remove_owners(conn: &mut AnyConnection) -> QueryResult<()> {
    diesel::delete(extension_keys::table.filter(extension_keys::user_id.is_null()))
        .execute(conn)
        .map(drop)
}

#[async_trait]
impl ExtensionKeys for Database {
    async fn list(&self) -> Result<Vec<ExtensionKey>> {
        self.read(|conn| {
            let rows: Vec<Row> = extension_keys::table
                .order(extension_keys::id.desc())
                .select(Row::as_select())
                .load(conn)?;
            Ok(rows.into_iter().map(ExtensionKey::from).collect())
        })
        .await
    }

    async fn create(&self, new: NewExtensionKey, event: Event) -> Result<ExtensionKey> {
        self.write(move |conn| {
            let key = insert(conn, new)?;
            audit::record(conn, event)?;
            Ok(key)
        })
        .await
    }

    async fn by_digest(&self, digest: KeyDigest) -> Result<Option<(ExtensionKey, Option<User>)>> {
        self.read_inline(move |conn| {
            let key = extension_keys::table.filter(extension_keys::digest.eq(digest.0.to_vec()));
            let key: Option<Row> = key.select(Row::as_select()).first(conn).optional()?;
            let Some(key) = key.map(ExtensionKey::from) else { return Ok(None) };
            let Some(user) = key.user else { return Ok(Some((key, None))) };
            let user = users::table.find(user.0).select(UserRow::as_select());
            // `None` if the user was deleted in the meantime, which deletes the key too.
            let user: Option<UserRow> = user.first(conn).optional()?;
            Ok(user.map(|user| (key, Some(user.into()))))
        })
        .await
    }

    async fn delete(&self, id: ExtensionKeyId, event: Event) -> Result<bool> {
        self.write(move |conn| {
            if diesel::delete(extension_keys::table.find(id.0)).execute(conn)? == 0 {
                return Ok(false);
            }
            audit::record(conn, event)?;
            Ok(true)
        })
        .await
    }
}
