//! Limits the rate of one visitor over the widgets of all pages.
use std::net::IpAddr;

use chrono::{DateTime, Utc};

use crate::rate_limiter::RateLimiter;

/// Limits the requests a minute of each visitor.
pub struct VisitorLimiter {
    /// Unlimited when zero.
    per_minute: u32,
    limiter: RateLimiter<String>,
}

impl VisitorLimiter {
    /// So many questions of one address in a minute; unlimited with 0.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, limiter: RateLimiter::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The seconds until the next request is allowed.
    pub fn check(&self, address: Option<&str>, now: DateTime<Utc>) -> Result<(), u64> {
        self.limiter.check(network(address.unwrap_or_default()), self.per_minute, now)
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
    fn a_network_of_ipv6_is_one_visitor() {
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(network("::ffff:192.0.2.1"), network("::ffff:192.0.2.2"));
    }
}
