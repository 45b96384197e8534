//! Language models with a protocol of their own, through `genai`.
use async_trait::async_trait;
use carrel_domain::model::{Answer, ChatModel, ChatRequest, Delta, Image, ModelName, Role, Usage};
use carrel_domain::{Error, Result};
use futures_util::{StreamExt, stream};
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatStreamEvent, ContentPart, MessageContent};
use genai::resolver::{AuthData, Endpoint as Address};
use genai::{Client, ModelIden, ServiceTarget};

use crate::endpoint::{Endpoint, root_cause};
use crate::refusal;

pub(crate) struct Native {
    client: Client,
    protocol: AdapterKind,
    endpoint: Endpoint,
    name: ModelName,
}

impl Native {
    pub fn new(endpoint: Endpoint, protocol: AdapterKind, name: ModelName) -> Result<Self> {
        let client = Client::builder().with_reqwest(endpoint.http.clone()).build();
        Ok(Self { client: client.map_err(Error::internal)?, protocol, endpoint, name })
    }

    /// Named with its protocol: a bare name with `::` in it would be taken apart.
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
                self.endpoint.refused(*status, &refusal::message(body.as_bytes()))
            }
            E::ChatResponse { body, .. } => {
                let message = refusal::message_in(body);
                self.endpoint.unavailable(format!("it reports an error: {message}"))
            }
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

    async fn answer(&self, request: ChatRequest) -> Result<Answer> {
        let mut chat = genai::chat::ChatRequest::default();
        let system = request.system_prompt();
        if !system.is_empty() {
            chat = chat.with_system(system);
        }
        let history = request.history.into_iter().map(|message| match message.role {
            Role::User => ChatMessage::user(content(message.text, message.images)),
            Role::Assistant => ChatMessage::assistant(message.text),
        });
        let question = ChatMessage::user(content(request.question, request.images));
        chat = chat.append_messages(history).append_message(question);
        let options = ChatOptions {
            temperature: request.temperature,
            max_tokens: request.longest_answer,
            capture_usage: Some(true),
            stream_header_timeout: Some(self.endpoint.deadlines.first),
            stream_read_timeout: Some(self.endpoint.deadlines.silence),
            ..ChatOptions::default()
        };
        let sent = self.client.exec_chat_stream(self.target(), chat, Some(&options)).await;
        let events = sent.map_err(|error| self.failure(&error))?.stream;
        let mut spoke = false;
        let mut answer = Box::pin(events.flat_map(move |event| {
            let deltas = match event {
                Ok(event) => deltas(event, &mut spoke).map(|delta| delta.map(Ok)),
                Err(error) => [Some(Err(error)), None],
            };
            stream::iter(deltas.into_iter().flatten())
        }));
        // The request is sent when the stream is first read, so a refusal shows only then.
        let first = match answer.next().await {
            Some(Ok(first)) => first,
            Some(Err(error)) => return Err(self.failure(&error)),
            None => return Err(self.endpoint.unavailable("it answered nothing")),
        };
        let rest = answer.map(|item| {
            item.map_err(|_| Error::unavailable("the language model", "its answer broke off"))
        });
        Ok(Box::pin(stream::once(async { Ok(first) }).chain(rest)))
    }
}

fn content(text: String, images: Vec<Image>) -> MessageContent {
    let picture = |image: Image| ContentPart::from_binary_base64(image.mime, image.data, None);
    MessageContent::from_text(text).extended(images.into_iter().map(picture))
}

/// What an event tells, given whether the model `spoke` before. An end tells what the answer cost, and
/// why there is none where nothing was said.
fn deltas(event: ChatStreamEvent, spoke: &mut bool) -> [Option<Delta>; 2] {
    match event {
        ChatStreamEvent::Chunk(chunk) => {
            *spoke |= !chunk.content.is_empty();
            [Some(Delta::Text(chunk.content)), None]
        }
        ChatStreamEvent::ReasoningChunk(chunk) => [Some(Delta::Reasoning(chunk.content)), None],
        ChatStreamEvent::End(end) => {
            let count = |tokens: Option<i32>| tokens.map_or(0, |tokens| tokens.max(0) as u64);
            let usage = end.captured_usage.map(|usage| Usage {
                prompt_tokens: count(usage.prompt_tokens),
                completion_tokens: count(usage.completion_tokens),
            });
            let why = end.captured_stop_reason.filter(|_| !*spoke);
            let silence = why.map(|why| Delta::Silence(refusal::shortened(why.raw())));
            [usage.map(Delta::Usage), silence]
        }
        _ => [None, None],
    }
}

#[cfg(test)]
mod tests;
