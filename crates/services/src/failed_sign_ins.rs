//! Failed sign-ins in the audit log, with a bounded number of events for any number of attempts.
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use carrel_domain::Result;
use carrel_domain::audit::{Actor, AuditLog, By};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use crate::login_throttle::network;

/// The time for which failures of one kind are counted together.
const WINDOW: TimeDelta = TimeDelta::hours(1);

/// The maximum number of names and networks counted separately. Further ones are counted together.
const MAX_KINDS: usize = 200;

/// The maximum length of a recorded name, in characters.
const MAX_NAME_CHARS: usize = 64;

/// The key by which failures are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    /// The name of the event.
    event_name: &'static str,
    /// The name and network. Absent for failures beyond [`MAX_KINDS`].
    source: Option<Source>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Source {
    /// The user name. Absent for the owner.
    username: Option<String>,
    network: Option<String>,
}

/// The number of failures after the first, which is already in the log.
#[derive(Debug)]
struct FailureCount {
    since: DateTime<Utc>,
    times: u64,
    last: By,
}

/// Records the first failure of a name and network as an event, and the failures of the following
/// hour as one more. Cheap to clone.
#[derive(Clone)]
pub struct FailedSignIns {
    audit: Arc<dyn AuditLog>,
    counts: Arc<Mutex<HashMap<Kind, FailureCount>>>,
}

impl FailedSignIns {
    /// Creates a recorder that writes to `audit`.
    pub fn new(audit: Arc<dyn AuditLog>) -> Self {
        Self { audit, counts: Arc::default() }
    }

    /// Records a failure. `event_name` is the name of the event, `username` the name used.
    pub async fn record(
        &self,
        event_name: &'static str,
        username: Option<&str>,
        by: &By,
    ) -> Result<()> {
        let username = username.map(|name| name.chars().take(MAX_NAME_CHARS).collect::<String>());
        let details = match &username {
            Some(name) => json!({ "username": name }),
            None => json!({}),
        };
        let source = Source { username, network: by.address.as_deref().map(network) };
        if self.is_first(Kind { event_name, source: Some(source) }, by) {
            self.audit.add(by.event(event_name, details.to_string())).await?;
        }
        Ok(())
    }

    /// Writes the counts whose hour has ended at `now`.
    pub async fn flush_due(&self, now: DateTime<Utc>) -> Result<()> {
        self.flush_where(|count| now - count.since >= WINDOW).await
    }

    /// Writes all counts at shutdown.
    pub async fn flush_all(&self) -> Result<()> {
        self.flush_where(|_| true).await
    }

