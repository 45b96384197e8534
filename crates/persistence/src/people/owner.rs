//! The owner of a server without users, and setup links.
use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::Event;
use carrel_domain::owner::{NewOwnerSession, NewSetupLink, Owner, OwnersKeys, SetupLinks};
use carrel_domain::user::{OpenSession, PasswordHash};
use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::on_each_backend;
use crate::database::convert::{some_text, text, time};
use crate::database::schema::{owner, owner_sessions, setup_links};
use crate::database::tx_error::OrRefused;
use crate::people::api_keys;
use crate::people::sessions::{Opened, opened};

/// The id of the only row.
const ONLY: i32 = 1;

#[async_trait]
impl Owner for Database {
    async fn password(&self) -> Result<Option<PasswordHash>> {
        self.read(|conn| {
            let hash = owner::table.find(ONLY).select(owner::password_hash);
            Ok(hash.first(conn).optional()?.map(PasswordHash))
        })
        .await
    }

    async fn set_password(
        &self,
        password: PasswordHash,
        keys: OwnersKeys,
        event: Event,
    ) -> Result<()> {
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let values = (
                owner::password_hash.eq(text(password.0)),
                owner::updated_at.eq(time(event.by.at)),
            );
            let row = (owner::id.eq(ONLY), values.clone());
            on_each_backend!(conn => diesel::insert_into(owner::table)
                .values(row)
                .on_conflict(owner::id)
                .do_update()
                .set(values)
                .execute(conn))?;
            diesel::delete(owner_sessions::table).execute(conn)?;
            diesel::delete(setup_links::table).execute(conn)?;
            if keys == OwnersKeys::Ended {
                api_keys::revoke_owners(conn, time(event.by.at))?;
            }
            audit::record(conn, event)
        })
        .await
    }

    async fn open(
        &self,
        session: NewOwnerSession,
        hash: PasswordHash,
        event: Event,
    ) -> Result<bool> {
        self.write(move |conn| {
            // Changes of the password take this lock too, so the hash stays valid until the
            // transaction ends.
            AdvisoryLock::People.acquire(conn)?;
            let now = owner::table.find(ONLY).select(owner::password_hash);
            let now: Option<String> = now.first(conn).optional()?;
            if now != Some(hash.0) {
                return Ok(false);
            }
            let expired = owner_sessions::expires_at.le(time(event.by.at));
            diesel::delete(owner_sessions::table.filter(expired)).execute(conn)?;
            let NewOwnerSession { digest, expires_at, created_at } = session;
            diesel::insert_into(owner_sessions::table)
                .values((
                    owner_sessions::digest.eq(digest.0.to_vec()),
                    owner_sessions::address.eq(some_text(event.by.address.clone())),
                    owner_sessions::expires_at.eq(time(expires_at)),
                    owner_sessions::created_at.eq(time(created_at)),
                ))
                .execute(conn)
                .or_taken("session", "owner")?;
            audit::record(conn, event)?;
            Ok(true)
        })
        .await
    }

    async fn is_open(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<bool> {
        self.read(move |conn| {
            let session = owner_sessions::table
                .find(digest.0.to_vec())
                .filter(owner_sessions::expires_at.gt(time(now)));
            Ok(session.count().get_result::<i64>(conn)? > 0)
        })
        .await
    }

    async fn sessions(&self, now: DateTime<Utc>) -> Result<Vec<OpenSession>> {
        self.read(move |conn| {
            let rows: Vec<Opened> = owner_sessions::table
                .filter(owner_sessions::expires_at.gt(time(now)))
                .order(owner_sessions::created_at.desc())
                .select((
                    owner_sessions::digest,
                    owner_sessions::address,
                    owner_sessions::expires_at,
                    owner_sessions::created_at,
                ))
                .load(conn)?;
            Ok(rows.into_iter().map(opened).collect::<Result<_>>()?)
        })
        .await
    }

    async fn close(&self, digest: KeyDigest, event: Event) -> Result<bool> {
        self.write(move |conn| {
            let session = owner_sessions::table.find(digest.0.to_vec());
            let closed = diesel::delete(session).execute(conn)? > 0;
            if closed {
                audit::record(conn, event)?;
            }
            Ok(closed)
        })
        .await
    }
}

#[async_trait]
impl SetupLinks for Database {
    async fn issue(&self, link: NewSetupLink, event: Event) -> Result<()> {
        self.write(move |conn| {
            let expired = setup_links::expires_at.le(time(event.by.at));
            diesel::delete(setup_links::table.filter(expired)).execute(conn)?;
            diesel::insert_into(setup_links::table)
                .values((
                    setup_links::digest.eq(link.digest.0.to_vec()),
                    setup_links::expires_at.eq(time(link.expires_at)),
                    setup_links::created_at.eq(time(link.created_at)),
                ))
                .execute(conn)
                .or_taken("link", "this one")?;
            audit::record(conn, event)
        })
        .await
    }

    async fn is_good(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<bool> {
        self.read(move |conn| {
            let link = setup_links::table
                .find(digest.0.to_vec())
                .filter(setup_links::expires_at.gt(time(now)));
            Ok(link.count().get_result::<i64>(conn)? > 0)
        })
        .await
    }

    async fn redeem_link(&self, digest: KeyDigest, event: Event) -> Result<bool> {
        self.write(move |conn| {
            // Holders of different links must not both succeed.
            AdvisoryLock::People.acquire(conn)?;
            let link = setup_links::table
                .find(digest.0.to_vec())
                .filter(setup_links::expires_at.gt(time(event.by.at)));
            let is_valid = link.count().get_result::<i64>(conn)? > 0;
            if is_valid {
                diesel::delete(setup_links::table).execute(conn)?;
                audit::record(conn, event)?;
            }
            Ok(is_valid)
        })
        .await
    }
}
