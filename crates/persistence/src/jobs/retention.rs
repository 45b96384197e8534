//! Deletes finished jobs.
use carrel_domain::job::queue::Retention;
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::database::connection::AnyConnection;
use crate::database::convert::{IDS_AT_ONCE, time};
use crate::database::schema::jobs;

/// Deletes finished jobs beyond the limits, the oldest first, with their items. Returns their
/// number.
pub(crate) fn prune(conn: &mut AnyConnection, retention: Retention) -> QueryResult<u64> {
    let Retention { before, jobs: most_jobs, items: most_items } = retention;
    let ended: Vec<(i64, i32, Option<NaiveDateTime>)> = jobs::table
        .filter(jobs::finished_at.is_not_null())
        .order((jobs::finished_at.desc(), jobs::id.desc()))
        .select((jobs::id, jobs::total, jobs::finished_at))
        .load(conn)?;
    let (before, mut items, mut old) = (time(before), 0, Vec::new());
    for (position, (id, total, finished)) in ended.into_iter().enumerate() {
        items += u64::from(total.unsigned_abs());
        // The newest job is kept whatever its size, because someone may be viewing it.
        let is_too_many = position > 0 && (position >= most_jobs || items > most_items);
        if is_too_many || finished.is_some_and(|finished| finished < before) {
            old.push(id);
        }
    }
    for ids in old.chunks(IDS_AT_ONCE) {
        diesel::delete(jobs::table.filter(jobs::id.eq_any(ids.to_vec()))).execute(conn)?;
    }
    Ok(old.len() as u64)
}
