//! Recovery codes. Only their digests are stored.
use async_trait::async_trait;
use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::Event;
use carrel_domain::recovery_code::RecoveryCodes;
use carrel_domain::user::PasswordHash;
use carrel_domain::{Result, UserId};
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::{text, time};
use crate::database::schema::{recovery_codes, users};
use crate::database::tx_error::TxError;
use crate::people::authority;
use crate::people::users::lock;

#[async_trait]
impl RecoveryCodes for Database {
    async fn count(&self, user: UserId) -> Result<u64> {
        self.read_inline(move |conn| {
            let codes = recovery_codes::table.filter(recovery_codes::user_id.eq(user.0));
            let count: i64 = codes.count().get_result(conn)?;
            Ok(count.unsigned_abs())
        })
        .await
    }

    async fn replace(&self, user: UserId, codes: Vec<KeyDigest>, event: Event) -> Result<()> {
        self.write(move |conn| {
            lock(conn, user)?;
            let old = recovery_codes::table.filter(recovery_codes::user_id.eq(user.0));
            diesel::delete(old).execute(conn)?;
            let now = time(event.by.at);
            let rows: Vec<_> = codes
                .iter()
                .map(|code| {
                    (
                        recovery_codes::digest.eq(code.0.to_vec()),
                        recovery_codes::user_id.eq(user.0),
                        recovery_codes::created_at.eq(now),
                    )
                })
                .collect();
            on_each_backend!(conn => diesel::insert_into(recovery_codes::table)
                .values(&rows)
                .execute(conn))?;
            diesel::update(users::table.find(user.0))
                .set(users::seen_recovery_codes.eq(true))
                .execute(conn)?;
            audit::record(conn, event)
        })
        .await
    }

    async fn redeem(
        &self,
        user: UserId,
        code: KeyDigest,
        password: PasswordHash,
        event: Event,
    ) -> Result<bool> {
        self.write(move |conn| {
            AdvisoryLock::People.acquire(conn)?;
            let is_suspended = lock(conn, user)?.suspended;
            let code = recovery_codes::table
                .find(code.0.to_vec())
                .filter(recovery_codes::user_id.eq(user.0));
            if is_suspended || diesel::delete(code).execute(conn)? == 0 {
                return Ok(false);
            }
            set_password(conn, user, password, event)?;
            Ok(true)
        })
        .await
    }

    async fn dismiss(&self, user: UserId) -> Result<()> {
        self.write(move |conn| {
            diesel::update(users::table.find(user.0))
                .set(users::seen_recovery_codes.eq(true))
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}

/// Sets a new password for a user and deletes all existing sign-ins of that user.
pub(crate) fn set_password(
    conn: &mut AnyConnection,
    user: UserId,
    password: PasswordHash,
    event: Event,
) -> Result<(), TxError> {
    diesel::update(users::table.find(user.0))
        .set((users::password_hash.eq(text(password.0)), users::updated_at.eq(time(event.by.at))))
        .execute(conn)?;
    authority::sign_out(conn, user)?;
    audit::record(conn, event)
}
