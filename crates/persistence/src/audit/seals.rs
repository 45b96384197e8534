//! Seals the audit log and removes its oldest events.
use async_trait::async_trait;
use carrel_domain::audit::{
    AuditKey, AuditSeals, By, ChainEnds, ChainPoint, Event, HeadSeal, link,
};
use carrel_domain::{Error, Result};
use chrono::{DateTime, Utc};
use diesel::prelude::*;

use super::head::{self, Head};
use super::{load, record};
use crate::Database;
use crate::database::audit_key::audit_key;
use crate::database::connection::AnyConnection;
use crate::database::schema::events;
use crate::database::tx_error::TxError;

const LOG: &str = "the audit log";

fn need_key(conn: &mut AnyConnection) -> Result<AuditKey, Error> {
    audit_key(conn).ok_or_else(|| Error::unavailable(LOG, "it was opened without its key"))
}

/// Returns the last point before `before` at most `most` events after `start`, after checking the
/// chain up to it.
fn old_until(
    conn: &mut AnyConnection,
    start: ChainPoint,
    before: DateTime<Utc>,
    most: u32,
) -> Result<ChainPoint, TxError> {
    let mut until = start;
    for event in load(conn, start.last_id, most)? {
        if event.at >= before {
            break;
        }
        let next = ChainPoint { last_id: until.last_id + 1, digest: link(until.digest, &event) };
        if next != (ChainPoint { last_id: event.id, digest: event.digest }) {
            return Err(unfit().into());
        }
        until = next;
    }
    Ok(until)
}

fn unfit() -> Error {
    let remedy = "it does not match its seals, so nothing is removed; run `carrel audit verify`";
    Error::unavailable(LOG, remedy)
}

#[async_trait]
impl AuditSeals for Database {
    async fn ends(&self) -> Result<ChainEnds> {
        self.snapshot(head::ends).await
    }

    async fn seal(&self, event: Option<Event>) -> Result<()> {
        self.write(move |conn| {
            let key = need_key(conn)?;
            let (head, start) = (Head::locked(conn)?, head::start(conn)?);
            if !start.fits(Some(&key)) {
                head::set_start(conn, start.point, &key)?;
            }
            Head::set(conn, head.point, Some(&key))?;
            event.map_or(Ok(()), |event| record(conn, event))
        })
        .await
    }

    async fn remove_old(&self, before: DateTime<Utc>, most: u32, by: By) -> Result<u64> {
        self.write(move |conn| {
            let key = need_key(conn)?;
            let (head, start) = (Head::locked(conn)?, head::start(conn)?);
            let is_sealed = head.seal(Some(&key)) == HeadSeal::Fits(head.point);
            if !is_sealed || !start.fits(Some(&key)) {
                return Err(unfit().into());
            }
            let until = old_until(conn, start.point, before, most)?;
            let removed = until.last_id - start.point.last_id;
            if removed > 0 {
                diesel::delete(events::table.filter(events::id.le(until.last_id))).execute(conn)?;
                head::set_start(conn, until, &key)?;
                let details = format!("{{\"events\":{removed},\"lastId\":{}}}", until.last_id);
                record(conn, by.event("audit_log_shortened", details))?;
            }
            Ok(removed.unsigned_abs())
        })
        .await
    }
}
