//! A language model behind the OpenAI chat-completions protocol, which most providers speak.
//!
//! Read here rather than through `genai`, for three reasons found in its version 0.7.2: it reads
//! the body of an error without any limit, takes endings such as `-max` off the names of models,
//! and finds nothing in the plain JSON that some servers send although a stream was asked for.
use std::collections::VecDeque;
use std::sync::Arc;

use async_trait::async_trait;
use carrel_domain::model::{Answer, ChatModel, ChatRequest, Delta, Image, ModelName, Role, Usage};
use carrel_domain::{Error, Result};
use futures_util::stream;
use reqwest::Response;
use serde_json::{Value, json};

use crate::endpoint::{Endpoint, content_type};
use crate::refusal;
use crate::sse::Events;

/// The longest answer read, in bytes on the wire. A stream wraps each word in some 200 bytes.
const LONGEST_ANSWER: usize = 64 << 20;

pub(crate) struct OpenAi {
    pub endpoint: Arc<Endpoint>,
    pub name: ModelName,
    /// Whether the model refuses to be sent a temperature.
    pub is_reasoning: bool,
}

#[async_trait]
impl ChatModel for OpenAi {
    fn name(&self) -> ModelName {
        self.name.clone()
    }

    async fn answer(&self, request: ChatRequest) -> Result<Answer> {
        let body = self.body(&request);
        let response = self.endpoint.post("chat/completions", &body).await?;
        let kind = content_type(&response);
        if kind.contains("html") {
            return Err(self.endpoint.web_page());
        }
        let mut reading = Reading::new(self.endpoint.clone());
        if kind.contains("json") {
            let whole: Value = self.endpoint.json(response, LONGEST_ANSWER).await?;
            reading.take(whole)?;
            reading.end()?;
        } else {
            reading.response = Some(response);
        }
        Ok(Box::pin(stream::unfold(reading, |mut reading| async move {
            let delta = reading.next().await?;
            Some((delta, reading))
        })))
    }
}

impl OpenAi {
    fn body(&self, request: &ChatRequest) -> Value {
        let mut messages = Vec::new();
        let system = request.system_prompt();
        if !system.is_empty() {
            messages.push(json!({"role": "system", "content": system}));
        }
        for message in &request.history {
            let role = match message.role {
                Role::User => "user",
                Role::Assistant => "assistant",
            };
            let content = content(&message.text, &message.images);
            messages.push(json!({"role": role, "content": content}));
        }
        let question = content(&request.question, &request.images);
        messages.push(json!({"role": "user", "content": question}));
        let mut body = json!({
            "model": self.name.model,
            "stream": true,
            "stream_options": {"include_usage": true},
            "messages": messages,
        });
        if let Some(temperature) = request.temperature.filter(|_| !self.is_reasoning) {
            body["temperature"] = json!(temperature);
        }
        if let Some(tokens) = request.longest_answer {
            // OpenAI's own models have come to refuse the name that everybody else knows.
            let name = match self.name.provider.as_str() {
                "openai" | "azure" => "max_completion_tokens",
                _ => "max_tokens",
            };
            body[name] = json!(tokens);
        }
        body
    }
}

/// What a turn says: text, or parts where there are pictures, which models without eyes refuse.
fn content(text: &str, images: &[Image]) -> Value {
    if images.is_empty() {
        return json!(text);
    }
    let picture = |image: &Image| {
        let address = format!("data:{};base64,{}", image.mime, image.data);
        json!({"type": "image_url", "image_url": {"url": address}})
    };
    let text = json!({"type": "text", "text": text});
    std::iter::once(text).chain(images.iter().map(picture)).collect()
}

/// An answer being read. Dropping it drops the connection, which tells the provider to stop.
struct Reading {
    endpoint: Arc<Endpoint>,
    response: Option<Response>,
    events: Events,
    ready: VecDeque<Delta>,
    /// Reported once everything that came before it has been passed on.
    failure: Option<Error>,
    received: usize,
    usage: Option<Usage>,
    chosen: bool,
    spoke: bool,
    finish: Option<String>,
}

