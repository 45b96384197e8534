//! API keys. Only their digests are stored.
use std::collections::BTreeMap;

use async_trait::async_trait;
use carrel_domain::api_key::{ApiKey, ApiKeys, KeyDigest, KeyOrigin, NewApiKey, Scope};
use carrel_domain::audit::Event;
use carrel_domain::{ApiKeyId, Result, UserId, WorkspaceId};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::Database;
use crate::audit;
use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::{ids, joined, some_text, some_time, text, time, unreadable, utc};
use crate::database::schema::{api_keys, users};
use crate::database::tx_error::{OrRefused, TxError};
use crate::people::authority;
use crate::people::members;

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
struct Row {
    id: i32,
    name: Option<String>,
    prefix: String,
    origin: String,
    scopes: String,
    workspaces: String,
    rate_limit: Option<i32>,
    created_by: Option<i32>,
    expires_at: Option<NaiveDateTime>,
    revoked_at: Option<NaiveDateTime>,
    last_used_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false)]
pub(crate) struct NewRow {
    name: Option<String>,
    pub(crate) digest: Vec<u8>,
    pub(crate) prefix: String,
    origin: &'static str,
    scopes: String,
    workspaces: String,
    rate_limit: Option<i32>,
    created_by: Option<i32>,
    by_owner: bool,
    expires_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
}

/// The columns that are set when an existing key is given in the environment.
#[derive(AsChangeset, Queryable, Selectable, PartialEq)]
#[diesel(table_name = api_keys, treat_none_as_null = true)]
struct TakenOver {
    name: Option<String>,
    origin: String,
    scopes: String,
    workspaces: String,
    rate_limit: Option<i32>,
    expires_at: Option<NaiveDateTime>,
    revoked_at: Option<NaiveDateTime>,
}

const ENVIRONMENT: &str = KeyOrigin::Environment.as_str();

/// Parses the scopes of a key. An unknown scope makes the key unusable, because dropping it could
/// leave an empty list, which means full access.
fn parse_scopes(text: &str) -> Result<Vec<Scope>> {
    let scopes = text.split(',').filter(|scope| !scope.is_empty());
    scopes.map(|scope| Scope::parse(scope).ok_or_else(|| unreadable("scope of a key"))).collect()
}

impl Row {
    fn of(self, creator_is_suspended: Option<bool>) -> Result<ApiKey> {
        Ok(ApiKey {
            id: ApiKeyId(self.id),
            name: self.name,
            prefix: self.prefix,
            origin: KeyOrigin::parse(&self.origin).ok_or_else(|| unreadable("origin of a key"))?,
            scopes: parse_scopes(&self.scopes)?,
            workspaces: ids(&self.workspaces)?.into_iter().map(WorkspaceId).collect(),
            rate_limit: self.rate_limit.map(|limit| u32::try_from(limit).unwrap_or(0)),
            created_by: self.created_by.map(UserId),
            is_suspended: creator_is_suspended.unwrap_or(false),
            expires_at: utc(self.expires_at),
            revoked_at: utc(self.revoked_at),
            last_used_at: utc(self.last_used_at),
            created_at: self.created_at.and_utc(),
        })
    }
}

impl From<NewApiKey> for NewRow {
    fn from(new: NewApiKey) -> Self {
        let NewApiKey {
            name,
            digest,
            prefix,
            origin,
            scopes,
            workspaces,
            rate_limit,
            created_by,
            expires_at,
            created_at,
        } = new;
        Self {
            name: some_text(name),
            digest: digest.0.to_vec(),
            prefix: text(prefix),
            origin: origin.as_str(),
            scopes: scopes.into_iter().map(Scope::as_str).collect::<Vec<_>>().join(","),
            workspaces: joined(workspaces.into_iter().map(|workspace| workspace.0)),
            rate_limit: rate_limit.map(|limit| i32::try_from(limit).unwrap_or(i32::MAX)),
            created_by: created_by.map(|user| user.0),
            by_owner: false,
            expires_at: some_time(expires_at),
            created_at: time(created_at),
        }
    }
}

