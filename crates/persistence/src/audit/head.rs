//! The head and the start of the audit log, with their seals.
use carrel_domain::audit::{AuditKey, ChainEnds, ChainPoint, HeadSeal, SealKind};
use diesel::prelude::*;

use crate::database::audit_key::audit_key;
use crate::database::connection::{AnyConnection, on_each_backend};
use crate::database::convert::digest;
use crate::database::schema::{audit_head, audit_start};
use crate::database::tx_error::TxError;

/// The id of the only row of each table.
const ROW: i32 = 1;

/// The head of the log.
pub(super) struct Head {
    pub point: ChainPoint,
    /// The sealed point and its seal.
    sealed: Option<(ChainPoint, Vec<u8>)>,
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_head)]
struct HeadRow {
    last_id: i64,
    digest: Vec<u8>,
    sealed_id: Option<i64>,
    sealed_digest: Option<Vec<u8>>,
    seal: Option<Vec<u8>>,
}

fn point(last_id: i64, bytes: Vec<u8>) -> Result<ChainPoint, TxError> {
    Ok(ChainPoint { last_id, digest: digest(bytes)? })
}

impl Head {
    /// Reads the head.
    pub fn read(conn: &mut AnyConnection) -> Result<Self, TxError> {
        Self::of(audit_head::table.find(ROW).select(HeadRow::as_select()).first(conn)?)
    }

    /// Reads the head and, on PostgreSQL, locks it against other writers until the transaction
    /// ends.
    pub fn locked(conn: &mut AnyConnection) -> Result<Self, TxError> {
        let AnyConnection::Postgres(conn) = conn else { return Self::read(conn) };
        let row = audit_head::table.find(ROW).select(HeadRow::as_select());
        Self::of(row.for_update().first(conn)?)
    }

    fn of(row: HeadRow) -> Result<Self, TxError> {
        let HeadRow { last_id, digest, sealed_id, sealed_digest, seal } = row;
        let sealed = match (sealed_id, sealed_digest, seal) {
            (Some(id), Some(digest), Some(seal)) => Some((point(id, digest)?, seal)),
            _ => None,
        };
        Ok(Self { point: point(last_id, digest)?, sealed })
    }

    /// Checks the seal with `key`.
    pub fn seal(&self, key: Option<&AuditKey>) -> HeadSeal {
        let Some((point, seal)) = &self.sealed else { return HeadSeal::Missing };
        match key {
            Some(key) if key.fits(SealKind::Head, *point, seal) => HeadSeal::Fits(*point),
            _ => HeadSeal::Foreign,
        }
    }

    /// Moves the head to `next`. Renews the seal only if it fits the current head: otherwise
    /// someone wrote to the log without the key, and the old seal is kept as evidence.
    pub fn advance(self, conn: &mut AnyConnection, next: ChainPoint) -> Result<(), TxError> {
        let key = audit_key(conn);
        let is_sealed = self.seal(key.as_ref()) == HeadSeal::Fits(self.point);
        Self::set(conn, next, key.as_ref().filter(|_| is_sealed))
    }

    /// Sets the head and seals it if there is a `key`.
    pub fn set(
        conn: &mut AnyConnection,
        next: ChainPoint,
        key: Option<&AuditKey>,
    ) -> Result<(), TxError> {
        let row = diesel::update(audit_head::table.find(ROW));
        let head =
            (audit_head::last_id.eq(next.last_id), audit_head::digest.eq(next.digest.to_vec()));
        match key {
            None => row.set(head).execute(conn)?,
            Some(key) => {
                let seal = key.seal(SealKind::Head, next).to_vec();
                let sealed = (
                    audit_head::sealed_id.eq(next.last_id),
                    audit_head::sealed_digest.eq(next.digest.to_vec()),
                    audit_head::seal.eq(seal),
                );
                row.set((head, sealed)).execute(conn)?
            }
        };
        Ok(())
    }
}

/// The start of the log.
pub(super) struct Start {
    pub point: ChainPoint,
    seal: Option<Vec<u8>>,
}

impl Start {
    /// Returns whether no events were removed, or `key` confirms the removal.
    pub fn fits(&self, key: Option<&AuditKey>) -> bool {
        let Some(seal) = &self.seal else { return true };
        key.is_some_and(|key| key.fits(SealKind::Start, self.point, seal))
    }
}

pub(super) fn start(conn: &mut AnyConnection) -> Result<Start, TxError> {
    let row = audit_start::table.find(ROW);
    let row = row.select((audit_start::last_id, audit_start::digest, audit_start::seal));
    let row: Option<(i64, Vec<u8>, Vec<u8>)> = row.first(conn).optional()?;
    Ok(match row {
        None => Start { point: ChainPoint::default(), seal: None },
        Some((id, digest, seal)) => Start { point: point(id, digest)?, seal: Some(seal) },
    })
}

pub(super) fn set_start(
    conn: &mut AnyConnection,
    start: ChainPoint,
    key: &AuditKey,
) -> Result<(), TxError> {
    let values = (
        audit_start::last_id.eq(start.last_id),
        audit_start::digest.eq(start.digest.to_vec()),
        audit_start::seal.eq(key.seal(SealKind::Start, start).to_vec()),
    );
    on_each_backend!(conn => diesel::insert_into(audit_start::table)
        .values((audit_start::id.eq(ROW), values.clone()))
        .on_conflict(audit_start::id)
        .do_update()
        .set(values)
        .execute(conn))?;
    Ok(())
}

pub(super) fn ends(conn: &mut AnyConnection) -> Result<ChainEnds, TxError> {
    let key = audit_key(conn);
    let (head, start) = (Head::read(conn)?, start(conn)?);
    Ok(ChainEnds {
        start: start.point,
        start_fits: start.fits(key.as_ref()),
        head: head.point,
        head_seal: head.seal(key.as_ref()),
    })
}
