//! Slows down sign-in attempts, so that guessing a password takes too long.
//!
//! Attempts are counted by name and network together, so nobody can lock others out from elsewhere.
//! Guessing one name from many networks, and many names from one network, is slowed down too,
//! except for names that have signed in from that network before.
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use carrel_domain::audit::By;
use carrel_domain::login_attempt::{Attempt, LoginAttempts, Rate, Subject};
use carrel_domain::{Error, Result};
use chrono::TimeDelta;
use sha2::{Digest, Sha256};

const fn rate(burst: i32, seconds: i64) -> Rate {
    Rate { burst, interval: TimeDelta::seconds(seconds) }
}

/// One name from one network.
const NAME_AND_ADDRESS: Rate = rate(10, 30);
/// One name from a network from which it has signed in before.
const KNOWN_ADDRESS: Rate = rate(30, 3);
/// One name from all networks from which it has not signed in.
const NAME: Rate = rate(100, 6);
/// All names from one network from which they have not signed in.
const NETWORK: Rate = rate(30, 10);

/// Limits sign-in attempts. Cheap to clone.
#[derive(Clone)]
pub struct LoginThrottle(Arc<dyn LoginAttempts>);

/// Why an attempt is refused.
#[derive(Debug)]
pub enum Throttled {
    /// Too many attempts. Retry after this many seconds.
    Later(u64),
    /// The attempts could not be counted, so the attempt is refused.
    Failed(Error),
}

impl LoginThrottle {
    /// Creates a throttle that counts in the database, shared by all servers that use it.
    pub fn new(attempts: Arc<dyn LoginAttempts>) -> Self {
        Self(attempts)
    }

    /// Counts an attempt.
    pub async fn check(&self, name: &str, by: &By) -> Result<(), Throttled> {
        match self.0.consume_attempt(&attempt(name, by)).await {
            Ok(None) => Ok(()),
            Ok(Some(wait)) => {
                let seconds = wait.num_milliseconds().max(0).unsigned_abs().div_ceil(1000);
                Err(Throttled::Later(seconds.max(1)))
            }
            Err(error) => Err(Throttled::Failed(error)),
        }
    }

    /// Refunds a successful attempt.
    pub async fn clear(&self, name: &str, by: &By) -> Result<()> {
        self.0.succeeded(&attempt(name, by)).await
    }
}

fn attempt(name: &str, by: &By) -> Attempt {
    let network = by.address.as_deref().map(network);
    let pair = subject(&["pair", name, network.as_deref().unwrap_or_default()]);
    Attempt {
        pair: (pair, NAME_AND_ADDRESS),
        known: KNOWN_ADDRESS,
        name: (subject(&["name", name]), NAME),
        network: network.map(|network| (subject(&["network", &network]), NETWORK)),
        at: by.at,
    }
}

fn subject(parts: &[&str]) -> Subject {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    Subject(hash.finalize().into())
}

/// Returns the network of an address: an IPv4 address itself, and the first 64 bits of an IPv6
/// address, because all addresses of such a network usually belong to one customer.
pub(crate) fn network(address: &str) -> String {
    match address.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).to_string() + "/64"
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_counts_as_one_and_a_mapped_address_as_ipv4() {
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2:ffff::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_eq!(network("::ffff:192.0.2.1"), "192.0.2.1");
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }

    #[test]
    fn subjects_are_unambiguous() {
        assert_ne!(subject(&["pair", "a", "b"]), subject(&["pair", "ab", ""]));
        assert_ne!(subject(&["name", "a"]), subject(&["network", "a"]));
    }
}
