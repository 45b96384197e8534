//! Language models with native protocols, through `genai`.
use std::collections::VecDeque;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use carrel_domain::model::{
    AnswerStream, ChatModel, ChatRequest, Delta, FinishReason, Image, MessageRole, ModelName,
    ResponseFormat, Sampling, Usage,
};
use carrel_domain::{Error, Result};
use futures_util::{Stream, StreamExt, stream};
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatStreamEvent, ContentPart, MessageContent};
use genai::resolver::{AuthData, Endpoint as Address};
use genai::{Client, ModelIden, ServiceTarget};
use tokio::time::{Instant, timeout_at};

use crate::endpoint::{Endpoint, Refused, root_cause};
use crate::refusal;

/// Longest answer, in bytes of text and reasoning.
const LONGEST_ANSWER: usize = 16 << 20;

pub(crate) struct Native(Arc<Connection>);

/// The parts of a model that an answer in progress needs.
pub(crate) struct Connection {
    client: Client,
    protocol: AdapterKind,
    endpoint: Endpoint,
    name: ModelName,
}

impl Deref for Native {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.0
    }
}

impl Native {
    pub fn new(endpoint: Endpoint, protocol: AdapterKind, name: ModelName) -> Result<Self> {
        let client = Client::builder().with_reqwest(endpoint.http.clone()).build();
        let client = client.map_err(Error::internal)?;
        Ok(Self(Arc::new(Connection { client, protocol, endpoint, name })))
    }
}

impl Connection {
    /// Adds the protocol to the name, because `genai` would split a bare name that contains `::`.
    fn target(&self) -> ServiceTarget {
        let model = format!("{}::{}", self.protocol.as_lower_str(), self.name.model);
        ServiceTarget {
            endpoint: Address::from_owned(self.endpoint.base().as_str()),
            auth: AuthData::from_single(self.endpoint.key().unwrap_or_default()),
            model: ModelIden::new(self.protocol, model),
        }
    }

    fn failure(&self, error: &genai::Error) -> Error {
        use genai::Error as E;
        if let E::WebStream { error, .. } = error {
            if let Some(inner) = error.downcast_ref::<genai::Error>() {
                return self.failure(inner);
            }
            if let Some(inner) = error.downcast_ref::<reqwest::Error>() {
                return if inner.is_connect() {
                    self.endpoint.not_sent(inner)
                } else {
                    let cause = root_cause(inner);
                    self.endpoint.unavailable(format!("its answer broke off: {cause}"))
                };
            }
            let cause = refusal::shortened(&error.to_string());
            return self.endpoint.unavailable(cause);
        }
        match error {
            E::HttpError { status, body, .. } => {
                let message = refusal::message(body.as_bytes());
                self.endpoint.refused(&Refused { status: *status, message })
            }
            E::ChatResponse { body, .. } => self.endpoint.reported(&refusal::message_in(body)),
            E::StreamParse { serde_error, .. } => self
                .endpoint
                .unavailable(format!("its answer is not the JSON expected: {serde_error}")),
            other => self.endpoint.unavailable(refusal::shortened(&other.to_string())),
        }
    }
}

#[async_trait]
impl ChatModel for Native {
    fn name(&self) -> ModelName {
        self.name.clone()
    }

    async fn answer(&self, request: ChatRequest) -> Result<AnswerStream> {
        check(&request)?;
        self.endpoint.turn().await?;
        let mut chat = genai::chat::ChatRequest::default();
        let system = request.system_prompt();
        if !system.is_empty() {
            chat = chat.with_system(system);
        }
        let history = request.history.into_iter().map(|message| match message.role {
            MessageRole::User => ChatMessage::user(content(message.text, message.images)),
            MessageRole::Assistant => ChatMessage::assistant(message.text),
        });
        let question = ChatMessage::user(content(request.question, request.images));
        chat = chat.append_messages(history).append_message(question);
        let options = ChatOptions {
            temperature: request.temperature,
            max_tokens: request.longest_answer,
            top_p: request.sampling.top_p,
            stop_sequences: request.sampling.stop,
            capture_usage: Some(true),
            stream_header_timeout: Some(self.endpoint.deadlines.first),
            stream_read_timeout: Some(self.endpoint.deadlines.silence),
            ..ChatOptions::default()
        };
        let sent = self.client.exec_chat_stream(self.target(), chat, Some(&options)).await;
        let events = sent.map_err(|error| self.failure(&error))?.stream;
        let whole = self.endpoint.deadlines.whole;
        let reading = Reading {
            connection: self.0.clone(),
            events: Box::pin(events),
            ready: VecDeque::new(),
            received: 0,
            until: whole.map(|whole| Instant::now() + whole),
            is_over: false,
        };
        let mut answer = Box::pin(stream::unfold(reading, |mut reading| async move {
            let delta = reading.next().await?;
            Some((delta, reading))
        }));
        // The request is sent when the stream is first polled, so a refusal shows only then.
        let first = answer.next().await.transpose()?;
        let first = first.ok_or_else(|| self.endpoint.unavailable("its answer is empty"))?;
        Ok(Box::pin(stream::once(async { Ok(first) }).chain(answer)))
    }
}

