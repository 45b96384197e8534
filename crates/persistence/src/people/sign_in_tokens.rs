//! Tokens that sign a user in once. Only their digests are stored.
use async_trait::async_trait;
use carrel_domain::api_key::KeyDigest;
use carrel_domain::audit::Event;
use carrel_domain::user::{NewSignInToken, RedeemedToken, SignInTokens};
use carrel_domain::{Result, UserId};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::audit;
use crate::database::connection::on_each_backend;
use crate::database::convert::time;
use crate::database::schema::{sign_in_tokens, users};
use crate::database::tx_error::OrRefused;
use crate::people::authority;
use crate::people::users::{Row, lock};

#[async_trait]
impl SignInTokens for Database {
    async fn issue(&self, token: NewSignInToken, event: Event) -> Result<()> {
        self.write(move |conn| {
            let NewSignInToken { digest, user, expires_at, created_at } = token;
            lock(conn, user)?;
            let issuer = authority::confirm(conn, &event.by)?;
            let values = (
                sign_in_tokens::issued_by.eq(issuer.map(|issuer| issuer.0)),
                sign_in_tokens::digest.eq(digest.0.to_vec()),
                sign_in_tokens::expires_at.eq(time(expires_at)),
                sign_in_tokens::created_at.eq(time(created_at)),
            );
            let row = (sign_in_tokens::user_id.eq(user.0), values.clone());
            on_each_backend!(conn => diesel::insert_into(sign_in_tokens::table)
                .values(row)
                .on_conflict(sign_in_tokens::user_id)
                .do_update()
                .set(values)
                .execute(conn))
            .or_taken("sign-in token", user)?;
            audit::record(conn, event)
        })
        .await
    }

    async fn redeem_token(&self, digest: KeyDigest, event: Event) -> Result<Option<RedeemedToken>> {
        self.write(move |conn| {
            let token = sign_in_tokens::table.find(digest.0.to_vec());
            let found: Option<(Row, NaiveDateTime, Option<i32>)> = token
                .clone()
                .inner_join(users::table)
                .select((Row::as_select(), sign_in_tokens::expires_at, sign_in_tokens::issued_by))
                .first(conn)
                .optional()?;
            // Concurrent requests may read the same token. Only the one that deletes it succeeds.
            let deleted = diesel::delete(token).execute(conn)?;
            let Some((row, expires_at, issuer)) = found.filter(|_| deleted > 0) else {
                return Ok(None);
            };
            audit::record(conn, event)?;
            Ok(Some(RedeemedToken {
                user: row.into(),
                expires_at: expires_at.and_utc(),
                issued_by: issuer.map(UserId),
            }))
        })
        .await
    }
}
