//! A circuit breaker: records that something fails and when to retry it.
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The first and the longest pause before a retry. Pauses double.
const AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// The state of one resource that may fail.
#[derive(Default)]
pub struct CircuitBreaker(Mutex<Option<Known>>);

struct Known {
    reason: String,
    again: Instant,
    pause: Duration,
    /// True while a retry is in progress.
    tried: bool,
}

impl CircuitBreaker {
    /// Returns the reason of the failure, if it fails.
    pub fn reason(&self) -> Option<String> {
        self.known().as_ref().map(|known| known.reason.clone())
    }

    /// Like [`CircuitBreaker::reason`], but returns `None` to the first caller once a retry is due.
    /// That caller retries.
    pub fn reason_to_wait(&self) -> Option<String> {
        let mut known = self.known();
        let known = known.as_mut()?;
        let now = Instant::now();
        if known.again > now {
            return Some(known.reason.clone());
        }
        (known.again, known.tried) = (now + known.pause, true);
        None
    }

    /// Returns the time until the next retry, if it fails.
    pub fn pause(&self) -> Option<Duration> {
        let again = self.known().as_ref()?.again;
        Some(again.saturating_duration_since(Instant::now()))
    }

    /// Records a failure. Returns true if it did not fail before.
    pub fn begin(&self, reason: String) -> bool {
        let now = Instant::now();
        let mut known = self.known();
        let pause = match &*known {
            None => AGAIN.0,
            // Concurrent requests that started before the first failure do not prolong the pause.
            Some(known) if known.again > now && !known.tried => known.pause,
            Some(known) => (known.pause * 2).min(AGAIN.1),
        };
        known.replace(Known { reason, again: now + pause, pause, tried: false }).is_none()
    }

    /// Records success. Returns true if it failed before.
    pub fn end(&self) -> bool {
        self.known().take().is_some()
    }

    /// Ignores poisoning, because a panic of another thread leaves the value intact.
    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_caller_at_a_time_retries_after_doubling_pauses() {
        let breaker = CircuitBreaker::default();
        assert!(breaker.reason_to_wait().is_none() && !breaker.end());
        assert!(breaker.begin("it is away".to_owned()));
        assert!(!breaker.begin("it is away".to_owned()), "a concurrent failure is not new");
        for pause in [2, 4, 8, 16, 32, 60, 60] {
            let pause = Duration::from_secs(pause);
            assert_eq!(breaker.pause(), Some(pause));
            assert_eq!(breaker.reason_to_wait().as_deref(), Some("it is away"));
            advance(pause).await;
            assert_eq!(breaker.pause(), Some(Duration::ZERO));
            assert!(breaker.reason_to_wait().is_none(), "one caller retries");
            assert!(breaker.reason_to_wait().is_some(), "other callers wait");
            assert!(!breaker.begin("it is away".to_owned()));
        }
        assert!(breaker.end());
        assert!(breaker.reason().is_none() && breaker.pause().is_none());
    }
}
