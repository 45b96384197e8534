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
const MOST: usize = 200;

/// The maximum length of a recorded name, in characters.
const NAME: usize = 64;

/// The key by which failures are counted together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Kind {
    /// The name of the event.
    why: &'static str,
    /// The name and network. Absent for failures beyond [`MOST`].
    source: Option<Who>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Who {
    /// The user name. Absent for the owner.
    username: Option<String>,
    network: Option<String>,
}

/// The number of failures after the first, which is already in the log.
#[derive(Debug)]
struct Repeated {
    since: DateTime<Utc>,
    times: u64,
    last: By,
}

/// Records the first failure of a name and network as an event, and the failures of the following
/// hour as one more. Cheap to clone.
#[derive(Clone)]
pub struct FailedSignIns {
    audit: Arc<dyn AuditLog>,
    counted: Arc<Mutex<HashMap<Kind, Repeated>>>,
}

impl FailedSignIns {
    /// Creates a recorder that writes to `audit`.
    pub fn new(audit: Arc<dyn AuditLog>) -> Self {
        Self { audit, counted: Arc::default() }
    }

    /// Records a failure. `why` is the name of the event, `username` the name used.
    pub async fn record(&self, why: &'static str, username: Option<&str>, by: &By) -> Result<()> {
        let username = username.map(|name| name.chars().take(NAME).collect::<String>());
        let details = match &username {
            Some(name) => json!({ "username": name }),
            None => json!({}),
        };
        let source = Who { username, network: by.address.as_deref().map(network) };
        if self.is_first(Kind { why, source: Some(source) }, by) {
            self.audit.add(by.event(why, details.to_string())).await?;
        }
        Ok(())
    }

    /// Writes the counts whose hour has ended at `now`.
    pub async fn write_down(&self, now: DateTime<Utc>) -> Result<()> {
        self.write_where(|repeated| now - repeated.since >= WINDOW).await
    }

    /// Writes all counts at shutdown.
    pub async fn write_down_all(&self) -> Result<()> {
        self.write_where(|_| true).await
    }

    async fn write_where(&self, is_over: impl Fn(&Repeated) -> bool) -> Result<()> {
        let ended: Vec<_> = {
            let mut counted = self.lock();
            counted.extract_if(|_, repeated| is_over(repeated)).collect()
        };
        let mut ended = ended.into_iter();
        while let Some((kind, repeated)) = ended.next() {
            if repeated.times == 0 {
                continue;
            }
            let event = repeated.event(&kind);
            if let Err(error) = self.audit.add(event).await {
                // Keep the counts and write them next time.
                let mut counted = self.lock();
                for (kind, repeated) in std::iter::once((kind, repeated)).chain(ended) {
                    let again = counted.entry(kind).or_insert_with(|| repeated.anew());
                    again.times += repeated.times;
                    again.since = again.since.min(repeated.since);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    /// Counts a failure. Returns whether it is the first of its kind.
    fn is_first(&self, kind: Kind, by: &By) -> bool {
        let mut counted = self.lock();
        let is_known = counted.contains_key(&kind);
        let kind =
            if is_known || counted.len() < MOST { kind } else { Kind { source: None, ..kind } };
        // Failures beyond the maximum are only counted.
        let is_first = !is_known && kind.source.is_some();
        let repeated = counted.entry(kind).or_insert_with(|| Repeated {
            since: by.at,
            times: 0,
            last: by.clone(),
        });
        repeated.times += u64::from(!is_first);
        repeated.last = by.clone();
        is_first
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Kind, Repeated>> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Repeated {
    fn anew(&self) -> Self {
        Self { since: self.since, times: 0, last: self.last.clone() }
    }

    fn event(&self, kind: &Kind) -> carrel_domain::audit::Event {
        let Self { since, times, last } = self;
        let since = since.to_rfc3339();
        let mut details = json!({ "event": kind.why, "times": times, "since": since });
        match &kind.source {
            None => details["others"] = true.into(),
            Some(Who { username, network }) => {
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

    const WHY: &str = "failed_login_invalid_password";

    fn at(address: &str, minutes: i64) -> By {
        let at = DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes);
        By { actor: Actor::Stranger, address: Some(address.to_owned()), at }
    }

    fn new() -> (Arc<FakeAudit>, FailedSignIns) {
        let audit = Arc::new(FakeAudit::default());
        (audit.clone(), FailedSignIns::new(audit))
    }

    #[tokio::test]
    async fn a_thousand_failures_produce_two_events_per_hour() {
        let (audit, failed) = new();
        for number in 0..1000 {
            // All addresses belong to one network.
            let by = at(&format!("2001:db8::{number:x}"), 1);
            failed.record(WHY, Some("ann"), &by).await.unwrap();
        }
        failed.write_down(at("", 60).at).await.unwrap();
        assert_eq!(audit.names(), [WHY]);
        failed.write_down(at("", 61).at).await.unwrap();
        assert_eq!(audit.names(), [WHY, "failed_logins_repeated"]);
        let details: serde_json::Value = serde_json::from_str(&audit.details()[1]).unwrap();
        assert_eq!((&details["times"], &details["username"]), (&json!(999), &json!("ann")));
        assert_eq!(
            (&details["network"], &details["event"]),
            (&json!("2001:db8::/64"), &json!(WHY))
        );
        // A new hour starts, and a single failure needs no count.
        failed.record(WHY, Some("ann"), &at("2001:db8::1", 70)).await.unwrap();
        failed.write_down_all().await.unwrap();
        assert_eq!(audit.names().len(), 3);
    }

    #[tokio::test]
    async fn names_are_counted_separately_up_to_a_limit() {
        let (audit, failed) = new();
        for number in 0..10_000 {
            let (name, by) = (format!("user{number}"), at(&format!("192.0.2.{}", number % 200), 1));
            failed.record(WHY, Some(&name), &by).await.unwrap();
        }
        assert_eq!(audit.names().len(), MOST);
        assert_eq!(failed.lock().len(), MOST + 1);
        failed.write_down_all().await.unwrap();
        assert_eq!(audit.names().len(), MOST + 1);
        let details: serde_json::Value = serde_json::from_str(&audit.details()[MOST]).unwrap();
        assert_eq!((&details["times"], &details["others"]), (&json!(9_800), &json!(true)));
        assert!(failed.lock().is_empty());
    }

    #[tokio::test]
    async fn failed_writes_are_retried_later() {
        let (audit, failed) = new();
        for _ in 0..3 {
            failed.record(WHY, None, &at("::1", 0)).await.unwrap();
        }
        audit.fail(true);
        assert!(failed.write_down_all().await.is_err());
        audit.fail(false);
        failed.write_down_all().await.unwrap();
        assert_eq!(audit.names(), [WHY, "failed_logins_repeated"]);
        assert!(audit.details()[1].contains("\"times\":2"), "{:?}", audit.details());
    }
}
