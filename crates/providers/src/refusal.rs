//! What a provider says when it refuses, put into words for the person who asked.
use reqwest::StatusCode;
use serde_json::Value;

/// How much of a provider's own message is passed on, in characters.
const LONGEST_MESSAGE: usize = 300;

/// Names an operator would look for in the settings when a provider refuses.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Hints {
    /// The setting that holds the address; empty when the address is fixed.
    pub base: &'static str,
    /// The setting that holds the key; empty when there is none.
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
            401 | 403 if self.key.is_empty() => "it wants an API key".into(),
            401 | 403 => format!("it does not accept the API key; check {}", self.key),
            404 if self.base.is_empty() => "it does not know the model".into(),
            404 => format!("it knows no such model or address; check the model and {}", self.base),
            429 => "it limits how much may be asked; try again later".into(),
            500..=599 => "it failed".into(),
            _ => "it rejected the request".into(),
        };
        match message {
            "" => format!("{what} (status {code})"),
            message => format!("{what} (status {code}: {message})"),
        }
    }
}

/// The provider's own words, from the usual places of an error body; empty when there are none
/// worth repeating.
pub(crate) fn message(body: &[u8]) -> String {
    match serde_json::from_slice(body) {
        Ok(value) => message_in(&value),
        Err(_) => {
            let text = String::from_utf8_lossy(body);
            if is_markup(&text) { "a web page".into() } else { shortened(&text) }
        }
    }
}

/// The message of an error in JSON: `{"error": {"message": ...}}` and its relatives.
pub(crate) fn message_in(value: &Value) -> String {
    let places = [
        "/error/message",
        "/error",
        "/message",
        "/detail",
        "/errors/0/message",
        "/0/error/message",
    ];
    let found = places.iter().find_map(|place| value.pointer(place)?.as_str());
    shortened(found.unwrap_or_default())
}

/// `text` on one line, without control characters, cut to a length fit for a message.
pub(crate) fn shortened(text: &str) -> String {
    let text = text.replace(char::is_control, " ");
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(LONGEST_MESSAGE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

fn is_markup(text: &str) -> bool {
    text.trim_start().starts_with('<')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_found_where_providers_put_them() {
        for body in [
            r#"{"error":{"message":"m","type":"t"}}"#,
            r#"{"error":"m"}"#,
            r#"{"message":"m"}"#,
            r#"{"detail":"m"}"#,
            r#"[{"error":{"message":"m"}}]"#,
            "m\n",
        ] {
            assert_eq!(message(body.as_bytes()), "m", "{body}");
        }
        assert_eq!(message(b"<!DOCTYPE html><title>502</title>"), "a web page");
        assert_eq!(message(br#"{"unrelated":1}"#), "");
        assert_eq!(message(&[0xff, 0xfe, 0]).chars().count(), 2);
        assert!(message("long ".repeat(1000).as_bytes()).chars().count() <= LONGEST_MESSAGE + 1);
    }
}
