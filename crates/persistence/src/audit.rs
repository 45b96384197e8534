//! The audit log: every event is written here, last of all in the transaction of its change.
use async_trait::async_trait;
use carrel_domain::audit::{AuditLog, By, Event, LoggedEvent, link};
use carrel_domain::import::ImportedEvent;
use carrel_domain::{Error, Result};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use crate::Database;
use crate::database::connection::AnyConnection;
use crate::database::convert::{digest, rows, some_text, text, time};
use crate::database::schema::{audit_head, events};
use crate::database::tx_error::TxError;

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

/// The event as it will be read back, which is what its digest is made of.
fn as_kept(id: i64, event: Event) -> LoggedEvent {
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

/// The only row of `audit_head`.
const HEAD: i32 = 1;

/// Writes an event. Comes at the end of a transaction: on PostgreSQL it keeps everyone else from
/// writing one until the transaction ends, so that ids have no gaps and the chain no forks.
pub(crate) fn record(conn: &mut AnyConnection, event: Event) -> Result<(), TxError> {
    append(conn, |id| as_kept(id, event))
}

/// Writes an event of another server, as [`record`] does one of this server.
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

fn append(conn: &mut AnyConnection, event: impl FnOnce(i64) -> LoggedEvent) -> Result<(), TxError> {
    let head = audit_head::table.find(HEAD).select((audit_head::last_id, audit_head::digest));
    let (last, before): (i64, Vec<u8>) = match conn {
        AnyConnection::Postgres(conn) => head.for_update().first(conn)?,
        AnyConnection::Sqlite(conn) => head.first(conn)?,
    };
    let mut event = event(last + 1);
    event.digest = link(digest(before)?, &event);
    let row = Row::from(event);
    let new_head = (audit_head::last_id.eq(row.id), audit_head::digest.eq(row.digest.clone()));
    diesel::insert_into(events::table).values(row).execute(conn)?;
    diesel::update(audit_head::table.find(HEAD)).set(new_head).execute(conn)?;
    Ok(())
}

fn last_id(conn: &mut AnyConnection) -> QueryResult<i64> {
    audit_head::table.find(HEAD).select(audit_head::last_id).first(conn)
}

#[async_trait]
impl AuditLog for Database {
    async fn add(&self, event: Event) -> Result<()> {
        self.write(move |conn| record(conn, event)).await
    }

    async fn page(&self, before: Option<i64>, offset: u64, limit: u32) -> Result<Vec<LoggedEvent>> {
        self.snapshot(move |conn| {
            // Without gaps, so many events on is so many ids on.
            let above_all = last_id(conn)?.saturating_add(1);
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
        self.read(|conn| Ok(u64::try_from(last_id(conn)?).unwrap_or(0))).await
    }

    async fn since(&self, after: i64, limit: u32) -> Result<Vec<LoggedEvent>> {
        self.read(move |conn| {
            let found: Vec<Row> = events::table
                .filter(events::id.gt(after))
                .order(events::id)
                .limit(rows(limit))
                .select(Row::as_select())
                .load(conn)?;
            Ok(found.into_iter().map(LoggedEvent::try_from).collect::<Result<_>>()?)
        })
        .await
    }
}
