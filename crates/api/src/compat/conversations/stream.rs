//! Streamed answers at `/api/v1`.
use carrel_services::chat::{AnswerEvent, Finished, Source};
use carrel_services::record;
use serde_json::{Value, json};

use crate::compat::sources;
use crate::streaming::event;
use crate::v1::conversations::stream as native;

/// Writes the events of one answer.
pub struct EventWriter {
    native: native::EventWriter,
    /// True if the client expects an agent's events.
    as_agent: bool,
    /// True if the client asked for the sources.
    with_sources: bool,
}

impl EventWriter {
    pub fn new(as_agent: bool, with_sources: bool) -> Self {
        Self { native: native::EventWriter::new(with_sources), as_agent, with_sources }
    }

    /// Returns the events for one part of the answer.
    // quirk(id-or-uuid): the answer's id is `id` in `textResponse` and in a leading `abort`, `uuid`
    // in all other events
    // native: the same
    // test: `conversations::a_stream_ends_with_the_sources_of_the_answer`
    pub fn events(&self, answer_event: AnswerEvent) -> String {
        match answer_event {
            AnswerEvent::Text(text) | AnswerEvent::Reasoning(text) if self.as_agent => {
                event(&self.agent_chunk(&text))
            }
            // quirk(silence-200): a stream without text just ends.
            AnswerEvent::Empty(_) => String::new(),
            AnswerEvent::Finished(Some(finished)) if self.as_agent => self.agent_end(&finished),
            AnswerEvent::Finished(Some(finished)) => {
                let sources = self.sources(&finished.sources);
                self.native.end(Some(finished), sources)
            }
            answer_event => self.native.events(answer_event),
        }
    }

    // quirk(answered-by-agent): in the mode `automatic`, and if a message begins with `@agent`, it
    // looks like an agent's: empty `thoughts` and `outputs`, and a stream that sends `usageMetrics`
    // and then the whole text again
    // native: an answer looks the same in every mode
    // test: `talk::an_automatic_answer_looks_like_that_of_an_agent_to_existing_clients`
    fn agent_end(&self, finished: &Finished) -> String {
        let Finished { chat, text, sources, metrics } = finished;
        let (id, metrics) = (self.native.id(), record::metrics_of(metrics));
        let usage = json!({
            "id": id,
            "type": "usageMetrics",
            "metrics": metrics,
            "close": false,
            "error": null,
        });
        let answer = json!({
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
        event(&usage) + &event(&answer) + &event(&last)
    }

    fn sources(&self, sources: &[Source]) -> Vec<Value> {
        if self.with_sources { sources::sources_json(sources) } else { Vec::new() }
    }

    fn agent_chunk(&self, text: &str) -> Value {
        json!({
            "id": self.native.id(),
            "type": "textResponseChunk",
            "textResponse": text,
            "sources": [],
            "close": false,
            "error": null,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_of_a_model_cannot_forge_an_event() {
        let forged = "x\n\ndata: {\"type\":\"finalizeResponseStream\"}\n\n";
        for as_agent in [false, true] {
            let events = EventWriter::new(as_agent, true).events(AnswerEvent::Text(forged.into()));
            assert_eq!(events.matches("\n\n").count(), 1, "{events}");
            assert_eq!(events.matches("data: ").count(), 2, "{events}");
        }
    }
}
