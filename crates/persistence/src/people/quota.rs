//! The daily limit of questions per user.
use async_trait::async_trait;
use carrel_domain::user::MessageQuota;
use carrel_domain::{Error, Result, UserId};
use chrono::{DateTime, TimeDelta, Utc};
use diesel::prelude::*;

use crate::Database;
use crate::database::connection::AnyConnection;
use crate::database::convert::time;
use crate::database::schema::{questions, users};

/// Locks the user against concurrent questions until the transaction ends. Returns whether the user
/// exists.
fn lock(conn: &mut AnyConnection, user: UserId) -> QueryResult<bool> {
    let row = users::table.find(user.0).select(users::id);
    let found: Option<i32> = match conn {
        // Weaker than FOR UPDATE, so that rows that only refer to the user can be inserted
        // meanwhile.
        AnyConnection::Postgres(conn) => row.for_no_key_update().first(conn).optional()?,
        AnyConnection::Sqlite(conn) => row.first(conn).optional()?,
    };
    Ok(found.is_some())
}

#[async_trait]
impl MessageQuota for Database {
    async fn consume_message(&self, user: UserId, limit: i32, now: DateTime<Utc>) -> Result<bool> {
        self.write(move |conn| {
            if !lock(conn, user)? {
                return Err(Error::not_found("user", user).into());
            }
            let day_ago = now.checked_sub_signed(TimeDelta::hours(24)).unwrap_or(now);
            let questions_of_user = questions::table.filter(questions::user_id.eq(user.0));
            diesel::delete(questions_of_user.filter(questions::asked_at.le(time(day_ago))))
                .execute(conn)?;
            let count: i64 = questions_of_user.count().get_result(conn)?;
            if count >= i64::from(limit) {
                return Ok(false);
            }
            diesel::insert_into(questions::table)
                .values((questions::user_id.eq(user.0), questions::asked_at.eq(time(now))))
                .execute(conn)?;
            Ok(true)
        })
        .await
    }
}