#[async_trait]
impl ApiKeys for Database {
    async fn create(&self, new: NewApiKey, event: Event) -> Result<ApiKey> {
        self.write(move |conn| {
            authority::confirm(conn, &event.by)?;
            members::need_workspaces(conn, &new.workspaces)?;
            let by_owner = authority::is_of_owner(conn, &event.by)?;
            let row = NewRow { by_owner, ..NewRow::from(new) };
            let (prefix, creator) = (row.prefix.clone(), row.created_by.unwrap_or(0));
            let id: i32 = diesel::insert_into(api_keys::table)
                .values(row)
                .returning(api_keys::id)
                .get_result(conn)
                .or_taken("API key", prefix)
                .or_not_found("user", creator)?;
            let (row, suspended): (Row, Option<bool>) = api_keys::table
                .left_join(users::table)
                .filter(api_keys::id.eq(id))
                .select((Row::as_select(), users::suspended.nullable()))
                .first(conn)?;
            audit::record(conn, event)?;
            Ok(row.of(suspended)?)
        })
        .await
    }

    async fn by_digest(&self, digest: KeyDigest) -> Result<Option<ApiKey>> {
        self.read_inline(move |conn| {
            let found: Option<(Row, Option<bool>)> = api_keys::table
                .left_join(users::table)
                .filter(api_keys::digest.eq(digest.0.to_vec()))
                .select((Row::as_select(), users::suspended.nullable()))
                .first(conn)
                .optional()?;
            Ok(found.map(|(row, suspended)| row.of(suspended)).transpose()?)
        })
        .await
    }

    async fn list(&self) -> Result<Vec<ApiKey>> {
        self.read(|conn| {
            let rows: Vec<(Row, Option<bool>)> = api_keys::table
                .left_join(users::table)
                .order(api_keys::id)
                .select((Row::as_select(), users::suspended.nullable()))
                .load(conn)?;
            Ok(rows.into_iter().map(|(row, suspended)| row.of(suspended)).collect::<Result<_>>()?)
        })
        .await
    }

    async fn revoke(&self, id: ApiKeyId, event: Event) -> Result<bool> {
        self.write(move |conn| {
            let revoked = diesel::update(api_keys::table.find(id.0))
                .filter(api_keys::revoked_at.is_null())
                .set(api_keys::revoked_at.eq(Some(time(event.by.at))))
                .execute(conn)?;
            if revoked > 0 {
                audit::record(conn, event)?;
            }
            Ok(revoked > 0)
        })
        .await
    }

    async fn set_environment_key(&self, new: Option<NewApiKey>, event: Event) -> Result<()> {
        self.write(move |conn| {
            let digest = new.as_ref().map(|new| new.digest.0.to_vec()).unwrap_or_default();
            lock_in_order(conn, api_keys::origin.eq(ENVIRONMENT).or(api_keys::digest.eq(digest)))?;
            let valid_id = new.map(|new| make_valid(conn, new)).transpose()?;
            // No key has the id 0, so this revokes all keys of the environment.
            let (valid_id, is_news) = valid_id.unwrap_or((0, false));
            let revoked = diesel::update(api_keys::table)
                .filter(api_keys::origin.eq(ENVIRONMENT))
                .filter(api_keys::revoked_at.is_null())
                .filter(api_keys::id.ne(valid_id))
                .set(api_keys::revoked_at.eq(Some(time(event.by.at))))
                .execute(conn)?;
            if is_news || revoked > 0 {
                audit::record(conn, event)?;
            }
            Ok(())
        })
        .await
    }

    async fn used(&self, times: Vec<(ApiKeyId, DateTime<Utc>)>) -> Result<()> {
        let mut latest = BTreeMap::new();
        for (id, used) in times {
            let known = latest.entry(id).or_insert(used);
            *known = used.max(*known);
        }
        self.write(move |conn| {
            // Rows are updated by id, so that two servers cannot deadlock.
            for (id, used) in latest {
                let used = time(used);
                let is_older = api_keys::last_used_at.is_null().or(api_keys::last_used_at.lt(used));
                diesel::update(api_keys::table.find(id.0))
                    .filter(is_older)
                    .set(api_keys::last_used_at.eq(Some(used)))
                    .execute(conn)?;
            }
            Ok(())
        })
        .await
    }
}

