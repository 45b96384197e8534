//! Idempotent requests: a repeated request gets the response of the first.
use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use crate::{ApiKeyId, Result};

/// How long a response is stored.
pub const REMEMBERED: TimeDelta = TimeDelta::hours(24);

/// The maximum number of requests stored per key. Older ones are removed.
pub const MAX_REMEMBERED: u32 = 1_000;

/// How long a request may run. After that, a request without a response counts as aborted.
pub const BROKEN_OFF: TimeDelta = TimeDelta::minutes(10);

/// A request with an idempotency key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IdempotentRequest {
    /// The SHA-256 of the sender and the key.
    pub name: [u8; 32],
    /// The API key of the sender. Senders do not share idempotency keys.
    pub by: ApiKeyId,
    /// The SHA-256 of the request content.
    pub content: [u8; 32],
}

/// The state of a request on arrival.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IdempotencyState {
    /// The request is new, or an earlier attempt was aborted. It is now recorded as in progress,
    /// and the caller executes it.
    New,
    /// A request with the same key is in progress.
    InProgress,
    /// The same key was used for a different request.
    Mismatch,
    /// The request was completed with this response.
    Completed(String),
}

/// Stores idempotent requests. Each method is one transaction.
#[async_trait]
pub trait IdempotencyKeys: Send + Sync {
    /// Looks a request up and records it if it is new. Also removes expired entries.
    async fn begin(
        &self,
        request: IdempotentRequest,
        now: DateTime<Utc>,
    ) -> Result<IdempotencyState>;
    /// Stores the response of a request in progress. Does nothing if its record no longer exists.
    async fn answered(&self, name: [u8; 32], answer: String) -> Result<()>;
    /// Removes a request that failed, so that it can be repeated.
    async fn failed(&self, name: [u8; 32]) -> Result<()>;
}
