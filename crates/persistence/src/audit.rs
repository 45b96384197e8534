//! The audit log. An event is the last row written in the transaction of its change.
mod head;
mod seals;

use async_trait::async_trait;
use carrel_domain::audit::{AuditLog, By, ChainPoint, Event, LoggedEvent, link};
use carrel_domain::import::ImportedEvent;
use carrel_domain::{Error, Result};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::database::connection::AnyConnection;
use crate::database::convert::{digest, rows, some_text, text, time};
use crate::database::schema::events;
use crate::database::tx_error::TxError;
use head::Head;

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = events, treat_none_as_default_value = false)]
struct Row {
    id: i64,
    name: String,
    details: String,
    actor: String,
    address: Option<String>,
    at: NaiveDateTime,
    digest: Vec<u8>,
}

impl From<LoggedEvent> for Row {
    fn from(event: LoggedEvent) -> Self {
        let LoggedEvent { id, name, details, actor, address, at, digest } = event;
        Self { id, name, details, actor, address, at: at.naive_utc(), digest: digest.to_vec() }
    }
}

impl TryFrom<Row> for LoggedEvent {
    type Error = Error;

    fn try_from(row: Row) -> Result<Self> {
        let Row { id, name, details, actor, address, at, digest: bytes } = row;
        let (at, digest) = (at.and_utc(), digest(bytes)?);
        Ok(Self { id, name, details, actor, address, at, digest })
    }
}

/// Returns the event as it will be read back. Its digest is computed from this form.
fn as_stored(id: i64, event: Event) -> LoggedEvent {
    let Event { name, details, by: By { actor, address, at } } = event;
    LoggedEvent {
        id,
        name: text(name),
        details: text(details),
        actor: actor.to_text(),
        address: some_text(address),
        at: time(at).and_utc(),
        digest: [0; 32],
    }
}

/// Writes an event. Call it at the end of a transaction: on PostgreSQL it blocks other transactions
/// that write events until this one ends, so that ids have no gaps and the chain has no forks.
pub(crate) fn record(conn: &mut AnyConnection, event: Event) -> Result<(), TxError> {
    append(conn, |id| as_stored(id, event))
}

/// Writes an event imported from another server.
pub(crate) fn record_imported(
    conn: &mut AnyConnection,
    event: ImportedEvent,
) -> Result<(), TxError> {
    let ImportedEvent { name, details, actor, at } = event;
    append(conn, |id| LoggedEvent {
        id,
        name: text(name),
        details: text(details),
        actor: text(actor),
        address: None,
        at: time(at).and_utc(),
        digest: [0; 32],
    })
}

/// Writes an archived event with its original text and links it into the chain of this log.
pub(crate) fn record_archived(conn: &mut AnyConnection, event: LoggedEvent) -> Result<(), TxError> {
    append(conn, |id| LoggedEvent {
        id,
        name: text(event.name),
        details: text(event.details),
        actor: text(event.actor),
        address: some_text(event.address),
        at: time(event.at).and_utc(),
        digest: [0; 32],
    })
}

/// Returns the head of the log.
pub(crate) fn head_point(conn: &mut AnyConnection) -> Result<ChainPoint, TxError> {
    Ok(Head::read(conn)?.point)
}

fn append(conn: &mut AnyConnection, event: impl FnOnce(i64) -> LoggedEvent) -> Result<(), TxError> {
    let head = Head::locked(conn)?;
    let mut event = event(head.point.last_id + 1);
    event.digest = link(head.point.digest, &event);
    let next = ChainPoint { last_id: event.id, digest: event.digest };
    diesel::insert_into(events::table).values(Row::from(event)).execute(conn)?;
    head.advance(conn, next)
}

/// Loads up to `limit` events with ids above `after`, oldest first.
fn load(conn: &mut AnyConnection, after: i64, limit: u32) -> Result<Vec<LoggedEvent>, TxError> {
    let found: Vec<Row> = events::table
        .filter(events::id.gt(after))
        .order(events::id)
        .limit(rows(limit))
        .select(Row::as_select())
        .load(conn)?;
    Ok(found.into_iter().map(LoggedEvent::try_from).collect::<Result<_>>()?)
}

#[async_trait]
impl AuditLog for Database {
    async fn add(&self, event: Event) -> Result<()> {
        self.write(move |conn| record(conn, event)).await
    }

    async fn page(&self, before: Option<i64>, offset: u64, limit: u32) -> Result<Vec<LoggedEvent>> {
        self.snapshot(move |conn| {
            // Ids have no gaps, so an offset in events is an offset in ids.
            let above_all = Head::read(conn)?.point.last_id.saturating_add(1);
            let top = before.map_or(above_all, |before| before.min(above_all));
            let found: Vec<Row> = events::table
                .filter(events::id.lt(top.saturating_sub(rows(offset))))
                .order(events::id.desc())
                .limit(rows(limit))
                .select(Row::as_select())
                .load(conn)?;
            Ok(found.into_iter().map(LoggedEvent::try_from).collect::<Result<_>>()?)
        })
        .await
    }

    async fn count(&self) -> Result<u64> {
        self.snapshot(|conn| {
            let (head, start) = (Head::read(conn)?.point, head::start(conn)?.point);
            Ok(u64::try_from(head.last_id - start.last_id).unwrap_or(0))
        })
        .await
    }

    async fn since(&self, after: i64, limit: u32) -> Result<Vec<LoggedEvent>> {
        self.read(move |conn| load(conn, after, limit)).await
    }
}
