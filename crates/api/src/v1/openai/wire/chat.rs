//! JSON of chat completion requests.
use carrel_domain::model::{Image, Message, MessageRole};
use carrel_domain::{Error, Result};
use carrel_services::chat::{Attachment, Question, RequestOverrides};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::error::openai::NO_USER_PROMPT;
use crate::v1::filter;
use crate::v1::openai::wire::{not_null, options};

/// Most messages in one request.
const MAX_MESSAGES: usize = 4096;
/// Longest name of a session, in bytes.
const LONGEST_SESSION: usize = 512;
/// Longest URL of an image, in bytes.
const MAX_URL: usize = 2_048;
/// Highest temperature.
const HOTTEST: f64 = 2.0;

/// Unknown fields are ignored.
#[derive(Deserialize, ToSchema)]
pub struct CompletionBody {
    /// Slug of a workspace.
    #[serde(default)]
    #[schema(value_type = String, example = "alpha-team")]
    model: Option<Value>,
    /// The conversation, oldest message first. Roles are `system` or `developer`, `user` and
    /// `assistant`; the last message is the user's. Content is text, or parts of the types `text`
    /// and `image_url`. Without instructions in the request, those of the workspace apply.
    #[serde(default)]
    #[schema(value_type = Vec<Object>)]
    pub messages: Option<Value>,
    /// Sampling temperature, 0 to 2; the workspace's setting if absent.
    #[serde(default)]
    #[schema(value_type = Option<f64>)]
    pub temperature: Option<Value>,
    /// Most tokens of the answer.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    pub max_tokens: Option<Value>,
    /// Like `max_tokens`, and takes precedence over it.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    pub max_completion_tokens: Option<Value>,
    /// True to stream the answer.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    pub stream: Option<Value>,
    /// `{"include_usage": true}` sends the usage at the end of a stream.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    stream_options: Option<Value>,
    /// Must be 1.
    #[serde(default)]
    #[schema(value_type = Option<u32>)]
    pub n: Option<Value>,
    /// Session of the exchange, unless `metadata` names one.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub user: Option<Value>,
    /// `session_id` names the session of the exchange.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    pub metadata: Option<Value>,
    /// Restricts the answer to some documents; an extension of the protocol.
    #[serde(default)]
    #[schema(value_type = Option<filter::FilterBody>)]
    filter: Option<Value>,
    /// `top_p`, `seed`, `stop`, `presence_penalty`, `frequency_penalty` and `response_format` are
    /// passed to the model. Other options that would change the answer are refused by name.
    #[serde(flatten)]
    #[schema(ignore)]
    others: Map<String, Value>,
}

/// How the answer is sent.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    pub streams: bool,
    /// True to send the usage at the end of a stream.
    pub counts: bool,
}

impl CompletionBody {
    /// Returns the slug of the workspace.
    pub fn model(&self) -> Result<String> {
        match &self.model {
            Some(Value::String(model)) => Ok(model.clone()),
            None => Err(Error::invalid("model", "must be the slug of a workspace")),
            Some(_) => Err(Error::invalid("model", "must be text, the slug of a workspace")),
        }
    }

    pub fn manner(&self) -> Result<Manner> {
        let streams = match &self.stream {
            None | Some(Value::Null) => false,
            Some(Value::Bool(streams)) => *streams,
            Some(_) => return Err(Error::invalid("stream", "must be true or false")),
        };
        let counts =
            self.stream_options.as_ref().is_some_and(|options| options["include_usage"] == true);
        Ok(Manner { streams, counts })
    }

    pub fn question(self) -> Result<Question> {
        if let Some(n) = not_null(self.n).filter(|n| *n != 1) {
            return Err(Error::invalid(
                "n",
                format!(
                    "must be 1, because there is one answer; got \
                 {n}"
                ),
            ));
        }
        let sampling = options::sampling(&self.others)?;
        let temperature =
            option(self.temperature, "temperature", "must be a number from 0 to 2", temperature)?;
        let most = not_null(self.max_completion_tokens).or_else(|| not_null(self.max_tokens));
        let longest_answer =
            option(most, "max_tokens", "must be a whole number from 1", longest_answer)?;
        let session = session(self.metadata, self.user)?;
        let filter = filter::read(self.filter)?;
        let Read { instructions, history, text, attachments, image_urls } = read(self.messages)?;
        let history = Some(history);
        let overrides = RequestOverrides {
            instructions,
            history,
            temperature,
            longest_answer,
            filter,
            sampling,
            image_urls,
            ..RequestOverrides::default()
        };
        Ok(Question { text, session, attachments, overrides, ..Question::default() })
    }
}

/// Parses an optional value.
fn option<T>(
    value: Option<Value>,
    field: &'static str,
    allowed: &'static str,
    parse: fn(&Value) -> Option<T>,
) -> Result<Option<T>> {
    let Some(value) = not_null(value) else { return Ok(None) };
    parse(&value).map(Some).ok_or_else(|| Error::invalid(field, allowed))
}

pub fn temperature(value: &Value) -> Option<f64> {
    value.as_f64().filter(|value| (0.0..=HOTTEST).contains(value))
}

pub fn longest_answer(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|value| u32::try_from(value).ok()).filter(|value| *value > 0)
}

pub fn session_name(value: &Value) -> Option<String> {
    value.as_str().filter(|text| text.len() <= LONGEST_SESSION).map(str::to_owned)
}

