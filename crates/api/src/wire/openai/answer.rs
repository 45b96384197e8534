//! Chat completions: whole ones, and ones that come part by part.
use carrel_domain::Result;
use carrel_domain::model::Usage;
use carrel_services::chat::{Finished, Piece, Reply, silence};
use carrel_services::record;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::failure::openai::broken_off;
use crate::mount::Mount;
use crate::streaming::event;
use crate::wire::source;

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
    /// `stop`. At `/api/v1` a refusal is `abort` where the workspace is empty, else `no_content`, as
    /// is an answer without text.
    finish_reason: &'static str,
}

#[derive(Serialize, ToSchema)]
struct Said {
    /// `assistant`.
    role: &'static str,
    /// Null at `/api/v1` where the model had nothing to say.
    content: Option<String>,
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
        let (content, finish_reason, usage, sources) = match reply {
            Reply::Answered { text, sources, metrics, .. } => {
                let sources = source::listed(&sources, self.mount);
                (Some(text), "stop", record::metrics_of(&metrics), sources)
            }
            Reply::Refused { text, .. } => {
                (Some(text), self.refused, self.nothing_spent(), Vec::new())
            }
            // quirk(silence-200)
            Reply::Silent { metrics, .. } if self.mount == Mount::Compat => {
                (None, "no_content", record::metrics_of(&metrics), Vec::new())
            }
            Reply::Silent { why, .. } => return Err(silence(&why)),
        };
        let message = Said { role: "assistant", content };
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
        let object = match self.mount {
            Mount::Native => "chat.completion.chunk",
            // quirk(whole-chunks): parts go by the name of the whole.
            Mount::Compat => "chat.completion",
        };
        let choice = json!({
            "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish,
        });
        let mut chunk = json!({
            "id": self.id, "object": object, "created": self.created, "model": self.model,
            "choices": [choice],
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage;
        }
        chunk
    }
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

    pub fn tell(&mut self, piece: Piece) -> String {
        match piece {
            _ if self.broke_off => String::new(),
            Piece::Text(text) => self.part(&json!({ "content": text }), None, None),
            Piece::Refused(text) => {
                let said = self.part(&json!({ "content": text }), None, None);
                said + &self.end(&json!([]), self.heading.nothing_spent())
            }
            Piece::Failed { error, .. } => {
                self.broke_off = true;
                event(&broken_off(&error))
            }
            Piece::Silent(why) => {
                self.broke_off = true;
                event(&broken_off(&silence(&why)))
            }
            Piece::Finished(None) => String::new(),
            Piece::Finished(Some(Finished { sources, metrics, .. })) => {
                let sources = source::listed(&sources, self.heading.mount).into();
                self.end(&sources, record::metrics_of(&metrics))
            }
        }
    }

    fn end(&self, sources: &Value, usage: Value) -> String {
        let mut end = self.part(&json!({}), Some("stop"), Some(sources));
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
pub struct CompatStream(pub Heading);

impl CompatStream {
    pub fn tell(&self, piece: Piece) -> String {
        match piece {
            Piece::Text(text) => self.part(json!(text), None, json!({})),
            Piece::Refused(text) => self.part(json!(text), Some(self.0.refused), json!({})),
            Piece::Failed { .. } => self.part(json!(null), None, json!({})),
            Piece::Silent(_) => String::new(),
            Piece::Finished(finished) => {
                let spent = finished.map(|finished| record::metrics_of(&finished.metrics));
                let spent = spent.unwrap_or_else(|| json!({}));
                self.part(json!(""), None, json!({})) + &self.part(json!(""), Some("stop"), spent)
            }
        }
    }

    fn part(&self, content: Value, finish: Option<&str>, usage: Value) -> String {
        let delta = json!({ "role": "assistant", "content": content });
        event(&self.0.chunk(&delta, finish, Some(usage)))
    }
}
