//! JSON as clients of this API know it. Names and shapes here are fixed by those clients.
pub mod admin;
pub mod chat;
pub mod compat;
pub mod directory;
pub mod document;
pub mod history;
pub mod retrieval;
pub mod stream;
pub mod system;
pub mod thread;
pub mod workspace;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// RFC 3339 in UTC with milliseconds: `2026-02-03T10:11:12.345Z`.
pub fn time(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// A value that was sent, even if it was `null`: tells `{"a":null}` from `{}`.
pub fn sent<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

#[derive(Serialize, ToSchema)]
pub struct Authenticated {
    pub authenticated: bool,
}
