//! Repairs JSON with unpaired surrogates, which JavaScript writes when it cuts a text.
use std::borrow::Cow;

/// Replaces unpaired surrogate escapes, such as `\ud83d` alone, by `\ufffd`. Only JavaScript's
/// parser accepts them.
pub fn repair(json: &str) -> Cow<'_, str> {
    let bytes = json.as_bytes();
    let (mut repaired, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(step) = bytes.get(at..).and_then(|rest| rest.iter().position(|b| *b == b'\\')) {
        at += step;
        let Some(unit) = unit(bytes, at) else {
            // Skips an escaped backslash too, after which `u` is a letter.
            at += 2;
            continue;
        };
        let is_pair = matches!(unit, 0xd800..=0xdbff)
            && self::unit(bytes, at + 6).is_some_and(|low| matches!(low, 0xdc00..=0xdfff));
        if is_pair {
            at += 12;
            continue;
        }
        if matches!(unit, 0xd800..=0xdfff) {
            repaired.push_str(&json[copied..at]);
            repaired.push_str("\\ufffd");
            copied = at + 6;
        }
        at += 6;
    }
    if copied == 0 {
        return Cow::Borrowed(json);
    }
    repaired.push_str(&json[copied..]);
    Cow::Owned(repaired)
}

/// Returns the code unit of an escape, `\u` and four hexadecimal digits, at `at`.
fn unit(bytes: &[u8], at: usize) -> Option<u32> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unpaired_surrogates_are_replaced() {
        for (json, expected) in [
            (r#"{"a":"x"}"#, r#"{"a":"x"}"#),
            (r#""\ud83d\ude00""#, r#""\ud83d\ude00""#),
            (r#""cut \ud83d""#, r#""cut \ufffd""#),
            (r#""\ude00\ud83d\ud83d\ude00é""#, r#""\ufffd\ufffd\ud83d\ude00é""#),
            (r#""\\ud83d""#, r#""\\ud83d""#),
            (r#""\\\ud83d""#, r#""\\\ufffd""#),
            (r#""\u0000\"""#, r#""\u0000\"""#),
            (r#""\u12"#, r#""\u12"#),
            ("\"\\", "\"\\"),
        ] {
            assert_eq!(repair(json), expected, "{json}");
        }
        assert!(serde_json::from_str::<String>(&repair(r#""\ud83d x""#)).is_ok());
    }
}
