//! Sign-in attempts, counted in the database so that all servers using it share the limits.
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::Result;

/// The SHA-256 of a limited subject: a name, a network, or a name with a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(pub [u8; 32]);

/// A token bucket: `burst` attempts at once, refilled by one every `interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// The capacity, at least 1.
    pub burst: i32,
    /// The time to refill one attempt.
    pub interval: TimeDelta,
}

/// The limits that apply to one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The name combined with the network. If the pair has succeeded before, no other limit
    /// applies.
    pub pair: (Subject, Rate),
    /// The rate of `pair` if it has succeeded before.
    pub known: Rate,
    /// The name and its rate.
    pub name: (Subject, Rate),
    /// The network and its rate. Absent if the network is unknown.
    pub network: Option<(Subject, Rate)>,
    /// The time of the attempt.
    pub at: DateTime<Utc>,
}

/// Counts sign-in attempts. Each method is one transaction.
#[async_trait]
pub trait LoginAttempts: Send + Sync {
    /// Counts an attempt against every limit that applies. If a limit is exhausted, counts nothing
    /// and returns the time until the next attempt is allowed.
    async fn consume_attempt(&self, attempt: &Attempt) -> Result<Option<TimeDelta>>;
    /// Refunds the attempt and remembers that the pair succeeded.
    async fn succeeded(&self, attempt: &Attempt) -> Result<()>;
}
