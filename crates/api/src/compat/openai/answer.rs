//! Chat completions at `/api/v1`, whole and streamed.
use carrel_services::chat::{AnswerEvent, Reply};
use carrel_services::record;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::compat::sources;
use crate::error::openai::stream_error;
use crate::streaming::event;
use crate::v1::openai::wire::answer::{self as native, Completion, Ending};

/// The fields that every part of an answer repeats.
pub struct Heading {
    native: native::Heading,
    /// Finish reason of a refused question.
    refusal_reason: &'static str,
}

impl Heading {
    /// Creates the fields for a workspace that may be empty.
    pub fn new(model: String, created: i64, is_empty: bool) -> Self {
        let native = native::Heading::named(Uuid::new_v4().to_string(), model, created);
        Self { native, refusal_reason: if is_empty { "abort" } else { "no_content" } }
    }

    pub fn completion(self, reply: Reply) -> Completion {
        let usage = json!({});
        let ending = match reply {
            Reply::Answered { text, sources, metrics, .. } => {
                Ending::answered(&text, sources::sources_json(&sources), &metrics)
            }
            Reply::Refused { text, .. } => {
                let content = Some(text);
                Ending { content, finish: self.refusal_reason, usage, ..Ending::default() }
            }
            // quirk(silence-200)
            Reply::Empty(empty) => Ending {
                finish: "no_content",
                usage: record::metrics_of(&empty.metrics),
                ..Ending::default()
            },
        };
        self.native.whole(ending)
    }
}

/// A completion stream for clients of `/api/v1`.
// quirk(whole-chunks): each part has `role` and `usage`; there is no `[DONE]`
// native: the first part of a streamed completion has the `role`, the last precedes `[DONE]`;
// `usage` is sent if `include_usage` asks for it
// test: `openai::the_other_mount_responds_as_its_clients_expect`
pub struct CompletionStream {
    heading: Heading,
    /// True once an error was sent, after which nothing follows.
    has_failed: bool,
}

impl CompletionStream {
    pub fn new(heading: Heading) -> Self {
        Self { heading, has_failed: false }
    }

    pub fn encode(&mut self, answer_event: AnswerEvent) -> String {
        match answer_event {
            _ if self.has_failed => String::new(),
            AnswerEvent::Text(text) => self.part(json!(text), None, json!({})),
            // quirk(whole-chunks): the reasoning field exists in the native API only.
            AnswerEvent::Reasoning(_) => String::new(),
            AnswerEvent::Refused(text) => {
                self.part(json!(text), Some(self.heading.refusal_reason), json!({}))
            }
            // An answer that breaks off must not look complete.
            AnswerEvent::Failed { error, .. } => {
                self.has_failed = true;
                event(&stream_error(&error))
            }
            AnswerEvent::Sources(_) | AnswerEvent::Empty(_) => String::new(),
            AnswerEvent::Finished(finished) => {
                let metrics = finished.map(|finished| finished.metrics);
                let finish = metrics.as_ref().map_or("stop", |metrics| metrics.finish.as_str());
                let usage = metrics.as_ref().map(record::metrics_of);
                let usage = usage.unwrap_or_else(|| json!({}));
                self.part(json!(""), None, json!({})) + &self.part(json!(""), Some(finish), usage)
            }
        }
    }

    fn part(&self, content: Value, finish: Option<&str>, usage: Value) -> String {
        let delta = json!({ "role": "assistant", "content": content });
        event(&self.heading.native.chunk(&delta, finish, Some(usage)))
    }
}
