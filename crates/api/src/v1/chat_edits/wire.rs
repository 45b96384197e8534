//! JSON of single exchanges and chat sessions.
use carrel_domain::chat_edit::ChatSession;
use carrel_domain::{ChatId, Error, Result};
use carrel_services::chat_edits::Edit;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::wire::{sent, time};

/// Parses the exchange's id in a path. A text that is not a number is reported as not found.
pub fn chat_id(text: &str) -> Result<ChatId> {
    text.parse().map(ChatId).map_err(|_| Error::not_found("chat", text))
}

/// New texts of an exchange. Absent fields do not change.
#[derive(Deserialize, ToSchema)]
pub struct ChatFields {
    /// The question, at most 1 MiB.
    #[serde(default)]
    prompt: Option<String>,
    /// Text of the answer, at most 1 MiB.
    #[serde(default)]
    response: Option<String>,
}

impl ChatFields {
    pub fn read(self) -> Result<Edit> {
        match self {
            Self { prompt: None, response: None } => {
                Err(Error::invalid("body", "must have a prompt or a response"))
            }
            Self { prompt, response } => Ok(Edit { prompt, answer: response }),
        }
    }
}

#[derive(Deserialize, ToSchema)]
pub struct FeedbackBody {
    /// True for thumbs up, false for thumbs down, null to remove the rating.
    #[serde(default, deserialize_with = "sent")]
    #[schema(value_type = Option<bool>)]
    feedback: Option<Value>,
}

impl FeedbackBody {
    pub fn read(self) -> Result<Option<bool>> {
        match self.feedback {
            Some(Value::Null) => Ok(None),
            Some(Value::Bool(feedback)) => Ok(Some(feedback)),
            _ => Err(Error::invalid("feedback", "must be true, false or null")),
        }
    }
}

/// Confirms that an exchange was changed, rated or deleted.
#[derive(Serialize, ToSchema)]
pub struct ChatChanged {
    success: bool,
    error: Option<String>,
}

impl ChatChanged {
    pub fn done() -> Self {
        Self { success: true, error: None }
    }
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct SessionQuery {
    /// Return only sessions whose names sort after this one.
    after: Option<String>,
    /// Number of sessions, 1 to 500; 100 if absent.
    limit: Option<u32>,
}

impl SessionQuery {
    pub fn after(&self) -> Option<&str> {
        self.after.as_deref()
    }

    pub fn limit(&self) -> Result<u32> {
        match self.limit.unwrap_or(100) {
            limit @ 1..=500 => Ok(limit),
            _ => Err(Error::invalid("limit", "must be a whole number from 1 to 500")),
        }
    }
}

/// A conversation that a client has named.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionRow {
    session_id: String,
    /// Number of exchanges.
    chats: u64,
    created_at: String,
    last_updated_at: String,
}

impl From<ChatSession> for SessionRow {
    fn from(session: ChatSession) -> Self {
        let ChatSession { name, chats, first_at, last_at } = session;
        let (created_at, last_updated_at) = (time(first_at), time(last_at));
        Self { session_id: name, chats, created_at, last_updated_at }
    }
}

/// Chat sessions of a workspace, sorted by name.
#[derive(Serialize, ToSchema)]
pub struct SessionPage {
    pub sessions: Vec<SessionRow>,
    /// True if more sessions follow.
    pub has_more: bool,
}
