//! Sessions of users. Only digests of their tokens are stored.
use async_trait::async_trait;
use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::Event;
use carrel_domain::user::{NewSession, OpenSession, PasswordHash, Sessions, User};
use carrel_domain::{Error, Result, UserId};
use chrono::{DateTime, NaiveDateTime, Utc};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::AnyConnection;
use crate::database::convert::{digest as digest_of, some_text, text, time};
use crate::database::schema::{sessions, users};
use crate::database::tx_error::OrRefused;
use crate::people::users::Row;

/// Returns whether the user exists and is not suspended, and locks that state until the transaction
/// ends.
fn lock_to_sign_in(conn: &mut AnyConnection, id: UserId) -> QueryResult<bool> {
    let user = users::table.find(id.0).filter(users::suspended.eq(false)).select(users::id);
    let found: Option<i32> = match conn {
        AnyConnection::Postgres(conn) => user.for_share().first(conn).optional()?,
        AnyConnection::Sqlite(conn) => user.first(conn).optional()?,
    };
    Ok(found.is_some())
}

/// Deletes some expired sessions. Skips sessions that another transaction has locked.
fn prune(conn: &mut AnyConnection, now: NaiveDateTime) -> QueryResult<()> {
    let expired = sessions::table
        .filter(sessions::expires_at.le(now))
        .order(sessions::expires_at)
        .limit(100)
        .select(sessions::digest);
    let expired: Vec<Vec<u8>> = match conn {
        AnyConnection::Postgres(conn) => expired.for_update().skip_locked().load(conn)?,
        AnyConnection::Sqlite(conn) => expired.load(conn)?,
    };
    if !expired.is_empty() {
        diesel::delete(sessions::table.filter(sessions::digest.eq_any(expired))).execute(conn)?;
    }
    Ok(())
}

/// The listed columns of a session: digest, address, end, start.
pub(crate) type Opened = (Vec<u8>, Option<String>, NaiveDateTime, NaiveDateTime);

pub(crate) fn opened((digest, address, end, start): Opened) -> Result<OpenSession> {
    Ok(OpenSession {
        digest: KeyDigest(digest_of(digest)?),
        address,
        expires_at: end.and_utc(),
        created_at: start.and_utc(),
    })
}

#[async_trait]
impl Sessions for Database {
    async fn credentials(&self, username: &str) -> Result<Option<(User, PasswordHash)>> {
        let username = text(username);
        self.read(move |conn| {
            let found: Option<(Row, String)> = users::table
                .filter(users::username.eq(username))
                .select((Row::as_select(), users::password_hash))
                .first(conn)
                .optional()?;
            let Some((row, hash)) = found else { return Ok(None) };
            Ok(Some((row.into(), PasswordHash(hash))))
        })
        .await
    }

    async fn rehash_password(
        &self,
        user: UserId,
        old: &PasswordHash,
        new: PasswordHash,
    ) -> Result<()> {
        let PasswordHash(old) = old.clone();
        self.write(move |conn| {
            diesel::update(users::table.find(user.0))
                .filter(users::password_hash.eq(text(old)))
                .set(users::password_hash.eq(text(new.0)))
                .execute(conn)?;
            Ok(())
        })
        .await
    }

    async fn open(&self, session: NewSession, event: Event) -> Result<()> {
        self.write(move |conn| {
            let NewSession { digest, user, issued_by, expires_at, created_at } = session;
            if !lock_to_sign_in(conn, user)? {
                return Err(Error::not_found("user", user).into());
            }
            prune(conn, time(event.by.at))?;
            diesel::insert_into(sessions::table)
                .values((
                    sessions::digest.eq(digest.0.to_vec()),
                    sessions::user_id.eq(user.0),
                    sessions::issued_by.eq(issued_by.map(|issuer| issuer.0)),
                    sessions::expires_at.eq(time(expires_at)),
                    sessions::created_at.eq(time(created_at)),
                    sessions::address.eq(some_text(event.by.address.clone())),
                ))
                .execute(conn)
                .or_taken("session", user)?;
            audit::record(conn, event)
        })
        .await
    }

    async fn user_of(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<Option<User>> {
        self.read_inline(move |conn| {
            let row: Option<Row> = sessions::table
                .inner_join(users::table)
                .filter(sessions::digest.eq(digest.0.to_vec()))
                .filter(sessions::expires_at.gt(time(now)))
                .filter(users::suspended.eq(false))
                .select(Row::as_select())
                .first(conn)
                .optional()?;
            Ok(row.map(User::from))
        })
        .await
    }

    async fn of(&self, user: UserId, now: DateTime<Utc>) -> Result<Vec<OpenSession>> {
        self.read(move |conn| {
            let rows: Vec<Opened> = sessions::table
                .filter(sessions::user_id.eq(user.0))
                .filter(sessions::expires_at.gt(time(now)))
                .order(sessions::created_at.desc())
                .select((
                    sessions::digest,
                    sessions::address,
                    sessions::expires_at,
                    sessions::created_at,
                ))
                .load(conn)?;
            Ok(rows.into_iter().map(opened).collect::<Result<_>>()?)
        })
        .await
    }

    async fn close(&self, digest: KeyDigest, event: Event) -> Result<bool> {
        self.write(move |conn| {
            let closed = diesel::delete(sessions::table.find(digest.0.to_vec())).execute(conn)?;
            if closed > 0 {
                audit::record(conn, event)?;
            }
            Ok(closed > 0)
        })
        .await
    }
}
