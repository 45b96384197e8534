//! Recovery links, with which people set a new password. Only their digests are stored.
use async_trait::async_trait;
use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::Event;
use carrel_domain::recovery_code::{NewRecoveryLink, RecoveryLinks};
use carrel_domain::user::{PasswordHash, User};
use carrel_domain::{Result, UserId};
use chrono::{DateTime, Utc};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::on_each_backend;
use crate::database::convert::time;
use crate::database::schema::{recovery_links, users};
use crate::database::tx_error::OrRefused;
use crate::people::authority;
use crate::people::recovery_codes::set_password;
use crate::people::users::{Row, lock};

#[async_trait]
impl RecoveryLinks for Database {
    async fn issue(&self, link: NewRecoveryLink, event: Event) -> Result<()> {
        self.write(move |conn| {
            let NewRecoveryLink { digest, user, expires_at, created_at } = link;
            lock(conn, user)?;
            let issuer = authority::confirm(conn, &event.by)?;
            let values = (
                recovery_links::issued_by.eq(issuer.map(|issuer| issuer.0)),
                recovery_links::digest.eq(digest.0.to_vec()),
                recovery_links::expires_at.eq(time(expires_at)),
                recovery_links::created_at.eq(time(created_at)),
            );
            let row = (recovery_links::user_id.eq(user.0), values.clone());
            on_each_backend!(conn => diesel::insert_into(recovery_links::table)
                .values(row)
                .on_conflict(recovery_links::user_id)
                .do_update()
                .set(values)
                .execute(conn))
            .or_taken("recovery link", user)?;
            audit::record(conn, event)
        })
        .await
    }

    async fn user_of(&self, digest: KeyDigest, now: DateTime<Utc>) -> Result<Option<User>> {
        self.read_inline(move |conn| {
            let row: Option<Row> = recovery_links::table
                .find(digest.0.to_vec())
                .filter(recovery_links::expires_at.gt(time(now)))
                .inner_join(users::table)
                .filter(users::suspended.eq(false))
                .select(Row::as_select())
                .first(conn)
                .optional()?;
            Ok(row.map(User::from))
        })
        .await
    }

    async fn redeem(
        &self,
        digest: KeyDigest,
        password: PasswordHash,
        event: Event,
    ) -> Result<bool> {
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let link = recovery_links::table
                .find(digest.0.to_vec())
                .filter(recovery_links::expires_at.gt(time(event.by.at)));
            let user: Option<i32> =
                link.clone().select(recovery_links::user_id).first(conn).optional()?;
            let Some(user) = user.map(UserId) else { return Ok(false) };
            // Concurrent requests may read the same link. Only the one that deletes it succeeds.
            if lock(conn, user)?.suspended || diesel::delete(link).execute(conn)? == 0 {
                return Ok(false);
            }
            set_password(conn, user, password, event)?;
            Ok(true)
        })
        .await
    }
}
