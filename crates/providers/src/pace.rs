//! Schedules requests to a provider within its rate limit.
use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

const MINUTE: Duration = Duration::from_secs(60);
/// Most addresses that are remembered.
const LIMIT: usize = 256;

/// Schedules all requests to one address.
#[derive(Debug, Default)]
pub(crate) struct Pacer(Mutex<Pace>);

#[derive(Debug, Default)]
struct Pace {
    /// The provider refuses requests before this time.
    not_before: Option<Instant>,
    /// Scheduled times of the last minute's requests, oldest first.
    sent: VecDeque<Instant>,
}

impl Pacer {
    /// Waits until a request may be sent, at most `longest`. If that is too short, returns the wait
    /// that would be needed.
    pub async fn turn(&self, a_minute: Option<usize>, longest: Duration) -> Result<(), Duration> {
        let at = self.reserve(Instant::now(), a_minute, longest)?;
        sleep_until(at).await;
        Ok(())
    }

    /// Reserves the time at which the next request may be sent.
    fn reserve(
        &self,
        now: Instant,
        a_minute: Option<usize>,
        longest: Duration,
    ) -> Result<Instant, Duration> {
        let mut pace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut at = pace.not_before.map_or(now, |not_before| not_before.max(now));
        if let Some(most) = a_minute.map(|most| most.max(1)) {
            while pace.sent.front().is_some_and(|sent| *sent + MINUTE <= now) {
                pace.sent.pop_front();
            }
            let full = pace.sent.len().checked_sub(most).and_then(|first| pace.sent.get(first));
            at = full.map_or(at, |sent| at.max(*sent + MINUTE));
        }
        if at > now + longest {
            return Err(at - now);
        }
        if a_minute.is_some() {
            pace.sent.push_back(at);
        }
        Ok(at)
    }

    /// Delays all requests until `wait` has passed.
    pub fn delay_all(&self, wait: Duration) {
        let until = Instant::now() + wait;
        let mut pace = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pace.not_before = pace.not_before.max(Some(until));
    }
}

/// The pacers of all addresses. Models of one provider share theirs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pacers(Arc<Mutex<HashMap<String, Arc<Pacer>>>>);

impl Pacers {
    pub fn of(&self, address: &str) -> Arc<Pacer> {
        let mut pacers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if pacers.len() >= LIMIT && !pacers.contains_key(address) {
            // Pacers in use remain. The limit is reached only after requests to many addresses.
            pacers.retain(|_, pacer| Arc::strong_count(pacer) > 1);
        }
        pacers.entry(address.to_owned()).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENT: Duration = Duration::from_secs(600);

    #[test]
    fn no_minute_has_more_requests_than_allowed() {
        let (pacer, start) = (Pacer::default(), Instant::now());
        let sent = (0..7).map(|_| pacer.reserve(start, Some(3), PATIENT).unwrap() - start);
        let sent: Vec<_> = sent.map(|sent| sent.as_secs()).collect();
        assert_eq!(sent, [0, 0, 0, 60, 60, 60, 120]);
        let later = start + Duration::from_secs(121);
        assert_eq!(pacer.reserve(later, Some(3), Duration::ZERO), Ok(later), "room for two more");
    }

    #[test]
    fn all_requests_wait_if_the_provider_asks_for_it() {
        let (pacer, wait) = (Pacer::default(), Duration::from_secs(500));
        pacer.delay_all(wait);
        pacer.delay_all(Duration::from_secs(2));
        let start = Instant::now();
        assert!(pacer.reserve(start, None, Duration::from_secs(400)).is_err());
        let at = pacer.reserve(start, None, PATIENT).unwrap();
        assert!(at > start + Duration::from_secs(400) && at <= start + wait, "{at:?}");
    }
}
