//! Questions and answers on the wire.
use carrel_domain::workspace::ChatMode;
use carrel_domain::{Error, Result, UserId};
use carrel_services::chat::{Question, Reply};
use carrel_services::record;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use super::thread::user;
use crate::mount::Mount;

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatBody {
    /// The question. Needed unless `reset` is true.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    message: Option<Value>,
    /// `chat`, `query` or `automatic`; the workspace's when absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    mode: Option<Value>,
    /// The client's own name for the conversation. Not in threads.
    #[serde(default, alias = "session_id")]
    #[schema(value_type = Option<String>)]
    session_id: Option<Value>,
    /// Who asks. In threads only.
    #[serde(default, alias = "user_id")]
    #[schema(value_type = Option<i32>)]
    user_id: Option<Value>,
    /// Whether the conversation begins anew: the model sees nothing of what was said before.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    reset: Option<Value>,
}

/// What a body asks for.
pub struct Asked {
    pub question: Question,
    pub user: Option<UserId>,
    /// Whether to forget what was said before.
    pub reset: bool,
}

impl Asked {
    /// Whether there is nothing to answer, because only a reset was asked for.
    pub fn is_reset_only(&self) -> bool {
        self.reset && self.question.text.trim().is_empty()
    }
}

/// The longest name of a session, in bytes.
const LONGEST_SESSION: usize = 512;

impl ChatBody {
    pub fn read(self, mount: Mount) -> Result<Asked> {
        let reset = reset(self.reset.as_ref(), mount)?;
        let text = match self.message {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => String::new(),
            // quirk(values-as-text): a message that is no text is none.
            Some(_) if mount == Mount::Compat => String::new(),
            Some(_) => return Err(Error::invalid("message", "must be text")),
        };
        let mode = match self.mode {
            _ if reset && text.is_empty() => None,
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
        let user = user(self.user_id.as_ref(), mount)?;
        let question = Question { text, mode, session, ..Question::default() };
        Ok(Asked { question, user, reset })
    }
}

fn reset(value: Option<&Value>, mount: Mount) -> Result<bool> {
    match value {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(reset)) => Ok(*reset),
        Some(_) if mount == Mount::Native => Err(Error::invalid("reset", "must be true or false")),
        // quirk(values-as-text): whatever is not nothing is true.
        Some(Value::Number(number)) => Ok(number.as_f64() != Some(0.0)),
        Some(Value::String(text)) => Ok(!text.is_empty()),
        Some(_) => Ok(true),
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

/// What is said when the conversation begins anew.
pub const RESET: &str = "Chat history was reset!";

impl ChatAnswer {
    pub fn reset() -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
            r#type: "textResponse",
            close: true,
            error: None,
            chat_id: None,
            text_response: RESET.to_owned(),
            sources: Vec::new(),
            metrics: json!({}),
        }
    }
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
