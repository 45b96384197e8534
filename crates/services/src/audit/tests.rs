//! Tests with an in-memory log that can be tampered with.
use std::sync::Mutex;

use async_trait::async_trait;
use carrel_domain::audit::{AuditKey, Event, SealKind};

use super::*;

#[derive(Default)]
struct Log {
    events: Mutex<Vec<LoggedEvent>>,
    start: Mutex<ChainPoint>,
    start_is_forged: bool,
    head: ChainPoint,
    seal: Option<(ChainPoint, [u8; 32])>,
}

fn key() -> AuditKey {
    AuditKey::new([7; 32])
}

fn day(day: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::days(day)
}

/// Returns a sealed log with one event per day.
fn log(days: i64) -> Log {
    let mut log = Log::default();
    log.write(1..=days, "noted");
    log.seal_head();
    log
}

impl Log {
    fn write(&mut self, days: impl Iterator<Item = i64>, name: &str) {
        for at in days {
            let mut event = LoggedEvent {
                id: self.head.last_id + 1,
                name: name.into(),
                details: "{}".into(),
                actor: "server".into(),
                address: None,
                at: day(at),
                digest: [0; 32],
            };
            event.digest = link(self.head.digest, &event);
            self.head = ChainPoint { last_id: event.id, digest: event.digest };
            self.events.lock().unwrap().push(event);
        }
    }

    fn seal_head(&mut self) {
        self.seal = Some((self.head, key().seal(SealKind::Head, self.head)));
    }

    /// Truncates the log like an attacker with write access to the database.
    fn truncate(&mut self, to: usize) {
        let mut events = self.events.lock().unwrap();
        events.truncate(to);
        self.head = events
            .last()
            .map_or_else(ChainPoint::default, |e| ChainPoint { last_id: e.id, digest: e.digest });
    }

    async fn fault(&self, anchor: Option<&str>) -> Option<AuditFault> {
        let anchor = anchor.map(|text| Anchor::parse(text).unwrap());
        match verify(self, self, anchor.as_ref()).await.unwrap() {
            Verdict::Whole { .. } => None,
            Verdict::Broken(fault) => Some(fault),
        }
    }
}

#[async_trait]
impl AuditLog for Log {
    async fn add(&self, _: Event) -> Result<()> {
        unreachable!("a verification adds no events")
    }

    async fn page(&self, _: Option<i64>, _: u64, _: u32) -> Result<Vec<LoggedEvent>> {
        unreachable!("a verification reads the oldest events first")
    }

    async fn count(&self) -> Result<u64> {
        Ok(self.events.lock().unwrap().len() as u64)
    }

    async fn since(&self, after: i64, limit: u32) -> Result<Vec<LoggedEvent>> {
        let events = self.events.lock().unwrap();
        Ok(events.iter().filter(|e| e.id > after).take(limit as usize).cloned().collect())
    }
}

#[async_trait]
impl AuditSeals for Log {
    async fn ends(&self) -> Result<ChainEnds> {
        let head_seal = match self.seal {
            None => HeadSeal::Missing,
            Some((point, seal)) if key().fits(SealKind::Head, point, &seal) => {
                HeadSeal::Fits(point)
            }
            Some(_) => HeadSeal::Foreign,
        };
        let start = *self.start.lock().unwrap();
        Ok(ChainEnds { start, start_fits: !self.start_is_forged, head: self.head, head_seal })
    }

    async fn seal(&self, _: Option<Event>) -> Result<()> {
        unreachable!("a verification makes no seals")
    }

    async fn remove_old(&self, before: DateTime<Utc>, limit: u32, _: By) -> Result<u64> {
        let mut events = self.events.lock().unwrap();
        let count = events.iter().take(limit as usize).take_while(|e| e.at < before).count();
        if let Some(last) = events.drain(..count).next_back() {
            *self.start.lock().unwrap() = ChainPoint { last_id: last.id, digest: last.digest };
        }
        Ok(count as u64)
    }
}

#[tokio::test]
async fn an_unchanged_log_is_intact() {
    assert_eq!(log(0).fault(None).await, None);
    let log = log(2_500);
    let intact = Verdict::Whole { events: 2_500, head: log.head };
    assert_eq!(verify(&log, &log, None).await.unwrap(), intact);
    assert_eq!(log.fault(Some(&log.head.to_string())).await, None);
}

#[tokio::test]
async fn a_truncated_log_is_detected() {
    let mut log = log(5);
    let anchor = log.head.to_string();
    log.truncate(3);
    assert_eq!(log.fault(None).await, Some(AuditFault::CutOff { last: 3, sealed: 5 }));
    // An old but genuine seal was also restored, so only an external anchor reveals the loss.
    log.seal_head();
    assert_eq!(log.fault(None).await, None);
    assert_eq!(log.fault(Some(&anchor)).await, Some(AuditFault::CutOff { last: 3, sealed: 5 }));
    log.write(4..=5, "forged");
    log.seal_head();
    assert_eq!(log.fault(Some(&anchor)).await, Some(AuditFault::Anchor(5)));
}

#[tokio::test]
async fn a_rewritten_log_does_not_match_its_seal() {
    let mut log = log(5);
    log.truncate(0);
    log.write(1..=5, "forged");
    assert_eq!(log.fault(None).await, Some(AuditFault::Rewritten(5)));
    log.seal = log.seal.map(|(_, seal)| (log.head, seal));
    assert_eq!(log.fault(None).await, Some(AuditFault::Foreign));
    log.seal = None;
    assert_eq!(log.fault(None).await, Some(AuditFault::NoSeal));
}

#[tokio::test]
async fn added_and_changed_events_are_reported() {
    let mut log = log(5);
    log.write(6..=7, "forged");
    assert_eq!(log.fault(None).await, Some(AuditFault::Unsealed(6)));
    log.seal_head();
    log.events.lock().unwrap()[2].name = "other".into();
    assert_eq!(log.fault(None).await, Some(AuditFault::Event(3)));
}

#[tokio::test]
async fn removing_old_events_keeps_the_log_verifiable() {
    let mut log = log(2_600);
    let (oldest_anchor, newest_anchor) = ("1:000000000000", log.head.to_string());
    // Nothing is removed until a full day is due, so that removals do not fill the log.
    assert_eq!(remove_old(&log, &log, 10, day(12)).await.unwrap(), 0);
    assert_eq!(remove_old(&log, &log, 100, day(2_600)).await.unwrap(), 2_499);
    assert_eq!(log.count().await.unwrap(), 101);
    assert_eq!(log.fault(Some(&newest_anchor)).await, None);
    let too_old = AuditFault::AnchorTooOld { anchor: 1, start: 2_499 };
    assert_eq!(log.fault(Some(oldest_anchor)).await, Some(too_old));
    log.start_is_forged = true;
    assert_eq!(log.fault(None).await, Some(AuditFault::Start(2_499)));
}
