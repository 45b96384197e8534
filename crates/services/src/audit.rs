//! Verification of the audit log against its digests, its seals and an anchor kept elsewhere, and
//! removal of old events.
use std::fmt;

use carrel_domain::Result;
use carrel_domain::audit::{
    Actor, Anchor, AuditLog, AuditSeals, By, ChainEnds, ChainPoint, HeadSeal, LoggedEvent, link,
};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

/// The number of events read or removed at a time.
const PAGE_SIZE: u32 = 1000;

/// The number of times a check is repeated because old events were removed while it ran.
const MAX_ATTEMPTS: usize = 5;

/// How far events must exceed the age limit before they are removed. Bounds the number of events
/// that record removals.
const MIN_REMOVAL_AGE: TimeDelta = TimeDelta::days(1);

/// The result of a verification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The log is intact.
    Whole {
        /// The number of events.
        events: u64,
        /// The newest event.
        head: ChainPoint,
    },
    /// The log was changed, truncated or replaced.
    Broken(AuditFault),
}

/// A fault of the audit log. Its text tells the operator what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuditFault {
    /// The event with this id was changed, or an event before it was removed.
    Event(i64),
    /// Events were removed from the end of the log.
    CutOff {
        /// The id of the newest event present.
        last: i64,
        /// The id of an event that is known to have existed.
        sealed: i64,
    },
    /// Events up to this id were rewritten.
    Rewritten(i64),
    /// Events from this id on were written without the key.
    Unsealed(i64),
    /// The seal was made with another key.
    Foreign,
    /// There are events but no seal.
    NoSeal,
    /// The removal of events up to this id is not sealed with the key.
    Start(i64),
    /// The anchor belongs to another log.
    Anchor(i64),
    /// The event of the anchor was removed because of its age.
    AnchorTooOld {
        /// The event id of the anchor.
        anchor: i64,
        /// The id of the last removed event.
        start: i64,
    },
}

impl fmt::Display for AuditFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Event(id) => write!(
                f,
                "event {id} was changed, or an event before it was \
                 removed"
            ),
            Self::CutOff { last, sealed } => write!(
                f,
                "it ends with event {last}, but event {sealed} was sealed: its end was cut off"
            ),
            Self::Rewritten(id) => write!(
                f,
                "the events up to {id} are not those that the server sealed: they were rewritten"
            ),
            Self::Unsealed(id) => write!(
                f,
                "event {id} and later events were not written by a process with the server's key; \
                 check them, and if they are right, run `carrel audit seal`"
            ),
            Self::Foreign => f.write_str(
                "its seal was made with another secret key; use the server's secret.key or \
                 CARREL_SECRET_KEY, or if that key is lost and the events are right, run `carrel \
                 audit seal`",
            ),
            Self::NoSeal => f.write_str(
                "its seal was removed; check the events, and if they are right, run `carrel audit \
                 seal`",
            ),
            Self::Start(id) => write!(
                f,
                "the events up to {id} are missing, and the server did not remove them because of \
                 their age"
            ),
            Self::Anchor(id) => {
                write!(f, "event {id} is not the one that the anchor names: the log was rewritten")
            }
            Self::AnchorTooOld { anchor, start } => write!(
                f,
                "event {anchor} of the anchor cannot be compared: events up to {start} were \
                 removed because of their age; use a newer anchor"
            ),
        }
    }
}

/// Verifies the chain from its start to its head, its seals and, if given, an anchor.
pub async fn verify(
    log: &dyn AuditLog,
    seals: &dyn AuditSeals,
    anchor: Option<&Anchor>,
) -> Result<Verdict> {
    let (mut ends, mut attempts) = (seals.ends().await?, MAX_ATTEMPTS);
    loop {
        let verdict = check(log, &ends, anchor).await?;
        let current = seals.ends().await?;
        attempts -= 1;
        if current.start == ends.start || attempts == 0 {
            return Ok(verdict);
        }
        ends = current;
    }
}

async fn check(log: &dyn AuditLog, ends: &ChainEnds, anchor: Option<&Anchor>) -> Result<Verdict> {
    if !ends.start_fits {
        return Ok(Verdict::Broken(AuditFault::Start(ends.start.last_id)));
    }
    let mut verifier = ChainVerifier { point: ends.start, ends, anchor, mismatch: None };
    verifier.compare();
    if let Some(fault) = verifier.mismatch {
        return Ok(Verdict::Broken(fault));
    }
    while verifier.point.last_id < ends.head.last_id {
        let events = log.since(verifier.point.last_id, PAGE_SIZE).await?;
        if events.is_empty() {
            break;
        }
        for event in events {
            if let Err(fault) = verifier.step(&event) {
                return Ok(Verdict::Broken(fault));
            }
        }
    }
    Ok(match verifier.final_fault() {
        Some(fault) => Verdict::Broken(fault),
        None => {
            let events = (ends.head.last_id - ends.start.last_id).unsigned_abs();
            Verdict::Whole { events, head: ends.head }
        }
    })
}

