//! Turns a provider's error responses into messages.
use reqwest::StatusCode;
use serde_json::Value;

use crate::json;

/// Longest part of a provider's message that is shown, in characters.
const LONGEST_MESSAGE: usize = 300;

/// Most entries of an error list that are shown.
const MAX_ENTRIES: usize = 3;

/// A shorter key is a placeholder and no secret, and its letters may occur in ordinary words.
const SHORTEST_SECRET: usize = 8;

/// Settings for an operator to check if a provider refuses requests.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hints {
    /// The setting with the address; empty if the address is fixed.
    pub base: &'static str,
    /// The setting with the key; empty if there is none.
    pub key: &'static str,
}

impl Hints {
    /// Completes "the language model is unavailable: ...".
    pub fn refused(&self, status: StatusCode, message: &str) -> String {
        let code = status.as_u16();
        let what = match code {
            300..=399 if self.base.is_empty() => {
                "it redirects elsewhere, which is not followed".into()
            }
            300..=399 => {
                format!("it redirects elsewhere; set {} to the final address", self.base)
            }
            401 | 403 if self.key.is_empty() => "it requires an API key".into(),
            401 | 403 => format!("it does not accept the API key; check {}", self.key),
            404 if self.base.is_empty() => "it does not know the model".into(),
            404 => format!("it knows no such model or address; check the model and {}", self.base),
            429 => "its rate limit is reached; try again later".into(),
            500..=599 => "it failed".into(),
            _ => "it rejected the request".into(),
        };
        match message {
            "" => format!("{what} (status {code})"),
            message => format!("{what} (status {code}: {message})"),
        }
    }
}

/// Returns the provider's full message in the body of an error; empty if there is none worth
/// showing.
pub(crate) fn message(body: &[u8]) -> String {
    match json::parse(body) {
        Ok(value) => message_in(&value),
        Err(_) => {
            let text = String::from_utf8_lossy(body);
            if is_markup(&text) { "a web page".into() } else { text.trim().to_owned() }
        }
    }
}

/// Returns the message of a JSON error: `{"error": {"message": ...}}` and similar forms.
pub(crate) fn message_in(value: &Value) -> String {
    const NAMES: [&str; 9] =
        ["error", "message", "detail", "msg", "errors", "error_message", "reason", "title", "code"];
    match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Array(list) => {
            let messages = list.iter().map(entry).filter(|message| !message.is_empty());
            messages.take(MAX_ENTRIES).collect::<Vec<_>>().join("; ")
        }
        Value::Object(fields) => {
            let messages = NAMES.iter().filter_map(|name| fields.get(*name)).map(message_in);
            messages.into_iter().find(|message| !message.is_empty()).unwrap_or_default()
        }
        _ => String::new(),
    }
}

/// Returns an entry of an error list with its field: `body.model: Field required`.
fn entry(value: &Value) -> String {
    let message = message_in(value);
    let part = |part: &Value| match part {
        Value::String(name) => name.clone(),
        other => other.to_string(),
    };
    match value.get("loc").and_then(Value::as_array) {
        Some(path) if !path.is_empty() => {
            let path: Vec<_> = path.iter().map(part).collect();
            format!("{}: {message}", path.join("."))
        }
        _ => message,
    }
}

/// Returns the error that a value reports, if it is one rather than a part of an answer.
pub(crate) fn reported_in(value: &Value) -> Option<String> {
    if let Some(list) = value.as_array() {
        return list.iter().find_map(reported_in);
    }
    let error = value.get("error").filter(|error| !json::is_blank(error));
    if error.is_some() || value["object"] == "error" || value["type"] == "error" {
        return Some(message_in(value));
    }
    if value.get("choices").is_some() {
        return None;
    }
    let names = ["message", "detail", "msg", "errors", "error_message"];
    let says = |name: &&str| match &value[*name] {
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => false,
    };
    names.iter().any(says).then(|| message_in(value))
}

/// Returns `text` on one line, without control characters, cut to the length limit.
pub(crate) fn shortened(text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Returns `text` with `secret` replaced. A secret of letters only may also be a word, so it is
/// replaced only where it stands alone.
pub(crate) fn redacted(text: String, secret: &str) -> String {
    if secret.chars().count() < SHORTEST_SECRET || !text.contains(secret) {
        return text;
    }
    if secret.contains(|one: char| one.is_ascii_digit()) {
        return text.replace(secret, "[key]");
    }
    let (mut redacted, mut from) = (String::new(), 0);
    for (at, _) in text.match_indices(secret) {
        let end = at + secret.len();
        let is_within_word = text[..at].ends_with(char::is_alphanumeric)
            || text[end..].starts_with(char::is_alphanumeric);
        if !is_within_word {
            redacted.push_str(&text[from..at]);
            redacted.push_str("[key]");
            from = end;
        }
    }
    redacted + &text[from..]
}

fn is_markup(text: &str) -> bool {
    text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']).starts_with('<')
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn messages_are_found_where_providers_put_them() {
        for body in [
            r#"{"error":{"message":"m","type":"t"}}"#,
            r#"{"error":"m"}"#,
            r#"{"error":{},"message":"m"}"#,
            r#"{"message":"m"}"#,
            r#"{"detail":"m"}"#,
            r#"{"detail":{"error":"m"}}"#,
            r#"{"errors":["m"]}"#,
            r#"{"errors":[{"message":"m"}]}"#,
            r#"{"code":1301,"msg":"m","success":false}"#,
            r#"[{"error":{"message":"m"}}]"#,
            r#""m""#,
            "m\n",
        ] {
            assert_eq!(message(body.as_bytes()), "m", "{body}");
        }
        let list = r#"{"detail":[{"type":"missing","loc":["body","a",0],"msg":"x"},{"msg":"y"}]}"#;
        assert_eq!(message(list.as_bytes()), "body.a.0: x; y");
        assert_eq!(message(b"<!DOCTYPE html><title>502</title>"), "a web page");
        assert_eq!(message(br#"{"unrelated":1}"#), "");
        assert!(shortened(&"long ".repeat(1000)).chars().count() <= LONGEST_MESSAGE + 1);
    }

    #[test]
    fn errors_are_distinguished_from_parts_of_an_answer() {
        for error in [
            json!({ "error": { "message": "m" } }),
            json!({ "error": "m", "choices": [] }),
            json!({ "object": "error", "message": "m" }),
            json!({ "code": "Arrearage", "message": "m" }),
            json!({ "detail": [{ "msg": "m" }] }),
        ] {
            assert_eq!(reported_in(&error).as_deref(), Some("m"), "{error}");
        }
        for part in [
            json!({ "error": null, "choices": [{}] }),
            json!({ "error": {}, "choices": [{}] }),
            json!({ "error": "", "choices": [{}] }),
            json!({ "type": "ping" }),
            json!({ "message": { "content": "x" } }),
        ] {
            assert_eq!(reported_in(&part), None, "{part}");
        }
    }

    #[test]
    fn secrets_are_redacted_and_words_are_not() {
        let redacted = |text: &str, secret: &str| redacted(text.to_owned(), secret);
        assert_eq!(redacted("context length exceeded", "x"), "context length exceeded");
        assert_eq!(redacted("the ollama server", "ollama"), "the ollama server");
        assert_eq!(redacted("completed", "complete"), "completed");
        assert_eq!(redacted("key 'complete'", "complete"), "key '[key]'");
        assert_eq!(redacted("bad sk-0123456789.", "sk-0123456789"), "bad [key].");
        assert_eq!(redacted("asecret-1a", "secret-1"), "a[key]a");
    }
}