    async fn flush_where(&self, is_due: impl Fn(&FailureCount) -> bool) -> Result<()> {
        let due: Vec<_> = {
            let mut counts = self.lock();
            counts.extract_if(|_, count| is_due(count)).collect()
        };
        let mut due = due.into_iter();
        while let Some((kind, count)) = due.next() {
            if count.times == 0 {
                continue;
            }
            let event = count.event(&kind);
            if let Err(error) = self.audit.add(event).await {
                // Keep the counts and write them next time.
                let mut counts = self.lock();
                for (kind, count) in std::iter::once((kind, count)).chain(due) {
                    let restored = counts.entry(kind).or_insert_with(|| count.without_repeats());
                    restored.times += count.times;
                    restored.since = restored.since.min(count.since);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Counts a failure. Returns whether it is the first of its kind.
    fn is_first(&self, kind: Kind, by: &By) -> bool {
        let mut counts = self.lock();
        let is_known = counts.contains_key(&kind);
        let kind =
            if is_known || counts.len() < MAX_KINDS { kind } else { Kind { source: None, ..kind } };
        // Failures beyond the maximum are only counted.
        let is_first = !is_known && kind.source.is_some();
        let count = counts.entry(kind).or_insert_with(|| FailureCount {
            since: by.at,
            times: 0,
            last: by.clone(),
        });
        count.times += u64::from(!is_first);
        count.last = by.clone();
        is_first
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Kind, FailureCount>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FailureCount {
    fn without_repeats(&self) -> Self {
        Self { since: self.since, times: 0, last: self.last.clone() }
    }

    fn event(&self, kind: &Kind) -> carrel_domain::audit::Event {
        let Self { since, times, last } = self;
        let since = since.to_rfc3339();
        let mut details = json!({ "event": kind.event_name, "times": times, "since": since });
        match &kind.source {
            None => details["others"] = true.into(),
            Some(Source { username, network }) => {
                details["username"] = json!(username);
                details["network"] = json!(network);
            }
        }
        let address = last.address.clone().filter(|_| kind.source.is_some());
        let by = By { actor: Actor::Server, address, at: last.at };
        by.event("failed_logins_repeated", details.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fakes::FakeAudit;

    const EVENT_NAME: &str = "failed_login_invalid_password";

    fn by_address(address: &str, minutes: i64) -> By {
        let at = DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        By { actor: Actor::Stranger, address: Some(address.to_owned()), at }
    }

    fn setup() -> (Arc<FakeAudit>, FailedSignIns) {
        let audit = Arc::new(FakeAudit::default());
        (audit.clone(), FailedSignIns::new(audit))
    }

    #[tokio::test]
    async fn a_thousand_failures_produce_two_events_per_hour() {
        let (audit, sign_ins) = setup();
        for number in 0..1000 {
            // All addresses belong to one network.
            let by = by_address(&format!("2001:db8::{number:x}"), 1);
            sign_ins.record(EVENT_NAME, Some("ann"), &by).await.unwrap();
        }
        sign_ins.flush_due(by_address("", 60).at).await.unwrap();
        assert_eq!(audit.names(), [EVENT_NAME]);
        sign_ins.flush_due(by_address("", 61).at).await.unwrap();
        assert_eq!(audit.names(), [EVENT_NAME, "failed_logins_repeated"]);
        let details: serde_json::Value = serde_json::from_str(&audit.details()[1]).unwrap();
        assert_eq!((&details["times"], &details["username"]), (&json!(999), &json!("ann")));
        assert_eq!(
            (&details["network"], &details["event"]),
            (&json!("2001:db8::/64"), &json!(EVENT_NAME))
        );
        // A new hour starts, and a single failure needs no count.
        sign_ins.record(EVENT_NAME, Some("ann"), &by_address("2001:db8::1", 70)).await.unwrap();
        sign_ins.flush_all().await.unwrap();
        assert_eq!(audit.names().len(), 3);
    }

    #[tokio::test]
    async fn names_are_counted_separately_up_to_a_limit() {
        let (audit, sign_ins) = setup();
        for number in 0..10_000 {
            let (name, by) =
                (format!("user{number}"), by_address(&format!("192.0.2.{}", number % 200), 1));
            sign_ins.record(EVENT_NAME, Some(&name), &by).await.unwrap();
        }
        assert_eq!(audit.names().len(), MAX_KINDS);
        assert_eq!(sign_ins.lock().len(), MAX_KINDS + 1);
        sign_ins.flush_all().await.unwrap();
        assert_eq!(audit.names().len(), MAX_KINDS + 1);
        let details: serde_json::Value = serde_json::from_str(&audit.details()[MAX_KINDS]).unwrap();
        assert_eq!((&details["times"], &details["others"]), (&json!(9_800), &json!(true)));
        assert!(sign_ins.lock().is_empty());
    }

    #[tokio::test]
    async fn failed_writes_are_retried_later() {
        let (audit, sign_ins) = setup();
        for _ in 0..3 {
            sign_ins.record(EVENT_NAME, None, &by_address("::1", 0)).await.unwrap();
        }
        audit.fail(true);
        assert!(sign_ins.flush_all().await.is_err());
        audit.fail(false);
        sign_ins.flush_all().await.unwrap();
        assert_eq!(audit.names(), [EVENT_NAME, "failed_logins_repeated"]);
        assert!(audit.details()[1].contains("\"times\":2"), "{:?}", audit.details());
    }
}
