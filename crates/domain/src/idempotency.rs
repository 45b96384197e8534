//! Requests that may be repeated: a repeated request gets the first response.
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::{ApiKeyId, Result};

/// How long an answer is remembered.
pub const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// How many requests of one key are remembered; of more, the earliest are forgotten.
pub const MOST_REMEMBERED: u32 = 1_000;

/// After this long, a request without an answer is taken to have been broken off.
pub const BROKEN_OFF: TimeDelta = TimeDelta::minutes(10);

/// A request that its sender has given a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// SHA-256 of the sender and the name.
    pub name: [u8; 32],
    /// The API key that named it. Names of different keys are different.
    pub by: ApiKeyId,
    /// SHA-256 of what is asked.
    pub content: [u8; 32],
}

/// The state of a request when it arrives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdempotencyState {
    /// Nothing: it is noted as begun, and whoever asked carries it out. Also when it was broken
    /// off earlier.
    New,
    /// Another of the same name is being carried out.
    InProgress,
    /// The same name was given to a request that asks for something else.
    Mismatch,
    /// It was answered so.
    Completed(String),
}

/// Stores repeatable requests. Each method is one transaction.
#[async_trait]
pub trait IdempotencyKeys: Send + Sync {
    /// Forgets what is out of date, too.
    async fn begin(
        &self,
        request: IdempotentRequest,
        now: DateTime<Utc>,
    ) -> Result<IdempotencyState>;
    /// Stores the answer of a claimed request. Does nothing when the claim is gone.
    async fn answered(&self, name: [u8; 32], answer: String) -> Result<()>;
    /// Forgets a request that came to nothing.
    async fn failed(&self, name: [u8; 32]) -> Result<()>;
}
