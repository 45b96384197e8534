//! A language model with the OpenAI chat-completions protocol, which most providers use.
//!
//! Implemented here rather than with `genai`, for three reasons found in its version 0.7.2: it
//! reads error bodies without a limit, strips suffixes such as `-max` from model names, and finds
//! nothing in the plain JSON that some servers send although a stream was requested.
mod body;
mod refused;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use carrel_domain::model::{AnswerStream, ChatModel, ChatRequest, ModelName, Usage};
use carrel_domain::{Error, Result};
use serde_json::Value;

use self::refused::{Adaptation, Adaptations};
use crate::endpoint::Endpoint;
use crate::reading::{self, Collected, Reported};
use crate::refusal;
use crate::think::Unopened;

pub(crate) struct OpenAi {
    endpoint: Arc<Endpoint>,
    name: ModelName,
    /// The changes that the provider was found to need.
    adaptations: Mutex<Adaptations>,
    unopened: Unopened,
}

impl OpenAi {
    /// Creates a model. `is_reasoning` is true if the model refuses a temperature.
    pub fn new(endpoint: Endpoint, name: ModelName, is_reasoning: bool) -> Self {
        let mut adaptations = Adaptations::default();
        if is_reasoning {
            adaptations.insert(Adaptation::Without("temperature"));
        }
        // OpenAI's newer models refuse the usual name of this parameter.
        if matches!(name.provider.as_str(), "openai" | "azure") {
            adaptations.insert(Adaptation::MaxCompletionTokens);
        }
        let adaptations = Mutex::new(adaptations);
        Self { endpoint: Arc::new(endpoint), name, adaptations, unopened: Unopened::default() }
    }

    fn adaptations(&self) -> Adaptations {
        self.adaptations.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn remember(&self, found: Adaptations) {
        tracing::info!(
            provider = self.name.provider, model = self.name.model, adaptations = ?found,
            "the provider refuses parts of requests; they are no longer sent"
        );
        self.adaptations.lock().unwrap_or_else(PoisonError::into_inner).extend(found);
    }
}

#[async_trait]
impl ChatModel for OpenAi {
    fn name(&self) -> ModelName {
        self.name.clone()
    }

    async fn answer(&self, request: ChatRequest) -> Result<AnswerStream> {
        let known = self.adaptations();
        let mut adaptations = known.clone();
        loop {
            let body = body::of(&self.name.model, &request, &adaptations)?;
            let refused = match self.endpoint.try_post("chat/completions", &body).await? {
                Ok(response) => {
                    if adaptations != known {
                        self.remember(adaptations);
                    }
                    let (endpoint, unopened) = (self.endpoint.clone(), self.unopened.clone());
                    return Ok(reading::answer(endpoint, response, push_chunk, unopened));
                }
                Err(refused) => refused,
            };
            // Each round adds one of a few adaptations, so the loop ends.
            match refused::adaptation(&refused, &body, &adaptations) {
                Some(adaptation) => adaptations.insert(adaptation),
                None => return Err(self.refusal(&refused, &body)),
            };
        }
    }
}

impl OpenAi {
    /// Returns the error for a refusal. It names the client's parameter if the provider refuses one.
    fn refusal(&self, refused: &crate::endpoint::Refused, body: &Value) -> Error {
        let error = self.endpoint.refused(refused);
        match (refused::client_parameter(refused, body), &error) {
            (Some(parameter), Error::Unavailable { reason, .. }) => {
                Error::invalid(parameter, format!("the provider does not accept it: {reason}"))
            }
            _ => error,
        }
    }
}

/// Adds a chunk of a stream, or a whole answer, which differs only in a field's name.
fn push_chunk(answer: &mut Collected, chunk: &Value) -> Result<(), Reported> {
    if let Some(message) = refusal::reported_in(chunk) {
        return Err(Reported(message));
    }
    answer.usage = usage_in(chunk).or(answer.usage);
    let choices = chunk["choices"].as_array().into_iter().flatten();
    let is_first = |choice: &&Value| choice["index"].as_u64().unwrap_or(0) == 0;
    let Some(choice) = choices.into_iter().find(is_first) else { return Ok(()) };
    answer.is_answer = true;
    let finish = choice["finish_reason"].as_str().filter(|reason| !reason.is_empty());
    if let Some(reason @ ("error" | "abort" | "cancelled" | "insufficient_system_resource")) =
        finish
    {
        return Err(Reported(format!("the answer ended with `{reason}`")));
    }
    let is_part = choice["delta"].is_object();
    // Some providers repeat the whole message at the end of a stream.
    let repeats = !is_part && answer.has_text;
    let message = if is_part { &choice["delta"] } else { &choice["message"] };
    if !repeats {
        add_message(answer, message);
        if let Some(text) = choice["text"].as_str() {
            answer.text(text);
        }
    }
    answer.is_complete |= message.is_object() && !is_part;
    if let Some(reason) = finish {
        answer.finish(reason);
    }
    Ok(())
}

fn add_message(answer: &mut Collected, message: &Value) {
    for name in ["reasoning_content", "reasoning"] {
        if let Some(reasoning) = message[name].as_str().filter(|thought| !thought.is_empty()) {
            answer.reasoning(reasoning);
            break;
        }
    }
    match &message["content"] {
        Value::String(text) => answer.text(text),
        // Mistral's reasoning models send an array of typed parts.
        Value::Array(parts) => parts.iter().for_each(|part| add_part(answer, part)),
        _ => {}
    }
    if let Some(refusal) = message["refusal"].as_str() {
        answer.text(refusal);
    }
}

fn add_part(answer: &mut Collected, part: &Value) {
    if let Some(text) = part["text"].as_str() {
        answer.text(text);
    }
    for reasoning in part["thinking"].as_array().into_iter().flatten() {
        answer.reasoning(reasoning["text"].as_str().unwrap_or_default());
    }
}

/// Returns the token counts of a chunk. Groq puts those of a stream in a field of its own.
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
