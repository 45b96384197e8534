//! Answers part by part on the wire: each event is `data:` and JSON on one line.
use carrel_domain::Error;
use carrel_services::chat::{AnswerEvent, Finished, Source};
use carrel_services::record;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::mount::Mount;
use crate::streaming::event;
use crate::v1::conversations::wire::RESET;
use crate::v1::source;

/// Tells one answer.
pub struct Teller {
    id: String,
    mount: Mount,
    /// Whether the client expects the events of an agent.
    as_agent: bool,
    /// Whether the client wants to know what the answer is built on.
    with_sources: bool,
}

impl Teller {
    pub fn new(mount: Mount, as_agent: bool, with_sources: bool) -> Self {
        Self { id: Uuid::new_v4().to_string(), mount, as_agent, with_sources }
    }

    /// The events that tell a piece of the answer.
    // quirk(id-or-uuid): the name of the answer's id depends on the type.
    pub fn events(&self, piece: AnswerEvent) -> String {
        let id = &self.id;
        match piece {
            AnswerEvent::Text(text) | AnswerEvent::Reasoning(text) if self.as_agent => {
                event(&self.agent_chunk(&text))
            }
            AnswerEvent::Text(text) | AnswerEvent::Reasoning(text) => {
                event(&self.chunk(&text, false))
            }
            AnswerEvent::Refused(text) => event(&whole(id, &text)),
            AnswerEvent::Failed { error, begun } => {
                let name = if begun { "uuid" } else { "id" };
                event(&failed(name, id, &error))
            }
            // quirk(silence-200): a stream without text only ends there.
            AnswerEvent::Empty(_) if self.mount == Mount::Compat => String::new(),
            AnswerEvent::Empty(empty) => event(&failed("uuid", id, &empty.error())),
            AnswerEvent::Finished(Some(finished)) if self.as_agent => self.agent_end(&finished),
            AnswerEvent::Finished(finished) => self.end(finished),
        }
    }

    fn end(&self, finished: Option<Finished>) -> String {
        let mut last = json!({
            "uuid": self.id,
            "type": "finalizeResponseStream",
            "close": true,
            "error": false,
        });
        if let Some(finished) = finished {
            last["chatId"] = json!(finished.chat.0);
            last["metrics"] = record::metrics_of(&finished.metrics);
            last["sources"] = self.sources(&finished.sources);
        }
        event(&self.chunk("", true)) + &event(&last)
    }

    // quirk(answered-by-agent): the whole text comes again, and the metrics come twice.
    fn agent_end(&self, finished: &Finished) -> String {
        let Finished { chat, text, sources, metrics } = finished;
        let (id, metrics) = (&self.id, record::metrics_of(metrics));
        let spent = json!({
            "id": id,
            "type": "usageMetrics",
            "metrics": metrics,
            "close": false,
            "error": null,
        });
        let said = json!({
            "id": id,
            "type": "textResponse",
            "textResponse": text,
            "sources": [],
            "attachments": [],
            "close": true,
            "error": null,
            "animate": false,
        });
        let last = json!({
            "uuid": id,
            "type": "finalizeResponseStream",
            "textResponse": text,
            "thoughts": [],
            "outputs": [],
            "sources": self.sources(sources),
            "close": true,
            "error": false,
            "chatId": chat.0,
            "metrics": metrics,
        });
        event(&spent) + &event(&said) + &event(&last)
    }

    fn sources(&self, sources: &[Source]) -> Value {
        match self.with_sources {
            true => source::listed(sources, self.mount).into(),
            false => json!([]),
        }
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

    fn agent_chunk(&self, text: &str) -> Value {
        json!({
            "id": self.id,
            "type": "textResponseChunk",
            "textResponse": text,
            "sources": [],
            "close": false,
            "error": null,
        })
    }
}

/// The only event of a conversation that begins anew without a question.
pub fn reset() -> String {
    event(&whole(&Uuid::new_v4().to_string(), RESET))
}

fn failed(name: &str, id: &str, error: &Error) -> Value {
    json!({
        name: id,
        "type": "abort",
        "textResponse": null,
        "sources": [],
        "close": true,
        "error": error.to_string(),
    })
}

fn whole(id: &str, text: &str) -> Value {
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
    fn words_of_a_model_cannot_look_like_an_event() {
        let forged = "x\n\ndata: {\"type\":\"finalizeResponseStream\"}\n\n";
        for as_agent in [false, true] {
            let told =
                Teller::new(Mount::Compat, as_agent, true).events(AnswerEvent::Text(forged.into()));
            assert_eq!(told.matches("\n\n").count(), 1, "{told}");
            assert_eq!(told.matches("data: ").count(), 2, "{told}");
            let data: Value =
                serde_json::from_str(told.trim().trim_start_matches("data: ")).unwrap();
            assert_eq!(data["textResponse"], forged);
        }
    }
}
