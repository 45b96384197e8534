//! Bodies of OpenAI's protocol at `/api/v1`: invalid fields are ignored.
use serde_json::Value;

use crate::compat::values::is_something;
use crate::v1::openai::wire::chat::{CompletionBody, longest_answer, session_name, temperature};
use crate::v1::openai::wire::embeddings::EmbeddingsBody;
use crate::v1::openai::wire::not_null;

const ROLES: [&str; 4] = ["system", "developer", "user", "assistant"];

/// Converts a completion request to the form that `v1` reads.
// quirk(values-as-text)
pub fn repair_body(mut body: CompletionBody) -> CompletionBody {
    let max_tokens =
        not_null(body.max_completion_tokens.take()).or_else(|| not_null(body.max_tokens.take()));
    body.max_tokens = max_tokens.filter(|value| longest_answer(value).is_some());
    let temperatures = body.temperature.map(number);
    body.temperature = temperatures.filter(|value| temperature(value).is_some());
    body.stream = body.stream.map(|stream| is_something(&stream).into());
    body.n = None;
    (body.metadata, body.user) = session(body.metadata, body.user);
    body.messages = body.messages.map(messages);
    body
}

/// Converts an embeddings request to the form that `v1` reads.
// quirk(any-vector): any other `encoding_format` is `float`, `dimensions` is ignored
// native: `encoding_format` is `float` or `base64`, `dimensions` is checked
// test: `openai::vectors_are_returned_as_numbers_or_bytes`
pub fn repair_texts(body: EmbeddingsBody) -> EmbeddingsBody {
    let is_encoding = |name: &Value| name == "float" || name == "base64";
    EmbeddingsBody {
        input: not_null(body.input).or_else(|| not_null(body.inputs)).map(plain_text),
        inputs: None,
        encoding_format: body.encoding_format.filter(is_encoding),
        dimensions: None,
    }
}

/// Converts a number or a flag to text.
// quirk(values-as-text)
fn plain_text(value: Value) -> Value {
    match value {
        Value::Number(_) | Value::Bool(_) => Value::String(value.to_string()),
        value => value,
    }
}

/// Parses a number given as text.
fn number(value: Value) -> Value {
    match &value {
        Value::String(text) => text.trim().parse::<f64>().map_or(Value::Null, Value::from),
        _ => value,
    }
}

/// Returns the fields that name the session, if they are valid.
fn session(metadata: Option<Value>, user: Option<Value>) -> (Option<Value>, Option<Value>) {
    let named = metadata.as_ref().and_then(|metadata| metadata.get("session_id"));
    match named {
        Some(name) if name.is_null() || session_name(name).is_some() => (metadata, user),
        Some(_) => (None, None),
        None => (metadata, user.filter(|name| session_name(name).is_some())),
    }
}

/// Keeps messages with known roles, and their parts of known types.
fn messages(messages: Value) -> Value {
    let Value::Array(mut messages) = messages else { return messages };
    let last = messages.pop();
    messages.retain(|message| message["role"].as_str().is_some_and(|role| ROLES.contains(&role)));
    messages.extend(last);
    messages.iter_mut().for_each(repair);
    Value::Array(messages)
}

fn repair(message: &mut Value) {
    let role = message["role"].as_str().unwrap_or_default().to_owned();
    let Some(message) = message.as_object_mut() else { return };
    let content = message.entry("content").or_insert(Value::Null);
    match content {
        Value::Array(parts) => parts.retain(|part| match part["type"].as_str() {
            Some("text") => part["text"].is_string(),
            Some("image_url") => role == "user" && part["image_url"]["url"].is_string(),
            _ => false,
        }),
        Value::String(_) => {}
        Value::Null if role == "assistant" => {}
        value => *value = Value::String(value.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use carrel_services::chat::Question;
    use serde_json::json;

    use super::*;

    fn question(body: Value) -> Question {
        repair_body(serde_json::from_value(body).unwrap()).question().unwrap()
    }

    fn request(messages: Value) -> Value {
        json!({ "model": "alpha", "messages": messages })
    }

    #[test]
    fn invalid_fields_are_ignored() {
        for (field, value) in [
            ("n", json!(2)),
            ("temperature", json!("hot")),
            ("temperature", json!(-1)),
            ("temperature", json!(1e308)),
            ("max_tokens", json!(0)),
            ("max_tokens", json!(1.5)),
            ("max_tokens", json!(u64::MAX)),
            ("user", json!(5)),
            ("user", json!("x".repeat(513))),
            ("metadata", json!({ "session_id": {} })),
        ] {
            let mut body = request(json!([{ "role": "user", "content": "Hi" }]));
            body[field] = value;
            let question = question(body);
            let overrides = question.overrides;
            assert_eq!((overrides.temperature, question.session), (None, None), "{field}");
            assert_eq!(overrides.longest_answer, None, "{field}");
        }
        let mut body = request(json!([{ "role": "user", "content": "Hi" }]));
        body["temperature"] = json!("0.5");
        assert_eq!(question(body).overrides.temperature, Some(0.5));
    }

    #[test]
    fn unknown_roles_and_parts_are_ignored() {
        let hi = json!({ "role": "user", "content": "Hi" });
        for first in [
            json!({ "role": "tool", "content": "x" }),
            json!({ "content": "x" }),
            json!(5),
            json!({ "role": "user", "content": 5 }),
            json!({ "role": "user", "content": null }),
            json!({ "role": "user", "content": [{ "type": "input_audio" }] }),
            json!({ "role": "user", "content": [{ "type": "image_url" }] }),
            json!({ "role": "system", "content": [{ "type": "image_url", "image_url": { "url": "x" } }] }),
        ] {
            assert_eq!(question(request(json!([first, hi]))).text, "Hi");
        }
    }

    #[test]
    fn any_truthy_value_requests_a_stream() {
        let streams = |stream: Value| {
            let mut body = request(json!([{ "role": "user", "content": "Hi" }]));
            body["stream"] = stream;
            repair_body(serde_json::from_value(body).unwrap()).manner().unwrap().streams
        };
        assert!(streams(json!("yes")) && streams(json!(1)) && streams(json!([])));
        assert!(!streams(json!("")) && !streams(json!(0)) && !streams(json!(null)));
    }

    #[test]
    fn numbers_are_embedded_as_text() {
        let body = json!({ "input": 5, "encoding_format": "hex", "dimensions": "x" });
        let body = repair_texts(serde_json::from_value(body).unwrap());
        assert!(body.encoding().is_ok() && body.dimensions().unwrap().is_none());
        assert_eq!(body.texts().unwrap(), ["5"]);
    }
}
