//! Parses JSON as providers write it, which is not always valid.
//!
//! Some split an emoji into its two UTF-16 surrogates and send each in a separate message, as an
//! escape that strict parsers refuse. Unpaired surrogates are mapped to private-use characters, and
//! [`Joiner`] combines them again.
use serde_json::Value;

/// The range to which surrogates are mapped: the end of the last private-use plane.
const HALVES: u32 = 0x10_F800;
const FIRST_HALF: u32 = 0xD800;

/// Parses a document. Ignores byte order marks, and replaces lone surrogates and invalid UTF-8.
pub(crate) fn parse(bytes: &[u8]) -> serde_json::Result<Value> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = match serde_json::from_slice(bytes) {
        Ok(value) => return Ok(value),
        Err(error) => error,
    };
    let text = String::from_utf8_lossy(bytes);
    match with_halves(&text) {
        Some(text) => serde_json::from_str(&text),
        None if matches!(text, std::borrow::Cow::Owned(_)) => serde_json::from_str(&text),
        None => Err(first),
    }
}

/// Replaces escapes of lone surrogates by characters of [`HALVES`]; `None` if there are none.
fn with_halves(text: &str) -> Option<String> {
    let mut changed = String::new();
    let (mut from, mut at) = (0, 0);
    while let Some(found) = text[at..].find('\\') {
        at += found;
        let Some(unit) = escape(&text[at..]) else {
            // Skips the escaped character, so that `\\u` is not taken for an escape.
            at += 1 + text[at + 1..].chars().next().map_or(0, char::len_utf8);
            continue;
        };
        let pairs = (0xD800..0xDC00).contains(&unit)
            && escape(&text[at + 6..]).is_some_and(|next| (0xDC00..0xE000).contains(&next));
        if pairs {
            at += 12;
        } else if (0xD800..0xE000).contains(&unit) {
            changed.push_str(&text[from..at]);
            changed.extend(char::from_u32(HALVES + (unit - FIRST_HALF)));
            at += 6;
            from = at;
        } else {
            at += 6;
        }
    }
    (from > 0).then(|| changed + &text[from..])
}

/// Returns the number in a leading escape: `\u` and four hexadecimal digits.
fn escape(text: &str) -> Option<u32> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u32::from_str_radix(digits, 16).ok()
}

/// Combines surrogates, also across several texts.
#[derive(Debug, Default)]
pub(crate) struct Joiner(Option<u32>);

impl Joiner {
    /// Returns `text` with complete characters. A first surrogate at its end is kept for the next
    /// text.
    pub fn join(&mut self, text: &str) -> String {
        if self.0.is_none() && !text.chars().any(|one| half(one).is_some()) {
            return text.to_owned();
        }
        let mut joined = String::with_capacity(text.len());
        for one in text.chars() {
            match (self.0.take(), half(one)) {
                (Some(first), Some(second)) if second >= 0xDC00 => {
                    let code = 0x1_0000 + ((first - 0xD800) << 10) + (second - 0xDC00);
                    joined.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                (first, half) => {
                    joined.extend(first.map(|_| char::REPLACEMENT_CHARACTER));
                    match half {
                        Some(half) if half < 0xDC00 => self.0 = Some(half),
                        Some(_) => joined.push(char::REPLACEMENT_CHARACTER),
                        None => joined.push(one),
                    }
                }
            }
        }
        joined
    }

    /// Returns what is left at the end.
    pub fn end(&mut self) -> Option<char> {
        self.0.take().map(|_| char::REPLACEMENT_CHARACTER)
    }
}

fn half(one: char) -> Option<u32> {
    let code = u32::from(one);
    (HALVES..HALVES + 0x800).contains(&code).then(|| FIRST_HALF + (code - HALVES))
}

/// True for an empty value: null, false, or an empty text, list or object.
pub(crate) fn is_blank(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Array(list) => list.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(documents: &[&str]) -> String {
        let mut joiner = Joiner::default();
        let mut text: String = documents
            .iter()
            .map(|document| joiner.join(parse(document.as_bytes()).unwrap().as_str().unwrap()))
            .collect();
        text.extend(joiner.end());
        text
    }

    #[test]
    fn surrogates_are_joined_and_lone_ones_replaced() {
        for (documents, expected) in [
            (&[r#""\ud83d\ude00""#][..], "😀"),
            (&[r#""a\ud83d""#, r#""\ude00 b""#], "a😀 b"),
            (&[r#""\ud83d""#, r#""b""#], "\u{fffd}b"),
            (&[r#""\ud83d""#], "\u{fffd}"),
            (&[r#""\ude00\ud83d\ud83d\ude00""#], "\u{fffd}\u{fffd}😀"),
            (&[r#""\\ud83d""#], r"\ud83d"),
            (&["\u{feff}\"a\""], "a"),
        ] {
            assert_eq!(joined(documents), expected, "{documents:?}");
        }
    }

    #[test]
    fn invalid_utf8_is_replaced_and_invalid_json_is_refused() {
        assert_eq!(parse(b"\"a\xffb\"").unwrap(), "a\u{fffd}b");
        for wrong in [&b"{"[..], b"\xff", br#""\ud83d"#, b"", b"\\", br"\u"] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
