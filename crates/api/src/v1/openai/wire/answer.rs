//! Chat completions: whole ones, and ones that come part by part.
use carrel_domain::Result;
use carrel_domain::model::{FinishReason, Usage};
use carrel_services::chat::{AnswerEvent, EmptyCompletion, Finished, Reply};
use carrel_services::{reasoning, record};
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::failure::openai::broken_off;
use crate::mount::Mount;
use crate::streaming::event;
use crate::v1::source;

/// What ends a stream.
const DONE: &str = "data: [DONE]\n\n";

/// What is said of every part of one answer.
#[derive(Clone, Debug)]
pub struct Heading {
    pub mount: Mount,
    id: String,
    /// Seconds since 1970.
    created: i64,
    model: String,
    /// Why a refusal ends.
    pub refused: &'static str,
}

/// A whole answer.
#[derive(Serialize, ToSchema)]
pub struct Completion {
    id: String,
    /// `chat.completion`.
    object: &'static str,
    created: i64,
    model: String,
    choices: Vec<Choice>,
    /// Tokens, and what else is known of the cost.
    #[schema(value_type = Object)]
    usage: Value,
    /// The passages the answer is built on: an extension of the protocol.
    #[schema(value_type = Vec<Object>)]
    sources: Vec<Value>,
}

#[derive(Serialize, ToSchema)]
struct Choice {
    index: u8,
    message: Said,
    /// Always null.
    logprobs: Option<bool>,
    /// Why the model stopped: `stop`, `length`, `content_filter` or `tool_calls`. At `/api/v1` a refusal is `abort` where the workspace is empty, else `no_content`, as
    /// is an answer without text.
    finish_reason: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Said {
    /// `assistant`.
    role: &'static str,
    /// Null where the model ended without any text.
    content: Option<String>,
    /// What a reasoning model thought, natively: an extension of the protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
}

impl Heading {
    pub fn new(mount: Mount, model: String, created: i64) -> Self {
        let id = Uuid::new_v4();
        let id = match mount {
            Mount::Native => format!("chatcmpl-{}", id.simple()),
            Mount::Compat => id.to_string(),
        };
        Self { mount, id, created, model, refused: "stop" }
    }

    pub fn completion(self, reply: Reply) -> Result<Completion> {
        let mut reasoning_content = None;
        let (content, finish_reason, usage, sources) = match reply {
            Reply::Answered { text, sources, metrics, .. } => {
                let sources = source::listed(&sources, self.mount);
                let (reasoning, answer) = reasoning::split(&text);
                reasoning_content = reasoning.map(str::to_owned);
                let finish = metrics.finish.as_str();
                (Some(answer.to_owned()), finish, record::metrics_of(&metrics), sources)
            }
            Reply::Refused { text, .. } => {
                (Some(text), self.refused, self.nothing_spent(), Vec::new())
            }
            // quirk(silence-200)
            Reply::Empty(empty) if self.mount == Mount::Compat => {
                (None, "no_content", record::metrics_of(&empty.metrics), Vec::new())
            }
            Reply::Empty(empty) => match cut_short(&empty) {
                Some(finish) => (None, finish, record::metrics_of(&empty.metrics), Vec::new()),
                None => return Err(empty.error()),
            },
        };
        let message = Said { role: "assistant", content, reasoning_content };
        Ok(Completion {
            id: self.id,
            object: "chat.completion",
            created: self.created,
            model: self.model,
            choices: vec![Choice { index: 0, message, logprobs: None, finish_reason }],
            usage,
            sources,
        })
    }

    /// What a refusal costs, which no model was asked for.
    fn nothing_spent(&self) -> Value {
        let Usage { prompt_tokens, completion_tokens } = Usage::default();
        match self.mount {
            Mount::Compat => json!({}),
            Mount::Native => json!({
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": prompt_tokens + completion_tokens,
            }),
        }
    }

