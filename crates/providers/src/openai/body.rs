//! The request body, without parts that the provider was found to refuse.
use carrel_domain::model::{ChatRequest, Image, MessageRole, ResponseFormat, Sampling};
use carrel_domain::{Error, Result};
use serde_json::{Value, json};

use super::refused::{Adaptation, Adaptations};

pub(super) fn of(model: &str, request: &ChatRequest, adaptations: &Adaptations) -> Result<Value> {
    let mut body = json!({ "model": model, "messages": messages(request, adaptations) });
    let mut set = |name: &'static str, value: Value| {
        if !value.is_null() && !adaptations.contains(&Adaptation::Without(name)) {
            body[name] = value;
        }
    };
    set("stream", json!(true));
    if !adaptations.contains(&Adaptation::Without("stream")) {
        set("stream_options", json!({ "include_usage": true }));
    }
    set("temperature", json!(request.temperature));
    let limit = match adaptations.contains(&Adaptation::MaxCompletionTokens) {
        true => "max_completion_tokens",
        false => "max_tokens",
    };
    set(limit, json!(request.longest_answer));
    let Sampling { top_p, seed, stop, presence_penalty, frequency_penalty, response_format } =
        &request.sampling;
    set("top_p", json!(top_p));
    set("seed", json!(seed));
    set("stop", if stop.is_empty() { Value::Null } else { json!(stop) });
    set("presence_penalty", json!(presence_penalty));
    set("frequency_penalty", json!(frequency_penalty));
    set("response_format", format(response_format.as_ref())?);
    Ok(body)
}

fn format(format: Option<&ResponseFormat>) -> Result<Value> {
    Ok(match format {
        None => Value::Null,
        Some(ResponseFormat::Text) => json!({ "type": "text" }),
        Some(ResponseFormat::JsonObject) => json!({ "type": "json_object" }),
        Some(ResponseFormat::JsonSchema(schema)) => {
            let invalid = |_| Error::invalid("response_format", "has a schema that is not JSON");
            let schema: Value = serde_json::from_str(schema).map_err(invalid)?;
            json!({ "type": "json_schema", "json_schema": schema })
        }
    })
}

fn messages(request: &ChatRequest, adaptations: &Adaptations) -> Vec<Value> {
    let mut messages = Vec::with_capacity(request.history.len() + 2);
    let system = request.system_prompt();
    let role = match adaptations.contains(&Adaptation::NoSystemRole) {
        true => "user",
        false => "system",
    };
    if !system.is_empty() {
        messages.push(json!({ "role": role, "content": system }));
    }
    for message in &request.history {
        let role = match message.role {
            MessageRole::User => "user",
            MessageRole::Assistant => "assistant",
        };
        messages.push(json!({ "role": role, "content": content(&message.text, &message.images) }));
    }
    messages
        .push(json!({ "role": "user", "content": content(&request.question, &request.images) }));
    let alternate = [Adaptation::NoSystemRole, Adaptation::AlternatingRoles];
    match alternate.iter().any(|adaptation| adaptations.contains(adaptation)) {
        true => merged(messages),
        false => messages,
    }
}

/// Merges consecutive messages with the same role.
fn merged(messages: Vec<Value>) -> Vec<Value> {
    let mut merged: Vec<Value> = Vec::with_capacity(messages.len());
    for message in messages {
        match merged.last_mut().filter(|last| last["role"] == message["role"]) {
            Some(last) => {
                let content = joined(last["content"].take(), &message["content"]);
                last["content"] = content;
            }
            None => merged.push(message),
        }
    }
    merged
}

fn joined(first: Value, second: &Value) -> Value {
    if let (Some(first), Some(second)) = (first.as_str(), second.as_str()) {
        return json!(format!("{first}\n\n{second}"));
    }
    let parts = |content: &Value| match content {
        Value::Array(parts) => parts.clone(),
        text => vec![json!({ "type": "text", "text": text })],
    };
    json!([parts(&first), parts(second)].concat())
}

/// Returns the text as a string, or as parts if there are images, because models without vision
/// refuse parts.
fn content(text: &str, images: &[Image]) -> Value {
    if images.is_empty() {
        return json!(text);
    }
    let part = |image: &Image| {
        let url = match image {
            Image::Inline { mime, data } => format!("data:{mime};base64,{data}"),
            Image::Url(url) => url.clone(),
        };
        json!({ "type": "image_url", "image_url": { "url": url } })
    };
    let text = json!({ "type": "text", "text": text });
    std::iter::once(text).chain(images.iter().map(part)).collect()
}