fn session(metadata: Option<Value>, user: Option<Value>) -> Result<Option<String>> {
    let (value, field) = match metadata {
        Some(Value::Object(mut fields)) if fields.contains_key("session_id") => {
            (fields.remove("session_id"), "metadata.session_id")
        }
        _ => (user, "user"),
    };
    let read = option(value, field, "must be text of at most 512 bytes", session_name)?;
    Ok(read.filter(|session| !session.is_empty()))
}

/// The contents of the messages.
struct Read {
    /// The messages of the system and of developers, joined.
    instructions: Option<String>,
    history: Vec<Message>,
    /// Text of the last message.
    text: String,
    /// Images in the last message.
    attachments: Vec<Attachment>,
    /// URLs of further images of the last message.
    image_urls: Vec<String>,
}

fn read(messages: Option<Value>) -> Result<Read> {
    let Some(Value::Array(mut messages)) = messages else {
        return Err(Error::invalid("messages", "must be an array of messages"));
    };
    if messages.is_empty() || messages.len() > MAX_MESSAGES {
        return Err(Error::invalid("messages", "must hold 1 to 4096 messages"));
    }
    let last = messages.pop().filter(|message| message["role"] == "user");
    let last = last.ok_or_else(|| Error::invalid("messages", NO_USER_PROMPT))?;
    let text = content(&last, "user", messages.len())?;
    if text.trim().is_empty() {
        return Err(invalid_message(messages.len(), "must not be empty"));
    }
    let (mut instructions, mut history) = (Vec::new(), Vec::new());
    for (place, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        match role {
            "system" | "developer" => instructions.push(content(message, role, place)?),
            "user" | "assistant" => {
                let text = content(message, role, place)?;
                let (role, images) = match role {
                    "user" => (MessageRole::User, images(message)),
                    _ => (MessageRole::Assistant, Vec::new()),
                };
                history.push(Message { role, text, images });
            }
            _ => {
                let reason = "must be of the role system, developer, user or assistant";
                return Err(invalid_message(place, reason));
            }
        }
    }
    // Messages that only call tools have no contents.
    history.retain(|message| !message.text.is_empty() || !message.images.is_empty());
    let instructions = (!instructions.is_empty()).then(|| instructions.join("\n\n"));
    let (attachments, image_urls) = (inline_images(&last), remote_images(&last));
    Ok(Read { instructions, history, text, attachments, image_urls })
}

/// Returns the images that a message contains as data URLs.
fn inline_images(message: &Value) -> Vec<Attachment> {
    let images = urls(message).enumerate().filter_map(|(number, url)| {
        let mime = url.strip_prefix("data:")?.split([';', ',']).next().unwrap_or_default();
        let mime = if mime.is_empty() { "image/png" } else { mime };
        let name = format!("uploaded_image_{number}");
        Some(Attachment { name, mime: mime.to_owned(), content: url.to_owned() })
    });
    images.filter(|image| image.is_image() && image.is_readable()).collect()
}

/// Returns the images that a message links to.
fn remote_images(message: &Value) -> Vec<String> {
    urls(message).filter(|url| is_remote(url)).map(str::to_owned).collect()
}

fn urls(message: &Value) -> impl Iterator<Item = &str> {
    let parts = message["content"].as_array().into_iter().flatten();
    parts.filter_map(|part| part["image_url"]["url"].as_str())
}

/// Returns all images of an earlier message, for the model.
fn images(message: &Value) -> Vec<Image> {
    let inline = inline_images(message).into_iter().map(|image| image.image());
    inline.chain(remote_images(message).into_iter().map(Image::Url)).collect()
}

fn content(message: &Value, role: &str, place: usize) -> Result<String> {
    match &message["content"] {
        Value::String(text) => Ok(text.clone()),
        Value::Array(parts) => {
            let mut texts = Vec::new();
            for part in parts {
                match (&part["type"], &part["text"]) {
                    (Value::String(kind), Value::String(text)) if kind == "text" => {
                        texts.push(text.as_str());
                    }
                    (Value::String(kind), _) if kind == "image_url" && role == "user" => {
                        image(part, place)?;
                    }
                    _ => {
                        return Err(invalid_message(
                            place,
                            "has a part that is neither text nor an image",
                        ));
                    }
                }
            }
            Ok(texts.join("\n"))
        }
        Value::Null if role == "assistant" => Ok(String::new()),
        _ => Err(invalid_message(place, "has content that is neither text nor parts")),
    }
}

fn image(part: &Value, place: usize) -> Result<()> {
    match part["image_url"]["url"].as_str() {
        Some(url) if is_remote(url) && url.len() > MAX_URL => {
            Err(invalid_message(place, "has an image URL of more than 2048 bytes"))
        }
        Some(_) => Ok(()),
        None => Err(invalid_message(place, "has an image without an `image_url.url`")),
    }
}

fn is_remote(url: &str) -> bool {
    let scheme = url.split_once(':').map_or("", |(scheme, _)| scheme);
    ["http", "https"].iter().any(|remote| scheme.eq_ignore_ascii_case(remote))
}

fn invalid_message(place: usize, reason: &'static str) -> Error {
    Error::invalid(format!("messages[{place}]"), reason)
}

#[cfg(test)]
mod tests;
