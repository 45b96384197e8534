//! JSON of chat completions, whole and streamed.
use carrel_domain::Result;
use carrel_domain::model::{FinishReason, Usage};
use carrel_services::chat::{AnswerEvent, EmptyCompletion, Finished, Metrics, Reply};
use carrel_services::{reasoning, record};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::error::openai::stream_error;
use crate::streaming::event;
use crate::v1::source;

/// The end of a stream.
const DONE: &str = "data: [DONE]\n\n";

/// The fields that every part of an answer repeats.
#[derive(Clone, Debug)]
pub struct Heading {
    id: String,
    /// Seconds since 1970.
    created: i64,
    model: String,
}

/// A complete answer.
#[derive(Serialize, ToSchema)]
pub struct Completion {
    id: String,
    /// `chat.completion`.
    object: &'static str,
    created: i64,
    model: String,
    choices: Vec<Choice>,
    /// Tokens and other usage figures.
    #[schema(value_type = Object)]
    usage: Value,
    /// The passages the answer is built on; an extension of the protocol.
    #[schema(value_type = Vec<Object>)]
    sources: Vec<Value>,
}

#[derive(Serialize, ToSchema)]
struct Choice {
    index: u8,
    message: StatusMessage,
    /// Always null.
    logprobs: Option<bool>,
    /// Why the model stopped: `stop`, `length`, `content_filter` or `tool_calls`.
    finish_reason: &'static str,
}

#[derive(Serialize, ToSchema)]
struct StatusMessage {
    /// `assistant`.
    role: &'static str,
    /// Null if the model returned no text.
    content: Option<String>,
    /// The reasoning of the model; an extension of the protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
}

impl Heading {
    pub fn new(model: String, created: i64) -> Self {
        Self::named(format!("chatcmpl-{}", Uuid::new_v4().simple()), model, created)
    }

    /// Uses the given id.
    pub fn named(id: String, model: String, created: i64) -> Self {
        Self { id, created, model }
    }

    /// Creates the complete answer. An answer without text is an error, unless the model was cut
    /// short.
    pub fn completion(self, reply: Reply) -> Result<Completion> {
        let ending = match reply {
            Reply::Answered { text, sources, metrics, .. } => {
                Ending::answered(&text, source::sources_json(&sources), &metrics)
            }
            Reply::Refused { text, .. } => Ending {
                content: Some(text),
                finish: "stop",
                usage: nothing_spent(),
                ..Ending::default()
            },
            Reply::Empty(empty) => match cut_short(&empty) {
                Some(finish) => {
                    let usage = record::metrics_of(&empty.metrics);
                    Ending { finish, usage, ..Ending::default() }
                }
                None => return Err(empty.error()),
            },
        };
        Ok(self.whole(ending))
    }

    pub fn whole(self, ending: Ending) -> Completion {
        let Ending { content, reasoning_content, finish, usage, sources } = ending;
        let message = StatusMessage { role: "assistant", content, reasoning_content };
        Completion {
            id: self.id,
            object: "chat.completion",
            created: self.created,
            model: self.model,
            choices: vec![Choice { index: 0, message, logprobs: None, finish_reason: finish }],
            usage,
            sources,
        }
    }

    /// Returns the event for one part of the answer.
    pub fn chunk(&self, delta: &Value, finish: Option<&str>, usage: Option<Value>) -> Value {
        let choice = json!({
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish,
        });
        let mut chunk = json!({
            "id": self.id, "object": "chat.completion.chunk", "created": self.created, "model": self.model,
            "choices": [choice],
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        chunk
    }
}

/// The contents of a complete answer.
#[derive(Default)]
pub struct Ending {
    pub content: Option<String>,
    pub reasoning_content: Option<String>,
    pub finish: &'static str,
    pub usage: Value,
    pub sources: Vec<Value>,
}

impl Ending {
    pub fn answered(text: &str, sources: Vec<Value>, metrics: &Metrics) -> Self {
        let (reasoning, answer) = reasoning::split(text);
        Self {
            content: Some(answer.to_owned()),
            reasoning_content: reasoning.map(str::to_owned),
            finish: metrics.finish.as_str(),
            usage: record::metrics_of(metrics),
            sources,
        }
    }
}

/// Returns the usage of a refusal, for which no model was called.
fn nothing_spent() -> Value {
    let Usage { prompt_tokens, completion_tokens } = Usage::default();
    json!({
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    })
}

/// Returns the finish reason of an empty answer that OpenAI's own servers would not report as an
/// error.
fn cut_short(empty: &EmptyCompletion) -> Option<&'static str> {
    let finish = empty.metrics.finish;
    matches!(finish, FinishReason::Length | FinishReason::ContentFilter).then(|| finish.as_str())
}

/// A stream in the format of OpenAI's servers, with the sources in the last part.
pub struct CompletionStream {
    heading: Heading,
    /// True to send the usage at the end.
    counts: bool,
    /// True once an error was sent, after which nothing follows.
    has_failed: bool,
}

impl CompletionStream {
    pub fn new(heading: Heading, counts: bool) -> Self {
        Self { heading, counts, has_failed: false }
    }

    pub fn begin(&self) -> String {
        self.part(&json!({ "role": "assistant", "content": "" }), None, None)
    }

    pub fn encode(&mut self, piece: AnswerEvent) -> String {
        match piece {
            _ if self.has_failed => String::new(),
            AnswerEvent::Text(text) => self.part(&json!({ "content": text }), None, None),
            AnswerEvent::Reasoning(text) => {
                self.part(&json!({ "reasoning_content": text }), None, None)
            }
            AnswerEvent::Refused(text) => {
                let delta = self.part(&json!({ "content": text }), None, None);
                delta + &self.end("stop", &json!([]), nothing_spent())
            }
            AnswerEvent::Failed { error, .. } => {
                self.has_failed = true;
                event(&stream_error(&error))
            }
            AnswerEvent::Empty(empty) => match cut_short(&empty) {
                Some(finish) => self.end(finish, &json!([]), record::metrics_of(&empty.metrics)),
                None => {
                    self.has_failed = true;
                    event(&stream_error(&empty.error()))
                }
            },
            AnswerEvent::Sources(_) | AnswerEvent::Finished(None) => String::new(),
            AnswerEvent::Finished(Some(Finished { sources, metrics, .. })) => {
                let sources = source::sources_json(&sources).into();
                self.end(metrics.finish.as_str(), &sources, record::metrics_of(&metrics))
            }
        }
    }

    fn end(&self, finish: &str, sources: &Value, usage: Value) -> String {
        let mut end = self.part(&json!({}), Some(finish), Some(sources));
        if self.counts {
            let mut last = self.heading.chunk(&json!({}), None, Some(usage));
            last["choices"] = json!([]);
            end.push_str(&event(&last));
        }
        end + DONE
    }

    fn part(&self, delta: &Value, finish: Option<&str>, sources: Option<&Value>) -> String {
        let mut part = self.heading.chunk(delta, finish, self.counts.then_some(Value::Null));
        if let Some(sources) = sources {
            part["sources"] = sources.clone();
        }
        event(&part)
    }
}
