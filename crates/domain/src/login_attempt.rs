//! Attempts to sign in, counted in the database so that all servers on it share the counts.
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::Result;

/// SHA-256 of what is counted: a name, a network, or a name with a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subject(pub [u8; 32]);

/// An allowance that flows back evenly: `burst` attempts at once, then one every `interval`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many attempts may follow one another at once, >= 1.
    pub burst: i32,
    /// How long it takes until one more is allowed.
    pub interval: TimeDelta,
}

/// The allowances of one attempt.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// The name with the network. The only one that counts where it has succeeded before.
    pub pair: (Subject, Rate),
    /// Used instead of the rate of `pair` where it has succeeded before.
    pub known: Rate,
    /// What is counted, and how often it may happen.
    pub name: (Subject, Rate),
    /// Absent when the network is unknown.
    pub network: Option<(Subject, Rate)>,
    /// When it happens.
    pub at: DateTime<Utc>,
}

/// Where attempts are counted. Each method is one transaction.
#[async_trait]
pub trait LoginAttempts: Send + Sync {
    /// Takes the attempt off every allowance that applies. When one of them is used up, takes off
    /// nothing and returns how long it is until the next attempt is allowed.
    async fn consume_attempt(&self, attempt: &Attempt) -> Result<Option<TimeDelta>>;
    /// Gives the attempt back and remembers that it succeeded.
    async fn succeeded(&self, attempt: &Attempt) -> Result<()>;
}
