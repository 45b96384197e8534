//! Questions and answers on the wire.
use carrel_domain::workspace::ChatMode;
use carrel_domain::{Error, Result};
use carrel_services::chat::{Question, Reply};
use carrel_services::record;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatBody {
    /// The question.
    #[serde(default)]
    #[schema(value_type = String)]
    message: Option<Value>,
    /// `chat`, `query` or `automatic`; the workspace's when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mode: Option<Value>,
    /// The client's own name for the conversation.
    #[serde(default, alias = "session_id")]
    #[schema(value_type = Option<String>)]
    session_id: Option<Value>,
}

/// The longest name of a session, in bytes.
const LONGEST_SESSION: usize = 512;

impl ChatBody {
    pub fn into_question(self) -> Result<Question> {
        let text = match self.message {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => String::new(),
            Some(_) => return Err(Error::invalid("message", "Message must be text")),
        };
        let mode = match self.mode {
            None | Some(Value::Null) => None,
            Some(Value::String(mode)) => {
                Some(ChatMode::parse(&mode).ok_or_else(|| not_a_mode(&mode))?)
            }
            Some(other) => return Err(not_a_mode(&other.to_string())),
        };
        let session = match self.session_id {
            None | Some(Value::Null) => None,
            Some(Value::String(session)) => Some(session),
            Some(Value::Number(session)) => Some(session.to_string()),
            Some(_) => return Err(Error::invalid("sessionId", "must be text")),
        };
        if session.as_ref().is_some_and(|session| session.len() > LONGEST_SESSION) {
            return Err(Error::invalid("sessionId", "must not be longer than 512 bytes"));
        }
        let session = session.filter(|session| !session.is_empty());
        Ok(Question { text, mode, session, user: None })
    }
}

fn not_a_mode(mode: &str) -> Error {
    Error::invalid("mode", format!("{mode} is not a valid mode."))
}

/// An answer.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatAnswer {
    id: String,
    /// `textResponse`.
    r#type: &'static str,
    close: bool,
    error: Option<String>,
    /// The number of the exchange; absent when the question was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_id: Option<i64>,
    text_response: String,
    /// The passages the answer is built on: the document, the text, how similar.
    #[schema(value_type = Vec<Object>)]
    sources: Vec<Value>,
    /// Tokens, seconds and the model's name; empty when no model was asked.
    #[schema(value_type = Object)]
    metrics: Value,
}

impl From<Reply> for ChatAnswer {
    fn from(reply: Reply) -> Self {
        let (chat_id, text_response, sources, metrics) = match reply {
            Reply::Answered { chat, text, sources, metrics } => {
                let sources = sources.iter().map(record::source).collect();
                (Some(chat.0), text, sources, record::metrics_of(&metrics))
            }
            Reply::Refused { text, .. } => (None, text, Vec::new(), json!({})),
        };
        let id = Uuid::new_v4().to_string();
        Self {
            id,
            r#type: "textResponse",
            close: true,
            error: None,
            chat_id,
            text_response,
            sources,
            metrics,
        }
    }
}