/// The state of a verification.
struct ChainVerifier<'a> {
    point: ChainPoint,
    ends: &'a ChainEnds,
    anchor: Option<&'a Anchor>,
    /// The first mismatch with the seal or the anchor.
    mismatch: Option<AuditFault>,
}

impl ChainVerifier<'_> {
    fn step(&mut self, event: &LoggedEvent) -> Result<(), AuditFault> {
        // Events added since the ends were read are ignored.
        if self.point.last_id >= self.ends.head.last_id {
            return Ok(());
        }
        let next =
            ChainPoint { last_id: self.point.last_id + 1, digest: link(self.point.digest, event) };
        if next != (ChainPoint { last_id: event.id, digest: event.digest }) {
            return Err(AuditFault::Event(event.id));
        }
        self.point = next;
        self.compare();
        Ok(())
    }

    /// Compares the current point with the sealed one and the anchor, if the ids are equal.
    fn compare(&mut self) {
        let ChainPoint { last_id, digest } = self.point;
        if let HeadSeal::Fits(sealed) = self.ends.head_seal
            && sealed.last_id == last_id
            && sealed.digest != digest
        {
            self.mismatch.get_or_insert(AuditFault::Rewritten(last_id));
        }
        if let Some(anchor) = self.anchor
            && anchor.last_id == last_id
            && !anchor.fits(&digest)
        {
            self.mismatch.get_or_insert(AuditFault::Anchor(last_id));
        }
    }

    fn final_fault(&self) -> Option<AuditFault> {
        let (last, ends) = (self.point.last_id, self.ends);
        let cut_off = |sealed| AuditFault::CutOff { last, sealed };
        if self.point != ends.head {
            return Some(cut_off(ends.head.last_id));
        }
        let seal_fault = match ends.head_seal {
            HeadSeal::Missing => Some(AuditFault::NoSeal),
            HeadSeal::Foreign => Some(AuditFault::Foreign),
            HeadSeal::Fits(sealed) if sealed.last_id > last => Some(cut_off(sealed.last_id)),
            HeadSeal::Fits(sealed) if sealed.last_id < last => {
                Some(AuditFault::Unsealed(sealed.last_id + 1))
            }
            HeadSeal::Fits(_) => None,
        };
        let anchor_fault = self.anchor.and_then(|anchor| {
            let (anchor, start) = (anchor.last_id, ends.start.last_id);
            if anchor > last {
                return Some(cut_off(anchor));
            }
            (anchor < start).then_some(AuditFault::AnchorTooOld { anchor, start })
        });
        self.mismatch.or(seal_fault).or(anchor_fault)
    }
}

/// Seals the log as it is. Records an event if the log is not empty.
pub async fn seal(seals: &dyn AuditSeals, by: &By) -> Result<()> {
    let head = seals.ends().await?.head;
    let details = json!({ "lastId": head.last_id }).to_string();
    let event = (head.last_id > 0).then(|| by.event("audit_log_sealed", details));
    seals.seal(event).await
}

/// Removes events older than `days` in bounded steps and returns their number.
pub async fn remove_old(
    log: &dyn AuditLog,
    seals: &dyn AuditSeals,
    days: u32,
    now: DateTime<Utc>,
) -> Result<u64> {
    let Some(before) = now.checked_sub_signed(TimeDelta::days(days.into())) else { return Ok(0) };
    let oldest = log.since(0, 1).await?;
    let is_due = |event: &LoggedEvent| {
        event.at.checked_add_signed(MIN_REMOVAL_AGE).is_some_and(|at| at < before)
    };
    if !oldest.first().is_some_and(is_due) {
        return Ok(0);
    }
    let by = By { actor: Actor::Server, address: None, at: now };
    let mut removed = 0;
    loop {
        let count = seals.remove_old(before, PAGE_SIZE, by.clone()).await?;
        removed += count;
        if count < u64::from(PAGE_SIZE) {
            return Ok(removed);
        }
    }
}

#[cfg(test)]
mod tests;
