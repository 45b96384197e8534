//! Streamed answers: each event is `data:` followed by JSON on one line.
use carrel_domain::Error;
use carrel_services::chat::{AnswerEvent, Finished, Source};
use carrel_services::record;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::streaming::event;
use crate::v1::conversations::wire::RESET;
use crate::v1::source;

/// Writes the events of one answer.
pub struct EventWriter {
    id: String,
    /// True if the client asked for the sources.
    with_sources: bool,
}

impl EventWriter {
    pub fn new(with_sources: bool) -> Self {
        Self { id: Uuid::new_v4().to_string(), with_sources }
    }

    /// Returns the id of the answer, which every event contains.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the events for one part of the answer.
    pub fn events(&self, answer_event: AnswerEvent) -> String {
        let id = &self.id;
        match answer_event {
            AnswerEvent::Text(text) | AnswerEvent::Reasoning(text) => {
                event(&self.chunk(&text, false))
            }
            AnswerEvent::Sources(_) => String::new(),
            AnswerEvent::Refused(text) => event(&complete_event(id, &text)),
            AnswerEvent::Failed { error, begun } => {
                let name = if begun { "uuid" } else { "id" };
                event(&error_event(name, id, &error))
            }
            AnswerEvent::Empty(empty) => event(&error_event("uuid", id, &empty.error())),
            AnswerEvent::Finished(finished) => {
                let sources = finished.as_ref().map(|finished| self.sources(&finished.sources));
                self.end(finished, sources.unwrap_or_default())
            }
        }
    }

    /// Returns the final events: the answer is complete, with its sources.
    pub fn end(&self, finished: Option<Finished>, sources: Vec<Value>) -> String {
        let mut last = json!({
            "uuid": self.id,
            "type": "finalizeResponseStream",
            "close": true,
            "error": false,
        });
        if let Some(finished) = finished {
            last["chatId"] = json!(finished.chat.0);
            last["metrics"] = record::metrics_of(&finished.metrics);
            last["sources"] = sources.into();
        }
        event(&self.chunk("", true)) + &event(&last)
    }

    fn sources(&self, sources: &[Source]) -> Vec<Value> {
        if self.with_sources { source::sources_json(sources) } else { Vec::new() }
    }

    fn chunk(&self, text: &str, close: bool) -> Value {
        json!({
            "uuid": self.id,
            "sources": [],
            "type": "textResponseChunk",
            "textResponse": text,
            "close": close,
            "error": false,
        })
    }
}

/// Returns the only event of a request that resets the conversation without a question.
pub fn reset() -> String {
    event(&complete_event(&Uuid::new_v4().to_string(), RESET))
}

fn error_event(name: &str, id: &str, error: &Error) -> Value {
    json!({
        name: id,
        "type": "abort",
        "textResponse": null,
        "sources": [],
        "close": true,
        "error": error.to_string(),
    })
}

fn complete_event(id: &str, text: &str) -> Value {
    json!({
        "id": id,
        "type": "textResponse",
        "textResponse": text,
        "sources": [],
        "attachments": [],
        "close": true,
        "error": null,
        "metrics": {},
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_model_cannot_forge_an_event() {
        let forged = "x\n\ndata: {\"type\":\"finalizeResponseStream\"}\n\n";
        let events = EventWriter::new(true).events(AnswerEvent::Text(forged.into()));
        assert_eq!(events.matches("\n\n").count(), 1, "{events}");
        assert_eq!(events.matches("data: ").count(), 2, "{events}");
        let data: Value = serde_json::from_str(events.trim().trim_start_matches("data: ")).unwrap();
        assert_eq!(data["textResponse"], forged);
    }
}
