//! JSON of visitors' questions and of the answers.
use carrel_domain::Error;
use carrel_services::chat::AnswerEvent;
use carrel_services::widgets::{WidgetDenied, WidgetQuestion, uuid};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::streaming::event;
use crate::widget::error::OUT_OF_ORDER;

/// Longest question of a visitor, and longest prompt in a question, in bytes. A history has up to a
/// thousand exchanges.
const LONGEST_TEXT: usize = 16 << 10;
/// Longest name of a visitor or of a model, in bytes.
const LONGEST_NAME: usize = 255;
/// Highest temperature.
const HOTTEST: f64 = 2.0;

/// Unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
pub struct EmbedQuestion {
    /// A UUID that the page generated for the conversation.
    #[serde(default, rename = "sessionId")]
    #[schema(value_type = String, format = "uuid")]
    session_id: Option<Value>,
    /// The question, at most 16 KiB.
    #[serde(default)]
    #[schema(value_type = String)]
    message: Option<Value>,
    /// Instructions for the model, at most 16 KiB. Used if the widget allows it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    prompt: Option<Value>,
    /// The language model. Used if the widget allows it.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    model: Option<Value>,
    /// Sampling temperature, 0 to 2. Used if the widget allows it.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    temperature: Option<Value>,
    /// The visitor's name, stored with the exchange.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    username: Option<Value>,
}

impl EmbedQuestion {
    /// Reads the question. An invalid session or message is refused; other invalid fields are
    /// ignored.
    pub fn read(self) -> Result<WidgetQuestion, WidgetDenied> {
        let session =
            session(self.session_id.as_ref().and_then(Value::as_str).unwrap_or_default())?;
        let Some(Value::String(message)) = self.message else {
            return Err(WidgetDenied::NoMessage);
        };
        if message.len() > LONGEST_TEXT {
            let limit = LONGEST_TEXT as u64;
            return Err(WidgetDenied::Failed(Error::TooLarge { what: "the message", limit }));
        }
        let temperature = self.temperature.as_ref().and_then(Value::as_f64);
        Ok(WidgetQuestion {
            session,
            message,
            username: text(self.username, LONGEST_NAME),
            prompt: text(self.prompt, LONGEST_TEXT),
            model: text(self.model, LONGEST_NAME),
            temperature: temperature.filter(|value| (0.0..=HOTTEST).contains(value)),
        })
    }
}

pub fn session(text: &str) -> Result<Uuid, WidgetDenied> {
    uuid(text).ok_or(WidgetDenied::WrongSession)
}

fn text(value: Option<Value>, longest: usize) -> Option<String> {
    match value {
        Some(Value::String(text)) if !text.is_empty() && text.len() <= longest => Some(text),
        _ => None,
    }
}

/// Returns the events for one part of the answer `id`. Visitors see neither the sources nor the
/// reason for a failure.
pub fn encode(id: &str, piece: AnswerEvent) -> String {
    match piece {
        AnswerEvent::Text(text) | AnswerEvent::Reasoning(text) => chunk(id, &text, false),
        AnswerEvent::Sources(_) | AnswerEvent::Empty(_) => String::new(),
        AnswerEvent::Finished(_) => chunk(id, "", true),
        AnswerEvent::Refused(text) => event(&json!({
            "id": id,
            "type": "textResponse",
            "textResponse": text,
            "sources": [],
            "close": true,
            "error": null,
        })),
        AnswerEvent::Failed { .. } => event(&json!({
            "id": id,
            "type": "abort",
            "textResponse": null,
            "sources": [],
            "close": true,
            "error": OUT_OF_ORDER,
            "errorMsg": OUT_OF_ORDER,
        })),
    }
}

fn chunk(id: &str, text: &str, close: bool) -> String {
    event(&json!({
        "uuid": id,
        "sources": [],
        "type": "textResponseChunk",
        "textResponse": text,
        "close": close,
        "error": false,
    }))
}
