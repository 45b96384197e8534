//! Limits the request rate of each visitor across all widgets.
use std::net::IpAddr;

use chrono::{DateTime, Utc};

use crate::rate_limiter::RateLimiter;

/// Limits the requests per minute of each visitor.
pub struct VisitorLimiter {
    /// The maximum number of requests per minute. 0 means unlimited.
    per_minute: u32,
    limiter: RateLimiter<String>,
}

impl VisitorLimiter {
    /// Creates a limiter for `per_minute` requests per address. 0 means unlimited.
    pub fn new(per_minute: u32) -> Self {
        Self { per_minute, limiter: RateLimiter::default() }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// The number of seconds until the next request is allowed.
    pub fn check(&self, address: Option<&str>, now: DateTime<Utc>) -> Result<(), u64> {
        self.limiter.check(network(address.unwrap_or_default()), self.per_minute, now)
    }
}

/// Returns the network of one visitor: an IPv4 address, or the first 64 bits of an IPv6 address.
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
    fn an_ipv6_network_is_one_visitor() {
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(network("::ffff:192.0.2.1"), network("::ffff:192.0.2.2"));
    }
}
