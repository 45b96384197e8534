//! JSON bodies: bounded, tolerant of known client mistakes, and parsed on the blocking pool if they
//! are large.
use std::borrow::Cow;

use actix_web::web::Bytes;
use carrel_domain::{Error, Result};
use serde::de::{DeserializeOwned, IgnoredAny};

/// Most values in one body. Each value takes about a hundred bytes of memory, however short it is.
pub const MAX_VALUES: usize = 250_000;

/// Larger bodies, in bytes, are parsed on the blocking pool.
pub const MAX_INLINE: usize = 64 << 10;

/// Parses a JSON object; an empty body is `{}`.
///
/// Skips a byte order mark, and replaces unpaired surrogates by U+FFFD. JavaScript clients send
/// them if they cut a text inside a character.
///
/// # Errors
/// [`Error::Invalid`] with the field and the reason.
pub async fn parse<T: DeserializeOwned + Send + 'static>(body: Bytes) -> Result<T> {
    off_worker(body, |body| parse_inline(body)).await
}

/// True if a body is a JSON array.
///
/// # Errors
/// [`Error::Invalid`] for a malformed array.
pub async fn is_array(body: Bytes) -> Result<bool> {
    off_worker(body, |body| {
        let text = trimmed(body);
        if text.first() != Some(&b'[') {
            return Ok(false);
        }
        check_size(text)?;
        let parsed = serde_json::from_slice::<IgnoredAny>(&without_lone_surrogates(text));
        parsed.map(|_| true).map_err(|error| Error::invalid("body", error.to_string()))
    })
    .await
}

/// Runs `parse` on this thread for small bodies, and on the blocking pool for large ones.
pub(crate) async fn off_worker<T: Send + 'static>(
    body: Bytes,
    parse: impl FnOnce(&[u8]) -> Result<T> + Send + 'static,
) -> Result<T> {
    if body.len() <= MAX_INLINE {
        return parse(&body);
    }
    tokio::task::spawn_blocking(move || parse(&body)).await.map_err(Error::internal)?
}

fn parse_inline<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    let text = match trimmed(body) {
        [] => b"{}",
        text @ [b'{', ..] => text,
        _ => return Err(Error::invalid("body", "must be a JSON object")),
    };
    check_size(text)?;
    let text = without_lone_surrogates(text);
    let mut json = serde_json::Deserializer::from_slice(&text);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        // If the JSON is malformed, the field only tells how far the parser got.
        if let Err(syntax_error) = serde_json::from_slice::<IgnoredAny>(&text) {
            return Error::invalid("body", syntax_error.to_string());
        }
        let place = error.path().to_string();
        let field = if place == "." { "body".to_owned() } else { place };
        Error::invalid(field, error.into_inner().to_string())
    })?;
    json.end().map_err(|error| Error::invalid("body", error.to_string()))?;
    Ok(value)
}

fn trimmed(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body).trim_ascii()
}

fn check_size(text: &[u8]) -> Result<()> {
    if count_values(text) > MAX_VALUES {
        let reason = format!("must not hold more than {MAX_VALUES} values");
        return Err(Error::invalid("body", reason));
    }
    Ok(())
}

/// Counts values by commas and opening brackets outside strings.
fn count_values(json: &[u8]) -> usize {
    let (mut count, mut in_string, mut escaped) = (0, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => count += 1,
            _ => {}
        }
    }
    count
}

/// Replaces unpaired `\uD800` to `\uDFFF` by `\uFFFD`.
fn without_lone_surrogates(json: &[u8]) -> Cow<'_, [u8]> {
    let mut repaired: Option<Vec<u8>> = None;
    let mut at = 0;
    while at < json.len() {
        if json[at] != b'\\' {
            at += 1;
            continue;
        }
        match surrogate(json, at) {
            Some(0xd800..=0xdbff) if matches!(surrogate(json, at + 6), Some(0xdc00..=0xdfff)) => {
                at += 12;
            }
            Some(_) => {
                let text = repaired.get_or_insert_with(|| json.to_vec());
                text[at + 2..at + 6].copy_from_slice(b"FFFD");
                at += 6;
            }
            // Skips an escaped character together with its backslash.
            None => at += 2,
        }
    }
    repaired.map_or(Cow::Borrowed(json), Cow::Owned)
}

/// Returns the surrogate that is escaped at this position.
fn surrogate(json: &[u8], at: usize) -> Option<u16> {
    let digits = json.get(at..at + 6)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    let code = u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    (0xd800..=0xdfff).contains(&code).then_some(code)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn commas_and_brackets_in_strings_are_not_counted() {
        assert_eq!(count_values(b"{\"a\":[1,2],\"b\":{}}"), 5);
        assert_eq!(count_values(br#"{"a":",,[[{\",,","b":"\\"}"#), 2);
        assert_eq!(count_values(b""), 0);
    }

    #[test]
    fn lone_surrogates_become_the_replacement_character() {
        for (sent, read) in [
            (r#"{"a":"x\ud83d"}"#, "x\u{fffd}"),
            (r#"{"a":"\uDE00y"}"#, "\u{fffd}y"),
            (r#"{"a":"\ude00\ud83d"}"#, "\u{fffd}\u{fffd}"),
            (r#"{"a":"\ud83d\ud83d\ude00"}"#, "\u{fffd}😀"),
            (r#"{"a":"\ud83d\u0041"}"#, "\u{fffd}A"),
            (r#"{"a":"\ud83d\ude00"}"#, "😀"),
            (r#"{"a":"\\ud83d"}"#, "\\ud83d"),
            (r#"{"a":"\\\ud83d"}"#, "\\\u{fffd}"),
            ("\u{feff} {\"a\":\"b\"}", "b"),
        ] {
            let value: Value = parse_inline(sent.as_bytes()).unwrap();
            assert_eq!(value, json!({ "a": read }), "{sent}");
        }
    }

    #[test]
    fn invalid_objects_are_refused_with_the_reason() {
        for (sent, message) in [
            ("[]", "body: must be a JSON object"),
            ("{\"a\":\"\\u00g0\"}", "body: invalid escape"),
            ("{\"a\":\"\\ud8\"}", "body: "),
            ("{} {}", "body: trailing characters"),
        ] {
            let error = parse_inline::<Value>(sent.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(message), "{sent}: {error}");
        }
    }

    #[test]
    fn syntax_errors_are_reported_before_field_errors() {
        #[derive(Debug, serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Empty {}
        for (sent, message) in [("{\"a\": ", "body: EOF"), ("{\"a\": 1}", "a: unknown field `a`")] {
            let error = parse_inline::<Empty>(sent.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with(message), "{sent}: {error}");
        }
    }
}
