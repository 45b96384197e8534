//! JSON of questions and answers.
use carrel_domain::workspace::ChatMode;
use carrel_domain::{Error, Result, UserId};
use carrel_services::chat::{Question, Reply, RequestOverrides};
use carrel_services::record;
use carrel_services::search::MAX_PASSAGES;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::v1::conversations::attachment::attachments;
use crate::v1::threads::wire::user;
use crate::v1::{filter, source};

#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ChatBody {
    /// The question, at most 1 MiB. Required unless `reset` is true.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub message: Option<Value>,
    /// `chat`, `query` or `automatic`; the workspace's mode if absent.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub mode: Option<Value>,
    /// The client's own name for the conversation. Not allowed in threads.
    #[serde(default, alias = "session_id")]
    #[schema(value_type = Option<String>)]
    pub session_id: Option<Value>,
    /// The user who asks. Only in threads.
    #[serde(default, alias = "user_id")]
    #[schema(value_type = Option<i32>)]
    pub user_id: Option<Value>,
    /// True to reset the conversation: the model does not see earlier exchanges.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub reset: Option<Value>,
    /// Images for the model and documents to read, at most 16.
    #[serde(default)]
    #[schema(value_type = Option<Vec<super::attachment::AttachmentBody>>)]
    pub attachments: Option<Value>,
    /// Number of passages to retrieve, 1 to 1000; the workspace's setting if absent.
    #[serde(default, rename = "topN", alias = "top_n")]
    #[schema(value_type = Option<u32>, minimum = 1, maximum = 1000)]
    pub top_n: Option<Value>,
    /// Sampling temperature, 0 to 2; the workspace's setting if absent.
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 2)]
    pub temperature: Option<Value>,
    /// Another model of the workspace's provider, at most 200 bytes.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub model: Option<Value>,
    /// False to omit the sources from the response.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub sources: Option<Value>,
    /// Restricts the answer to some documents; all documents of the workspace if absent. Documents
    /// attached to the question are always used.
    #[serde(default)]
    #[schema(value_type = Option<filter::FilterBody>)]
    pub filter: Option<Value>,
}

/// A chat request that was read and validated.
pub struct QuestionRequest {
    pub question: Question,
    pub user: Option<UserId>,
    /// True to forget the earlier conversation.
    pub reset: bool,
    /// True to return the sources.
    pub with_sources: bool,
}

impl QuestionRequest {
    /// True if the request only resets the conversation.
    pub fn is_reset_only(&self) -> bool {
        self.reset && self.question.text.trim().is_empty()
    }
}

/// Longest name of a session, in bytes.
const MAX_SESSION_BYTES: usize = 512;

/// Longest name of a model, in bytes.
const MAX_MODEL_BYTES: usize = 200;

const MAX_TEMPERATURE: f64 = 2.0;

impl ChatBody {
    pub fn read(self) -> Result<QuestionRequest> {
        let reset = reset(self.reset.as_ref())?;
        let text = match self.message {
            Some(Value::String(text)) => text,
            None | Some(Value::Null) => String::new(),
            Some(_) => return Err(Error::invalid("message", "must be text")),
        };
        let mode = match self.mode {
            _ if reset && text.is_empty() => None,
            None | Some(Value::Null) => None,
            Some(Value::String(mode)) => {
                Some(ChatMode::parse(&mode).ok_or_else(|| not_a_mode(&mode))?)
            }
            Some(value) => return Err(not_a_mode(&value.to_string())),
        };
        let overrides = RequestOverrides {
            passages: option(self.top_n, "topN", "a whole number from 1 to 1000", passages)?,
            temperature: option(
                self.temperature,
                "temperature",
                "a number from 0 to 2",
                temperature,
            )?,
            model: option(self.model, "model", "text of 1 to 200 bytes", model)?,
            filter: filter::read(self.filter)?,
            ..RequestOverrides::default()
        };
        let with_sources = option(self.sources, "sources", "true or false", Value::as_bool)?;
        let question = Question {
            text,
            mode,
            session: session(self.session_id)?,
            attachments: attachments(self.attachments)?,
            can_call_agent: true,
            overrides,
            ..Question::default()
        };
        let user = user(self.user_id.as_ref())?;
        Ok(QuestionRequest { question, user, reset, with_sources: with_sources.unwrap_or(true) })
    }
}

fn session(value: Option<Value>) -> Result<Option<String>> {
    let session = match value {
        None | Some(Value::Null) => None,
        Some(Value::String(session)) => Some(session),
        Some(Value::Number(session)) => Some(session.to_string()),
        Some(_) => return Err(Error::invalid("sessionId", "must be text")),
    };
    if session.as_ref().is_some_and(|session| session.len() > MAX_SESSION_BYTES) {
        return Err(Error::invalid("sessionId", "must not be longer than 512 bytes"));
    }
    Ok(session.filter(|session| !session.is_empty()))
}

/// Parses an optional value.
fn option<T>(
    value: Option<Value>,
    field: &'static str,
    allowed: &str,
    parse: impl FnOnce(&Value) -> Option<T>,
) -> Result<Option<T>> {
    let Some(value) = value.filter(|value| !value.is_null()) else { return Ok(None) };
    let invalid = || Error::invalid(field, format!("must be {allowed}"));
    parse(&value).map(Some).ok_or_else(invalid)
}

pub fn passages(value: &Value) -> Option<usize> {
    let number = usize::try_from(value.as_u64()?).ok()?;
    (1..=MAX_PASSAGES).contains(&number).then_some(number)
}

pub fn temperature(value: &Value) -> Option<f64> {
    value.as_f64().filter(|number| (0.0..=MAX_TEMPERATURE).contains(number))
}

pub fn model(value: &Value) -> Option<String> {
    let name = value.as_str()?.trim();
    (1..=MAX_MODEL_BYTES).contains(&name.len()).then(|| name.to_owned())
}

fn reset(value: Option<&Value>) -> Result<bool> {
    match value {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(reset)) => Ok(*reset),
        Some(_) => Err(Error::invalid("reset", "must be true or false")),
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
    /// Id of the exchange. Absent if the question was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    chat_id: Option<i64>,
    text_response: String,
    /// Documents and passages that the answer is built on, with the similarity of each passage.
    #[schema(value_type = Vec<Object>)]
    sources: Vec<Value>,
    /// Tokens, seconds and the model's name. Empty if no model was called.
    #[schema(value_type = Object)]
    metrics: Value,
}

/// The response to a reset.
pub const RESET: &str = "Chat history was reset!";

impl ChatAnswer {
    pub fn reset() -> Self {
        Self::complete(None, RESET.to_owned(), Vec::new(), json!({}))
    }

    /// Creates the response. An answer without text is an error.
    pub fn new(reply: Reply, with_sources: bool) -> Result<Self> {
        let (chat, text, sources, metrics) = match reply {
            Reply::Refused { text, .. } => {
                return Ok(Self::complete(None, text, Vec::new(), json!({})));
            }
            Reply::Empty(empty) => return Err(empty.error()),
            Reply::Answered { chat, text, sources, metrics } => (chat, text, sources, metrics),
        };
        let sources = if with_sources { source::sources_json(&sources) } else { Vec::new() };
        Ok(Self::complete(Some(chat.0), text, sources, record::metrics_of(&metrics)))
    }

    fn complete(
        chat_id: Option<i64>,
        text_response: String,
        sources: Vec<Value>,
        metrics: Value,
    ) -> Self {
        Self {
            id: Uuid::new_v4().to_string(),
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