/// Refuses options that these protocols do not have.
fn check(request: &ChatRequest) -> Result<()> {
    let Sampling { seed, presence_penalty, frequency_penalty, response_format, .. } =
        &request.sampling;
    let wants_json = response_format.as_ref().is_some_and(|format| *format != ResponseFormat::Text);
    let turns = request.history.iter().flat_map(|message| &message.images);
    let has_url = turns.chain(&request.images).any(|image| matches!(image, Image::Url(_)));
    let refused = [
        ("seed", seed.is_some()),
        ("presence_penalty", presence_penalty.is_some()),
        ("frequency_penalty", frequency_penalty.is_some()),
        ("response_format", wants_json),
    ];
    if let Some((name, _)) = refused.into_iter().find(|(_, is_given)| *is_given) {
        return Err(Error::invalid(name, "is not supported by this workspace's provider"));
    }
    match has_url {
        true => {
            Err(Error::invalid("image_url", "must be a data: URL for this workspace's provider"))
        }
        false => Ok(()),
    }
}

/// An answer in progress.
struct Reading {
    connection: Arc<Connection>,
    events: Pin<Box<dyn Stream<Item = genai::Result<ChatStreamEvent>> + Send>>,
    ready: VecDeque<Delta>,
    /// Bytes of text and reasoning.
    received: usize,
    until: Option<Instant>,
    is_over: bool,
}

impl Reading {
    async fn next(&mut self) -> Option<Result<Delta>> {
        loop {
            if let Some(delta) = self.ready.pop_front() {
                return Some(Ok(delta));
            }
            if self.is_over {
                return None;
            }
            if let Err(error) = self.read().await {
                self.is_over = true;
                return Some(Err(error));
            }
        }
    }

    async fn read(&mut self) -> Result<()> {
        let endpoint = &self.connection.endpoint;
        let event = match self.until {
            None => self.events.next().await,
            Some(until) => {
                timeout_at(until, self.events.next()).await.map_err(|_| endpoint.incomplete())?
            }
        };
        match event {
            None => {
                let reason = "its answer broke off: the stream ended without a finish reason";
                return Err(endpoint.unavailable(reason));
            }
            Some(Err(error)) => return Err(self.connection.failure(&error)),
            Some(Ok(event)) => {
                self.is_over = matches!(event, ChatStreamEvent::End(_));
                for delta in deltas(event).into_iter().flatten() {
                    if let Delta::Text(text) | Delta::Reasoning(text) = &delta {
                        self.received += text.len();
                    }
                    self.ready.push_back(delta);
                }
            }
        }
        match self.received > LONGEST_ANSWER {
            true => Err(endpoint.unavailable("its answer is too long")),
            false => Ok(()),
        }
    }
}

fn content(text: String, images: Vec<Image>) -> MessageContent {
    let part = |image: Image| match image {
        Image::Inline { mime, data } => ContentPart::from_binary_base64(mime, data, None),
        Image::Url(url) => ContentPart::from_binary_url("image/*", url, None),
    };
    MessageContent::from_text(text).extended(images.into_iter().map(part))
}

/// Converts an event to parts of an answer. The last event has the finish reason and the usage.
fn deltas(event: ChatStreamEvent) -> [Option<Delta>; 2] {
    match event {
        ChatStreamEvent::Chunk(chunk) => [Some(Delta::Text(chunk.content)), None],
        ChatStreamEvent::ReasoningChunk(chunk) => [Some(Delta::Reasoning(chunk.content)), None],
        ChatStreamEvent::End(end) => {
            let count = |tokens: Option<i32>| tokens.map_or(0, |tokens| tokens.max(0) as u64);
            let usage = end.captured_usage.map(|usage| Usage {
                prompt_tokens: count(usage.prompt_tokens),
                completion_tokens: count(usage.completion_tokens),
            });
            let finish = end.captured_stop_reason.map(|stop| Delta::Finish {
                reason: FinishReason::of_provider(stop.raw()),
                word: refusal::shortened(stop.raw()),
            });
            [usage.map(Delta::Usage), finish]
        }
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests;
