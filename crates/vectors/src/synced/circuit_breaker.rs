//! A circuit breaker: remembers that something fails, and when to retry.
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The first pause before a retry, and the longest. Pauses double.
const AGAIN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));

/// The state of one thing that may fail.
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
    /// Returns why it fails, if it does.
    pub fn reason(&self) -> Option<String> {
        self.known().as_ref().map(|known| known.reason.clone())
    }

    /// Like [`CircuitBreaker::reason`], but returns nothing to the first caller once a retry is
    /// due, because one retry is enough.
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

    /// Records a failure. Returns true if it is new.
    pub fn begin(&self, reason: String) -> bool {
        let now = Instant::now();
        let mut known = self.known();
        let pause = match &*known {
            None => AGAIN.0,
            // Failures of requests that started before the first failure was known count once.
            Some(known) if known.again > now && !known.tried => known.pause,
            Some(known) => (known.pause * 2).min(AGAIN.1),
        };
        known.replace(Known { reason, again: now + pause, pause, tried: false }).is_none()
    }

    /// Records success. Returns true if it failed before.
    pub fn end(&self) -> bool {
        self.known().take().is_some()
    }

    /// A panic elsewhere leaves the value intact, so a poisoned lock does not matter.
    fn known(&self) -> MutexGuard<'_, Option<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_at_a_time_tries_again_after_ever_longer_pauses() {
        let breaker = CircuitBreaker::default();
        assert!(breaker.reason_to_wait().is_none() && !breaker.end());
        assert!(breaker.begin("it is away".to_owned()));
        assert!(!breaker.begin("it is away".to_owned()), "one of those who had begun");
        for pause in [2, 4, 8, 16, 32, 60, 60] {
            let pause = Duration::from_secs(pause);
            assert_eq!(breaker.pause(), Some(pause));
            assert_eq!(breaker.reason_to_wait().as_deref(), Some("it is away"));
            advance(pause).await;
            assert_eq!(breaker.pause(), Some(Duration::ZERO));
            assert!(breaker.reason_to_wait().is_none(), "somebody tries");
            assert!(breaker.reason_to_wait().is_some(), "the others wait");
            assert!(!breaker.begin("it is away".to_owned()));
        }
        assert!(breaker.end());
        assert!(breaker.reason().is_none() && breaker.pause().is_none());
    }
}
