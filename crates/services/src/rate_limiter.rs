//! Rate limits per minute for API keys and widget visitors.
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// The maximum number of callers tracked.
const MAX_CALLERS: usize = 10_000;

/// A token bucket for each caller, identified by a `K`. It holds the allowance of one minute and
/// refills continuously.
#[derive(Debug)]
pub struct RateLimiter<K> {
    /// The time at which each caller's bucket is full again.
    full_at: Mutex<HashMap<K, DateTime<Utc>>>,
}

impl<K> Default for RateLimiter<K> {
    fn default() -> Self {
        Self { full_at: Mutex::default() }
    }
}

impl<K: Eq + Hash> RateLimiter<K> {
    /// Counts a request of `caller`, who may make `per_minute` requests. 0 means unlimited.
    ///
    /// # Errors
    /// The number of seconds until the next request is allowed. A refused request is not counted.
    pub fn check(&self, caller: K, per_minute: u32, now: DateTime<Utc>) -> Result<(), u64> {
        if per_minute == 0 {
            return Ok(());
        }
        let interval = TimeDelta::microseconds(60_000_000 / i64::from(per_minute));
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        if full_at.len() >= MAX_CALLERS {
            full_at.retain(|_, full_until| *full_until > now);
        }
        if full_at.len() >= MAX_CALLERS {
            // Tracking would not stop a caller with that many identities anyway.
            full_at.clear();
        }
        let full_until = full_at.get(&caller).copied().unwrap_or(now).max(now) + interval;
        let excess = full_until - now - TimeDelta::minutes(1);
        if excess > TimeDelta::zero() {
            return Err(u64::try_from(excess.num_seconds()).unwrap_or(0) + 1);
        }
        full_at.insert(caller, full_until);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_apply_to_each_caller_separately() {
        let (limiter, now) = (RateLimiter::default(), DateTime::UNIX_EPOCH);
        for _ in 0..60 {
            assert_eq!(limiter.check("a", 60, now), Ok(()));
        }
        assert_eq!(limiter.check("a", 60, now), Err(2));
        assert_eq!(limiter.check("b", 60, now), Ok(()));
        assert_eq!(limiter.check("a", 60, now + TimeDelta::seconds(1)), Ok(()));
        assert_eq!(limiter.check("a", 0, now), Ok(()));
    }

    #[test]
    fn callers_are_forgotten_when_there_are_too_many() {
        let (limiter, now) = (RateLimiter::default(), DateTime::UNIX_EPOCH);
        for number in 0..2 * MAX_CALLERS {
            limiter.check(number, 1, now).unwrap();
        }
        assert!(limiter.full_at.lock().unwrap().len() <= MAX_CALLERS);
    }
}
