//! Moves images out of answers stored by earlier versions, in steps while the server runs.
use carrel_domain::chat::ImageSplitter;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::chats::bounds;
use crate::database::advisory_lock::AdvisoryLock;
use crate::database::connection::AnyConnection;
use crate::database::convert::text;
use crate::database::schema::{chat_image_backlog as backlog, chats};
use crate::database::sql::StaticSql;
use crate::database::tx_error::TxError;

/// The number of ids covered by a step. Each step is a transaction that blocks other writers on
/// SQLite.
const STEP: i64 = 64;

/// Matches answers that may contain images.
const MAY_HOLD_IMAGES: StaticSql<Bool> =
    StaticSql::new("chats.response LIKE '%\"contentString\"%'");

/// The id of the only row of the backlog.
const ONLY: i32 = 1;

/// Moves the images of the newest remaining exchanges. Returns whether more remain.
pub(crate) fn step(conn: &mut AnyConnection, split: ImageSplitter) -> Result<bool, TxError> {
    // Changes to exchanges take this lock. It also keeps two servers from moving the same images.
    AdvisoryLock::People.acquire(conn)?;
    let row = backlog::table.find(ONLY);
    let up_to: i64 = row.select(backlog::up_to).first(conn).optional()?.unwrap_or(0);
    if up_to <= 0 {
        return Ok(false);
    }
    let left = up_to.saturating_sub(STEP).max(0);
    let range = chats::id.gt(left).and(chats::id.le(up_to));
    let ids: Vec<i64> =
        chats::table.filter(range).filter(MAY_HOLD_IMAGES).select(chats::id).load(conn)?;
    // One answer at a time, because each may contain megabytes.
    for id in ids {
        let response: String = chats::table.find(id).select(chats::response).first(conn)?;
        let Some((rest, images)) = split(&response) else { continue };
        let images: Vec<_> = images.into_iter().map(text).collect();
        bounds::store_images(conn, id, &images)?;
        diesel::update(chats::table.find(id)).set(chats::response.eq(rest)).execute(conn)?;
    }
    diesel::update(row).set(backlog::up_to.eq(left)).execute(conn)?;
    Ok(left > 0)
}
