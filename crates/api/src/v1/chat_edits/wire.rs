//! Single exchanges and sessions on the wire.
use carrel_domain::chat_edit::ChatSession;
use carrel_domain::{ChatId, Error, Result};
use carrel_services::chat_edits::Edit;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use crate::wire::{sent, time};

/// The exchange that a path names; what is no number names none.
pub fn chat_id(text: &str) -> Result<ChatId> {
    text.parse().map(ChatId).map_err(|_| Error::not_found("chat", text))
}

/// Other words for an exchange; those that are absent stay.
#[derive(Deserialize, ToSchema)]
pub struct ChatFields {
    /// The question, at most 1 MiB.
    #[serde(default)]
    prompt: Option<String>,
    /// The answer's text, at most 1 MiB.
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
    /// Thumbs up (true), thumbs down (false), or neither any more (null).
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

/// That an exchange was changed, rated or removed.
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
    /// Only sessions whose names come later.
    after: Option<String>,
    /// How many, 1 to 500; 100 when absent.
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
    /// How many exchanges it has.
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

/// Sessions of a workspace, by name.
#[derive(Serialize, ToSchema)]
pub struct SessionPage {
    pub sessions: Vec<SessionRow>,
    /// Whether there are sessions after these.
    pub has_more: bool,
}
