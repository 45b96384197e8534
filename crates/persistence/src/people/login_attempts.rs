//! Rate limits of sign-in attempts.
use std::collections::BTreeMap;

use async_trait::async_trait;
use carrel_domain::Result;
use carrel_domain::login_attempt::{Attempt, LoginAttempts, Rate, Subject};
use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use crate::Database;
use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::time;
use crate::database::schema::login_attempts;

/// How long a successful sign-in is remembered.
const REMEMBERED: TimeDelta = TimeDelta::days(90);
/// The maximum number of rows. When there are more, the rows with the earliest refill time are
/// deleted, even if they are still needed.
const LIMIT: i64 = 100_000;
/// The maximum number of rows deleted at once.
const DROPPED: i64 = 100;

type Row = (NaiveDateTime, Option<NaiveDateTime>);

/// Returns the rows of some subjects, locked in the order of the subjects.
fn lock(
    conn: &mut AnyConnection,
    subjects: &[Subject],
    now: NaiveDateTime,
) -> QueryResult<BTreeMap<Subject, Row>> {
    let mut rows = BTreeMap::new();
    let mut subjects = subjects.to_vec();
    subjects.sort();
    for subject in subjects {
        let key = subject.0.to_vec();
        let new = (login_attempts::subject.eq(key.clone()), login_attempts::refilled_at.eq(now));
        on_each_backend!(conn => diesel::insert_into(login_attempts::table)
            .values(new)
            .on_conflict_do_nothing()
            .execute(conn))?;
        let row = login_attempts::table
            .find(key)
            .select((login_attempts::refilled_at, login_attempts::succeeded_at));
        let row: Row = match conn {
            AnyConnection::Postgres(conn) => row.for_update().first(conn)?,
            AnyConnection::Sqlite(conn) => row.first(conn)?,
        };
        rows.insert(subject, row);
    }
    Ok(rows)
}

fn set(conn: &mut AnyConnection, subject: Subject, refilled: NaiveDateTime) -> QueryResult<()> {
    diesel::update(login_attempts::table.find(subject.0.to_vec()))
        .set(login_attempts::refilled_at.eq(refilled))
        .execute(conn)
        .map(drop)
}

/// Deletes rows that no longer matter. If there are none but too many rows, deletes the oldest.
fn prune(conn: &mut AnyConnection, now: NaiveDateTime) -> QueryResult<()> {
    let forgotten = login_attempts::succeeded_at
        .is_null()
        .or(login_attempts::succeeded_at.lt(now.checked_sub_signed(REMEMBERED)));
    let expired: Vec<Vec<u8>> = login_attempts::table
        .filter(login_attempts::refilled_at.lt(now))
        .filter(forgotten.assume_not_null())
        .order(login_attempts::refilled_at)
        .limit(DROPPED)
        .select(login_attempts::subject)
        .load(conn)?;
    let mut dropped = expired;
    if dropped.is_empty() {
        let count: i64 = login_attempts::table.count().get_result(conn)?;
        if count > LIMIT {
            dropped = login_attempts::table
                .order(login_attempts::refilled_at)
                .limit(DROPPED)
                .select(login_attempts::subject)
                .load(conn)?;
        }
    }
    dropped.sort();
    for subject in dropped {
        // Skips rows that another transaction has locked.
        let row = login_attempts::table.find(subject.clone()).select(login_attempts::refilled_at);
        let free: Option<NaiveDateTime> = match conn {
            AnyConnection::Postgres(conn) => {
                row.for_update().skip_locked().first(conn).optional()?
            }
            AnyConnection::Sqlite(conn) => row.first(conn).optional()?,
        };
        if free.is_some() {
            diesel::delete(login_attempts::table.find(subject)).execute(conn)?;
        }
    }
    Ok(())
}

/// Returns the applicable limits with their rates.
fn applicable(attempt: &Attempt, rows: &BTreeMap<Subject, Row>) -> Vec<(Subject, Rate)> {
    let (pair, rate) = attempt.pair;
    let since = time(attempt.at).checked_sub_signed(REMEMBERED);
    let is_known = rows.get(&pair).and_then(|row| row.1).is_some_and(|at| Some(at) > since);
    if is_known {
        return vec![(pair, attempt.known)];
    }
    [Some((pair, rate)), Some(attempt.name), attempt.network].into_iter().flatten().collect()
}

fn subjects(attempt: &Attempt) -> Vec<Subject> {
    let all = [Some(attempt.pair), Some(attempt.name), attempt.network];
    all.into_iter().flatten().map(|(subject, _)| subject).collect()
}

#[async_trait]
impl LoginAttempts for Database {
    async fn consume_attempt(&self, attempt: &Attempt) -> Result<Option<TimeDelta>> {
        let attempt = *attempt;
        let now = time(attempt.at);
        // A separate transaction, so that it never holds other rows while it waits for a lock.
        if attempt.at.timestamp_subsec_micros().is_multiple_of(8) {
            self.write(move |conn| Ok(prune(conn, now)?)).await?;
        }
        self.write(move |conn| {
            let rows = lock(conn, &subjects(&attempt), now)?;
            let mut refills = Vec::new();
            let mut wait = TimeDelta::zero();
            for (subject, rate) in applicable(&attempt, &rows) {
                let refilled = rows.get(&subject).map_or(now, |row| row.0).max(now);
                let refilled = refilled.checked_add_signed(rate.interval).unwrap_or(refilled);
                wait = wait.max(refilled - now - rate.interval * rate.burst);
                refills.push((subject, refilled));
            }
            if wait > TimeDelta::zero() {
                return Ok(Some(wait));
            }
            for (subject, refilled) in refills {
                set(conn, subject, refilled)?;
            }
            Ok(None)
        })
        .await
    }

    async fn succeeded(&self, attempt: &Attempt) -> Result<()> {
        let attempt = *attempt;
        self.write(move |conn| {
            let now = time(attempt.at);
            let rows = lock(conn, &subjects(&attempt), now)?;
            for (subject, rate) in applicable(&attempt, &rows) {
                let Some((refilled, _)) = rows.get(&subject) else { continue };
                let back = refilled.checked_sub_signed(rate.interval).unwrap_or(now);
                set(conn, subject, back.max(now))?;
            }
            diesel::update(login_attempts::table.find(attempt.pair.0.0.to_vec()))
                .set(login_attempts::succeeded_at.eq(Some(now)))
                .execute(conn)?;
            Ok(())
        })
        .await
    }
}