impl Reading {
    fn new(endpoint: Arc<Endpoint>) -> Self {
        Self {
            endpoint,
            response: None,
            events: Events::default(),
            ready: VecDeque::new(),
            failure: None,
            received: 0,
            usage: None,
            chosen: false,
            spoke: false,
            finish: None,
        }
    }

    async fn next(&mut self) -> Option<Result<Delta>> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Some(Ok(delta));
            }
            if let Some(error) = self.failure.take() {
                return Some(Err(error));
            }
            let response = self.response.as_mut()?;
            let read = match self.endpoint.piece(response).await {
                Ok(piece) => self.read(piece),
                Err(error) => Err(error),
            };
            if let Err(error) = read {
                self.response = None;
                self.failure = Some(error);
            }
        }
    }

    /// Takes a piece of the stream in, or its end.
    fn read(&mut self, piece: Option<Vec<u8>>) -> Result<()> {
        let over = piece.is_none();
        match piece {
            Some(piece) => {
                self.received += piece.len();
                let fits = self.events.feed(&piece).is_ok() && self.received <= LONGEST_ANSWER;
                if !fits {
                    return Err(self.endpoint.unavailable("its answer does not end"));
                }
            }
            None => self.events.finish(),
        }
        while let Some(data) = self.events.take() {
            if data == b"[DONE]" {
                return self.end();
            }
            let value = serde_json::from_slice(&data).map_err(|error| {
                self.endpoint.unavailable(format!("its answer is not the JSON expected: {error}"))
            })?;
            self.take(value)?;
        }
        if over { self.end() } else { Ok(()) }
    }

    /// Takes in one chunk of a stream, or a whole answer, which differs only in a name.
    fn take(&mut self, chunk: Value) -> Result<()> {
        if chunk.get("error").is_some_and(|error| !error.is_null()) {
            let message = refusal::message_in(&chunk);
            return Err(self.endpoint.unavailable(format!("it reports an error: {message}")));
        }
        self.usage = usage_in(&chunk).or(self.usage);
        let Some(choice) = chunk.pointer("/choices/0") else { return Ok(()) };
        self.chosen = true;
        if let Some(reason) = choice["finish_reason"].as_str() {
            self.finish = Some(reason.into());
        }
        let said = if choice["delta"].is_object() { &choice["delta"] } else { &choice["message"] };
        for name in ["reasoning_content", "reasoning"] {
            if let Some(thought) = said[name].as_str().filter(|thought| !thought.is_empty()) {
                self.ready.push_back(Delta::Reasoning(thought.into()));
                break;
            }
        }
        match &said["content"] {
            Value::String(text) => self.say(text),
            // Mistral's reasoning models send an array of typed parts.
            Value::Array(parts) => parts.iter().for_each(|part| self.take_part(part)),
            _ => {}
        }
        Ok(())
    }

    fn take_part(&mut self, part: &Value) {
        if let Some(text) = part["text"].as_str() {
            self.say(text);
        }
        for thought in part["thinking"].as_array().into_iter().flatten() {
            if let Some(text) = thought["text"].as_str() {
                self.ready.push_back(Delta::Reasoning(text.into()));
            }
        }
    }

    fn say(&mut self, text: &str) {
        if !text.is_empty() {
            self.spoke = true;
            self.ready.push_back(Delta::Text(text.into()));
        }
    }

    /// The provider has said all it will.
    fn end(&mut self) -> Result<()> {
        self.response = None;
        if !self.chosen {
            return Err(self.endpoint.unavailable("its answer holds no choices"));
        }
        self.ready.extend(self.usage.take().map(Delta::Usage));
        if !self.spoke {
            let reason = refusal::shortened(self.finish.as_deref().unwrap_or_default());
            self.ready.push_back(Delta::Silence(reason));
        }
        Ok(())
    }
}

/// Token counts of a chunk. Groq puts those of a stream under a name of its own.
fn usage_in(chunk: &Value) -> Option<Usage> {
    let usage = [chunk.get("usage"), chunk.pointer("/x_groq/usage")]
        .into_iter()
        .flatten()
        .find(|usage| usage.is_object())?;
    let count = |name: &str| usage[name].as_u64().unwrap_or_default();
    Some(Usage {
        prompt_tokens: count("prompt_tokens"),
        completion_tokens: count("completion_tokens"),
    })
}

#[cfg(test)]
mod tests;