/// Locks keys against changes until the transaction ends. Locks are acquired by id, so that
/// transactions that change several keys cannot deadlock.
fn lock_in_order<E>(conn: &mut AnyConnection, which: E) -> QueryResult<()>
where
    E: BoxableExpression<api_keys::table, Pg, SqlType = Bool> + 'static,
{
    let AnyConnection::Postgres(conn) = conn else { return Ok(()) };
    let which: Box<dyn BoxableExpression<api_keys::table, Pg, SqlType = Bool>> = Box::new(which);
    let keys = api_keys::table.filter(which).order(api_keys::id).select(api_keys::id);
    keys.for_update().load::<i32>(conn).map(drop)
}

/// Revokes the keys created by a user.
pub(crate) fn revoke_all_of(
    conn: &mut AnyConnection,
    user: UserId,
    now: NaiveDateTime,
) -> QueryResult<()> {
    lock_in_order(conn, api_keys::created_by.eq(user.0).assume_not_null())?;
    diesel::update(api_keys::table)
        .filter(api_keys::created_by.eq(user.0))
        .filter(api_keys::revoked_at.is_null())
        .set(api_keys::revoked_at.eq(Some(now)))
        .execute(conn)
        .map(drop)
}

/// Assigns the owner's keys to `user`. They are revoked with the user's other keys.
pub(crate) fn hand_over_owners(conn: &mut AnyConnection, user: UserId) -> QueryResult<()> {
    lock_in_order(conn, api_keys::by_owner.eq(true))?;
    diesel::update(api_keys::table.filter(api_keys::by_owner.eq(true)))
        .set((api_keys::created_by.eq(Some(user.0)), api_keys::by_owner.eq(false)))
        .execute(conn)
        .map(drop)
}

/// Revokes the owner's keys.
pub(crate) fn revoke_owners(conn: &mut AnyConnection, now: NaiveDateTime) -> QueryResult<()> {
    lock_in_order(conn, api_keys::by_owner.eq(true))?;
    diesel::update(api_keys::table.filter(api_keys::by_owner.eq(true)))
        .filter(api_keys::revoked_at.is_null())
        .set(api_keys::revoked_at.eq(Some(now)))
        .execute(conn)
        .map(drop)
}

/// Inserts the key, or makes an existing one valid. Returns its id and whether anything changed.
fn make_valid(conn: &mut AnyConnection, new: NewApiKey) -> Result<(i32, bool), TxError> {
    let row = NewRow { origin: ENVIRONMENT, ..NewRow::from(new) };
    let expected = TakenOver {
        name: row.name.clone(),
        origin: row.origin.to_owned(),
        scopes: row.scopes.clone(),
        workspaces: row.workspaces.clone(),
        rate_limit: row.rate_limit,
        expires_at: row.expires_at,
        revoked_at: None,
    };
    let known: Option<(i32, TakenOver)> = api_keys::table
        .filter(api_keys::digest.eq(row.digest.clone()))
        .select((api_keys::id, TakenOver::as_select()))
        .first(conn)
        .optional()?;
    if let Some((id, is)) = known
        && is == expected
    {
        return Ok((id, false));
    }
    let id = on_each_backend!(conn => diesel::insert_into(api_keys::table)
        .values(row)
        .on_conflict(api_keys::digest)
        .do_update()
        .set(expected)
        .returning(api_keys::id)
        .get_result(conn))?;
    Ok((id, true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_with_an_unknown_scope_grants_nothing() {
        assert_eq!(parse_scopes("").unwrap(), []);
        assert_eq!(parse_scopes("read,chat").unwrap(), [Scope::Read, Scope::Chat]);
        assert!(parse_scopes("everything").is_err());
    }
}
