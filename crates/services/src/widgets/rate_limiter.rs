//! How fast one address may use the widgets of all pages.
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};

/// The most addresses remembered.
const REMEMBERED: usize = 10_000;

/// So many requests a minute of each address; they flow back evenly.
pub struct RateLimiter {
    /// Unlimited when zero.
    per_minute: u32,
    /// When each address would have spent all it may.
    spent: Mutex<HashMap<String, DateTime<Utc>>>,
}

impl RateLimiter {
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, spent: Mutex::default() }
    }

    /// Counts a request. `Err` says after how many seconds the next one is admitted.
    pub fn spend(&self, address: Option<&str>, now: DateTime<Utc>) -> Result<(), u64> {
        if self.per_minute == 0 {
            return Ok(());
        }
        let one = TimeDelta::microseconds(60_000_000 / i64::from(self.per_minute));
        let mut spent = self.spent.lock().unwrap_or_else(PoisonError::into_inner);
        if spent.len() >= REMEMBERED {
            spent.retain(|_, until| *until > now);
        }
        if spent.len() >= REMEMBERED {
            // Whoever has so many addresses is not stopped by remembering them.
            spent.clear();
        }
        let who = network(address.unwrap_or_default());
        let until = spent.get(&who).copied().unwrap_or(now).max(now) + one;
        let over = until - now - TimeDelta::minutes(1);
        if over > TimeDelta::zero() {
            return Err(u64::try_from(over.num_seconds()).unwrap_or(0) + 1);
        }
        spent.insert(who, until);
        Ok(())
    }
}

/// What one person has: an address of IPv4, or a network of 64 bits of IPv6.
fn network(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
            format!("{:?}", &address.segments()[..4])
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_slowed_down_and_others_are_not() {
        let (rate_limiter, now) = (RateLimiter::new(60), DateTime::UNIX_EPOCH);
        for _ in 0..60 {
            assert_eq!(rate_limiter.spend(Some("192.0.2.1"), now), Ok(()));
        }
        assert_eq!(rate_limiter.spend(Some("192.0.2.1"), now), Err(2));
        assert_eq!(rate_limiter.spend(Some("192.0.2.2"), now), Ok(()));
        assert_eq!(rate_limiter.spend(Some("192.0.2.1"), now + TimeDelta::seconds(1)), Ok(()));
        assert_eq!(RateLimiter::new(0).spend(None, now), Ok(()));
    }

    #[test]
    fn a_network_of_ipv6_is_one_visitor() {
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(network("::ffff:192.0.2.1"), network("::ffff:192.0.2.2"));
    }

    #[test]
    fn addresses_are_forgotten_when_there_are_too_many() {
        let (rate_limiter, now) = (RateLimiter::new(1), DateTime::UNIX_EPOCH);
        for number in 0..2 * REMEMBERED {
            rate_limiter.spend(Some(&number.to_string()), now).unwrap();
        }
        assert!(rate_limiter.spent.lock().unwrap().len() <= REMEMBERED);
    }
}
