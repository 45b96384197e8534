//! JSON of the audit log.
use carrel_domain::audit::LoggedEvent;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::wire::time;

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct EventQuery {
    /// Only events before the one with this id.
    pub before: Option<i64>,
    /// Number of events, 1 to 500; 50 if absent.
    limit: Option<u32>,
}

impl EventQuery {
    pub fn limit(&self) -> u32 {
        self.limit.unwrap_or(50).clamp(1, 500)
    }
}

#[derive(Serialize, ToSchema)]
pub struct EventPage {
    pub events: Vec<EventRow>,
    /// True if earlier events follow.
    pub has_more: bool,
    /// Total number of events.
    pub total: u64,
}

/// A change, its actor and the actor's address.
#[derive(Serialize, ToSchema)]
pub struct EventRow {
    id: i64,
    event: String,
    /// The changed values.
    #[schema(value_type = Object)]
    details: Value,
    /// `key:<id>`, `user:<id>`, `operator`, `stranger` or `server`.
    actor: String,
    /// Network address of the actor.
    address: Option<String>,
    occurred_at: String,
}

impl From<LoggedEvent> for EventRow {
    fn from(event: LoggedEvent) -> Self {
        let LoggedEvent { id, name, details, actor, address, at, digest: _ } = event;
        let details = serde_json::from_str(&details).unwrap_or(Value::String(details));
        Self { id, event: name, details, actor, address, occurred_at: time(at) }
    }
}
