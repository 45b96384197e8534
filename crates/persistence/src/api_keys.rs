//! API keys. Only digests of them are kept.
use std::collections::BTreeMap;

use async_trait::async_trait;
use carrel_domain::api_key::{ApiKey, ApiKeys, KeyDigest, NewApiKey, Origin, Scope};
use carrel_domain::{ApiKeyId, Error, Result, UserId};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::Database;
use crate::abort::{Abort, OrRefused};
use crate::connection::{AnyConnection, columns, on_each_backend};
use crate::convert::{some_text, some_time, text, time, unreadable, utc};
use crate::schema::api_keys;

#[derive(Queryable, Selectable)]
#[diesel(table_name = api_keys)]
struct Row {
    id: i32,
    name: Option<String>,
    prefix: String,
    origin: String,
    scopes: String,
    created_by: Option<i32>,
    expires_at: Option<NaiveDateTime>,
    revoked_at: Option<NaiveDateTime>,
    last_used_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
}

#[derive(Insertable)]
#[diesel(table_name = api_keys, treat_none_as_default_value = false)]
struct NewRow {
    name: Option<String>,
    digest: Vec<u8>,
    prefix: String,
    origin: &'static str,
    scopes: String,
    created_by: Option<i32>,
    expires_at: Option<NaiveDateTime>,
    created_at: NaiveDateTime,
}

/// What becomes of a key that is known already when it is given in the environment.
#[derive(AsChangeset)]
#[diesel(table_name = api_keys, treat_none_as_null = true)]
struct TakenOver {
    name: Option<String>,
    origin: &'static str,
    scopes: String,
    expires_at: Option<NaiveDateTime>,
    revoked_at: Option<NaiveDateTime>,
}

const CREATED: &str = "created";
const ENVIRONMENT: &str = "environment";

fn origin_text(origin: Origin) -> &'static str {
    match origin {
        Origin::Created => CREATED,
        Origin::Environment => ENVIRONMENT,
    }
}

/// A scope that is not known makes the key unreadable: to drop it could leave none, which means
/// everything.
fn parse_scopes(text: &str) -> Result<Vec<Scope>> {
    let scopes = text.split(',').filter(|scope| !scope.is_empty());
    scopes.map(|scope| Scope::parse(scope).ok_or_else(|| unreadable("scope of a key"))).collect()
}

impl TryFrom<Row> for ApiKey {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        Ok(Self {
            id: ApiKeyId(row.id),
            name: row.name,
            prefix: row.prefix,
            origin: match row.origin.as_str() {
                CREATED => Origin::Created,
                ENVIRONMENT => Origin::Environment,
                _ => return Err(unreadable("origin of a key")),
            },
            scopes: parse_scopes(&row.scopes)?,
            created_by: row.created_by.map(UserId),
            expires_at: utc(row.expires_at),
            revoked_at: utc(row.revoked_at),
            last_used_at: utc(row.last_used_at),
            created_at: row.created_at.and_utc(),
        })
    }
}

impl From<NewApiKey> for NewRow {
    fn from(new: NewApiKey) -> Self {
        let NewApiKey { name, digest, prefix, origin, scopes, created_by, expires_at, created_at } =
            new;
        Self {
            name: some_text(name),
            digest: digest.0.to_vec(),
            prefix: text(prefix),
            origin: origin_text(origin),
            scopes: scopes.into_iter().map(Scope::as_str).collect::<Vec<_>>().join(","),
            created_by: created_by.map(|user| user.0),
            expires_at: some_time(expires_at),
            created_at: time(created_at),
        }
    }
}

#[async_trait]
impl ApiKeys for Database {
    async fn create(&self, new: NewApiKey) -> Result<ApiKey> {
        self.write(move |conn| {
            let row = NewRow::from(new);
            let prefix = row.prefix.clone();
            let row: Row = diesel::insert_into(api_keys::table)
                .values(row)
                .returning(columns::<Row>())
                .get_result(conn)
                .or_taken("API key", prefix)?;
            Ok(row.try_into()?)
        })
        .await
    }

    async fn by_digest(&self, digest: KeyDigest) -> Result<Option<ApiKey>> {
        self.read(move |conn| {
            let row: Option<Row> = api_keys::table
                .filter(api_keys::digest.eq(digest.0.to_vec()))
                .select(Row::as_select())
                .first(conn)
                .optional()?;
            Ok(row.map(ApiKey::try_from).transpose()?)
        })
        .await
    }

    async fn list(&self) -> Result<Vec<ApiKey>> {
        self.read(|conn| {
            let rows: Vec<Row> =
                api_keys::table.select(Row::as_select()).order(api_keys::id).load(conn)?;
            Ok(rows.into_iter().map(ApiKey::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn revoke(&self, id: ApiKeyId, now: DateTime<Utc>) -> Result<bool> {
        self.write(move |conn| {
            let revoked = diesel::update(api_keys::table.find(id.0))
                .filter(api_keys::revoked_at.is_null())
                .set(api_keys::revoked_at.eq(Some(time(now))))
                .execute(conn)?;
            Ok(revoked > 0)
        })
        .await
    }

    async fn set_environment_key(&self, new: Option<NewApiKey>, now: DateTime<Utc>) -> Result<()> {
        self.write(move |conn| {
            let kept = new.map(|new| take_over(conn, new)).transpose()?;
            // No key has the id 0.
            diesel::update(api_keys::table)
                .filter(api_keys::origin.eq(ENVIRONMENT))
                .filter(api_keys::revoked_at.is_null())
                .filter(api_keys::id.ne(kept.unwrap_or(0)))
                .set(api_keys::revoked_at.eq(Some(time(now))))
                .execute(conn)?;
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
            // By id, so that two servers doing this at once cannot wait for each other.
            for (id, used) in latest {
                let used = time(used);
                let earlier = api_keys::last_used_at.is_null().or(api_keys::last_used_at.lt(used));
                diesel::update(api_keys::table.find(id.0))
                    .filter(earlier)
                    .set(api_keys::last_used_at.eq(Some(used)))
                    .execute(conn)?;
            }
            Ok(())
        })
        .await
    }
}

/// Makes the key valid whatever was known of it; returns its id.
fn take_over(conn: &mut AnyConnection, new: NewApiKey) -> Result<i32, Abort> {
    let row = NewRow { origin: ENVIRONMENT, ..NewRow::from(new) };
    let changes = TakenOver {
        name: row.name.clone(),
        origin: row.origin,
        scopes: row.scopes.clone(),
        expires_at: row.expires_at,
        revoked_at: None,
    };
    let id = on_each_backend!(conn => diesel::insert_into(api_keys::table)
        .values(row)
        .on_conflict(api_keys::digest)
        .do_update()
        .set(changes)
        .returning(api_keys::id)
        .get_result(conn))?;
    Ok(id)
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
