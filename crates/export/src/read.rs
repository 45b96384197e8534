//! Reads stored answers, including damaged ones.
use std::borrow::Cow;
use std::mem;

use carrel_domain::chat_log::LoggedChat;
use carrel_domain::export::{ExportAttachment, ExportRecord};
use serde::Deserialize;
use serde_json::Value;

/// Media type of images without one.
const UNKNOWN_TYPE: &str = "application/octet-stream";

/// A well-formed stored answer. Members that exports do not need are skipped.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    text: Cow<'a, str>,
    #[serde(default)]
    sources: Vec<Source>,
    #[serde(default)]
    attachments: Vec<Image>,
}

#[derive(Deserialize)]
struct Source {
    text: String,
}

#[derive(Deserialize)]
struct Image {
    name: String,
    mime: String,
    #[serde(rename = "contentString")]
    content: String,
}

/// Reads a stored exchange. The stored answer moves out of the chat: the record has its parts
/// instead, or the whole JSON as text if the answer has no text. Unreadable sources and images are
/// left out. The record is marked in both cases.
pub fn record_of(mut chat: LoggedChat) -> ExportRecord {
    let mut stored = mem::take(&mut chat.chat.response);
    let Ok(Answer { text, sources, attachments }) = serde_json::from_str(&stored) else {
        return salvage(chat, stored);
    };
    let sources = sources.into_iter().map(|Source { text }| text).collect();
    let attachments = attachments
        .into_iter()
        .map(|Image { name, mime, content }| attachment(name, &mime, content))
        .collect();
    let response = match text {
        Cow::Owned(text) => text,
        Cow::Borrowed(text) => {
            // Reuses the buffer of the stored answer, because answers are long.
            let (start, length) = (text.as_ptr().addr() - stored.as_ptr().addr(), text.len());
            stored.truncate(start + length);
            stored.drain(..start);
            stored
        }
    };
    ExportRecord { chat, response, sources, attachments, damaged: false, raw: false }
}

/// Recovers the readable parts of an answer that is damaged or has an unusual structure.
fn salvage(chat: LoggedChat, stored: String) -> ExportRecord {
    let mut damaged = false;
    let answer = serde_json::from_str(&stored).ok().or_else(|| {
        damaged = true;
        serde_json::from_str(&without_lone_surrogates(&stored)?).ok()
    });
    let Some(Value::Object(mut answer)) = answer else { return raw(chat, stored) };
    let Some(Value::String(response)) = answer.remove("text") else { return raw(chat, stored) };

    let mut sources = Vec::new();
    for source in list(answer.remove("sources"), &mut damaged) {
        match source {
            Value::Object(mut source) => match source.remove("text") {
                Some(Value::String(text)) => sources.push(text),
                _ => damaged = true,
            },
            _ => damaged = true,
        }
    }
    let mut attachments = Vec::new();
    for image in list(answer.remove("attachments"), &mut damaged) {
        let Value::Object(mut image) = image else {
            damaged = true;
            continue;
        };
        let Some(Value::String(content)) = image.remove("contentString") else {
            damaged = true;
            continue;
        };
        let mut word = |name| match image.remove(name) {
            Some(Value::String(word)) => word,
            _ => {
                damaged = true;
                String::new()
            }
        };
        let (name, mime) = (word("name"), word("mime"));
        attachments.push(attachment(name, &mime, content));
    }
    ExportRecord { chat, response, sources, attachments, damaged, raw: false }
}

/// Returns the elements of an optional list. Anything else than a list counts as damage.
fn list(value: Option<Value>, damaged: &mut bool) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(elements)) => elements,
        Some(_) => {
            *damaged = true;
            Vec::new()
        }
    }
}

fn raw(chat: LoggedChat, stored: String) -> ExportRecord {
    let (sources, attachments) = (Vec::new(), Vec::new());
    ExportRecord { chat, response: stored, sources, attachments, damaged: true, raw: true }
}

/// Creates an attachment from a data URL or its base64 part.
fn attachment(name: String, mime: &str, content: String) -> ExportAttachment {
    if content.starts_with("data:") {
        return ExportAttachment { name, content };
    }
    let mime = if mime.is_empty() { UNKNOWN_TYPE } else { mime };
    ExportAttachment { name, content: format!("data:{mime};base64,{content}") }
}

/// Replaces unpaired escaped surrogates by U+FFFD. Programs that cut text in UTF-16 leave them from
/// emoji. Returns `None` if there are none.
fn without_lone_surrogates(json: &str) -> Option<String> {
    let mut repaired = String::new();
    let (mut copied, mut at) = (0, 0);
    while let Some(found) = json.as_bytes()[at..].iter().position(|byte| *byte == b'\\') {
        at += found;
        match (unit(json, at), unit(json, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => at += 12,
            (Some(0xD800..=0xDFFF), _) => {
                repaired.push_str(&json[copied..at]);
                repaired.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            // Skips two bytes, so that a backslash after a backslash starts no escape.
            _ => at = (at + 2).min(json.len()),
        }
    }
    if copied == 0 {
        return None;
    }
    repaired.push_str(&json[copied..]);
    Some(repaired)
}

/// Returns the UTF-16 code unit that is escaped at this position.
fn unit(json: &str, at: usize) -> Option<u16> {
    let escape = json.get(at..at + 6)?.strip_prefix("\\u")?;
    // `from_str_radix` would accept a sign.
    let hex = escape.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex { u16::from_str_radix(escape, 16).ok() } else { None }
}