    /// The events that tell a piece of the answer.
    fn chunk(&self, delta: &Value, finish: Option<&str>, usage: Option<Value>) -> Value {
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

/// The finish reason of an empty answer that OpenAI's own servers would not call a failure.
fn cut_short(empty: &EmptyCompletion) -> Option<&'static str> {
    let finish = empty.metrics.finish;
    matches!(finish, FinishReason::Length | FinishReason::ContentFilter).then(|| finish.as_str())
}

/// A stream as OpenAI's own servers send it, with the sources in the last part.
pub struct NativeStream {
    heading: Heading,
    /// Whether it ends with what the answer cost.
    counts: bool,
    /// Whether an error was told, after which nothing is.
    broke_off: bool,
}

impl NativeStream {
    pub fn new(heading: Heading, counts: bool) -> Self {
        Self { heading, counts, broke_off: false }
    }

    pub fn begin(&self) -> String {
        self.part(&json!({ "role": "assistant", "content": "" }), None, None)
    }

    pub fn tell(&mut self, piece: AnswerEvent) -> String {
        match piece {
            _ if self.broke_off => String::new(),
            AnswerEvent::Text(text) => self.part(&json!({ "content": text }), None, None),
            AnswerEvent::Reasoning(text) => {
                self.part(&json!({ "reasoning_content": text }), None, None)
            }
            AnswerEvent::Refused(text) => {
                let said = self.part(&json!({ "content": text }), None, None);
                said + &self.end("stop", &json!([]), self.heading.nothing_spent())
            }
            AnswerEvent::Failed { error, .. } => {
                self.broke_off = true;
                event(&broken_off(&error))
            }
            AnswerEvent::Empty(empty) => match cut_short(&empty) {
                Some(finish) => self.end(finish, &json!([]), record::metrics_of(&empty.metrics)),
                None => {
                    self.broke_off = true;
                    event(&broken_off(&empty.error()))
                }
            },
            AnswerEvent::Finished(None) => String::new(),
            AnswerEvent::Finished(Some(Finished { sources, metrics, .. })) => {
                let sources = source::listed(&sources, self.heading.mount).into();
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

/// A stream as clients of `/api/v1` know it.
// quirk(whole-chunks): every part says whose it is, its cost is an empty object, nothing comes after
// the last.
pub struct CompatStream {
    heading: Heading,
    /// Whether an error was told, after which nothing is.
    broke_off: bool,
}

impl CompatStream {
    pub fn new(heading: Heading) -> Self {
        Self { heading, broke_off: false }
    }

    pub fn tell(&mut self, piece: AnswerEvent) -> String {
        match piece {
            _ if self.broke_off => String::new(),
            AnswerEvent::Text(text) => self.part(json!(text), None, json!({})),
            // quirk(whole-chunks): the field is one of the native mount.
            AnswerEvent::Reasoning(_) => String::new(),
            AnswerEvent::Refused(text) => {
                self.part(json!(text), Some(self.heading.refused), json!({}))
            }
            // An answer that breaks off must not look whole.
            AnswerEvent::Failed { error, .. } => {
                self.broke_off = true;
                event(&broken_off(&error))
            }
            AnswerEvent::Empty(_) => String::new(),
            AnswerEvent::Finished(finished) => {
                let metrics = finished.map(|finished| finished.metrics);
                let finish = metrics.as_ref().map_or("stop", |metrics| metrics.finish.as_str());
                let spent = metrics.as_ref().map(record::metrics_of);
                let spent = spent.unwrap_or_else(|| json!({}));
                self.part(json!(""), None, json!({})) + &self.part(json!(""), Some(finish), spent)
            }
        }
    }

    fn part(&self, content: Value, finish: Option<&str>, usage: Value) -> String {
        let delta = json!({ "role": "assistant", "content": content });
        event(&self.heading.chunk(&delta, finish, Some(usage)))
    }
}
