//! Loosely typed JSON values, converted as a JavaScript server converts them.
use carrel_domain::{Error, Result};
use serde_json::Value;

pub use crate::v1::embeds::fields::UnknownFields;

/// Refuses an unknown field whose name differs from a known one only in case, separators or a
/// plural `s`. Ignoring a misspelled limit would grant more than the client asked for.
// quirk(unknown-fields): an unknown field is ignored, unless it is a misspelling of a known one
// (case, separators, a plural `s`), which is refused
// native: a body with a field that the operation does not know is refused by name
// test: `compat::values` (unit tests), `attacks::grants`
pub fn refuse_misspelled(unknown: &UnknownFields, known: &[&'static str]) -> Result<()> {
    for name in unknown.keys() {
        if let Some(suggestion) = known.iter().find(|known| plain(known) == plain(name)) {
            let name: String = name.chars().take(60).collect();
            let reason = format!("unknown field `{name}`; did you mean `{suggestion}`?");
            return Err(Error::invalid("body", reason));
        }
    }
    Ok(())
}

fn plain(name: &str) -> String {
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let letters: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    letters.trim_end_matches('s').to_owned()
}

/// Converts a value to text as JavaScript does: `5` is `"5"`, null is `"null"`.
// quirk(values-as-text)
pub fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        value => value.to_string(),
    }
}

/// Converts a value to a number: a numeric text, true (1) or null (0). `None` for anything else.
// quirk(values-as-numbers): a limit, a flag or a page may be a string
// native: values have the documented types
// test: `compat::page_offsets_are_parsed_loosely`
pub fn as_number(value: &Value) -> Option<f64> {
    let number = match value {
        Value::Null => 0.0,
        Value::Bool(flag) => f64::from(u8::from(*flag)),
        Value::Number(number) => number.as_f64()?,
        Value::String(text) if text.trim().is_empty() => 0.0,
        Value::String(text) => text.trim().parse().ok()?,
        Value::Array(_) | Value::Object(_) => return None,
    };
    (!number.is_nan()).then_some(number)
}

/// Returns true for truthy values, except the texts `0` and `false`, which JavaScript treats as
/// true.
pub fn as_flag(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !matches!(text.trim(), "" | "0" | "false"),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// Reads an id from a number or a numeric text.
pub fn as_id(value: &Value) -> Option<i32> {
    match value {
        Value::Number(number) => i32::try_from(number.as_i64()?).ok(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Returns the digits at the beginning of a text.
pub fn leading_number(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    &text[..end]
}

/// Returns true for truthy values: neither null, zero nor an empty text.
// quirk(values-as-text)
pub fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}

/// Converts a value to text. Null stays null.
// quirk(values-as-text)
pub fn to_text(value: Value) -> Value {
    match value {
        Value::Null | Value::String(_) => value,
        value => Value::String(value.to_string()),
    }
}

/// Converts the id of a user to a number. Anything that is not an id becomes null.
pub fn to_user(value: Value) -> Value {
    as_id(&value).map_or(Value::Null, Value::from)
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;
    use serde_json::json;

    use super::*;

    #[test]
    fn only_misspelled_names_are_refused() {
        let unknown = |name: &str| UnknownFields::from([(name.to_owned(), IgnoredAny)]);
        let known = ["dailyMessageLimit", "suspended"];
        for misspelled in ["daily_message_limit", "DailyMessageLimits", "Suspended"] {
            assert!(refuse_misspelled(&unknown(misspelled), &known).is_err(), "{misspelled}");
        }
        for value in ["id", "foo", "", "limit"] {
            assert!(refuse_misspelled(&unknown(value), &known).is_ok(), "{value}");
        }
    }

    #[test]
    fn values_are_read_as_clients_of_a_javascript_server_expect() {
        assert_eq!(
            ["5", "null", "true"].map(str::to_owned),
            [as_text(&json!(5)), as_text(&json!(null)), as_text(&json!(true)),]
        );
        for (value, number) in [
            (json!(null), Some(0.0)),
            (json!(true), Some(1.0)),
            (json!(" 1.5 "), Some(1.5)),
            (json!(""), Some(0.0)),
            (json!("x"), None),
            (json!("NaN"), None),
            (json!([1]), None),
        ] {
            assert_eq!(as_number(&value), number, "{value}");
        }
        assert!([json!(1), json!("1"), json!(true)].iter().all(as_flag));
        assert!(![json!(0), json!("0"), json!("false"), json!(null)].iter().any(as_flag));
        assert_eq!(
            [json!(7), json!("7"), json!(1.5), json!("x")].map(|id| as_id(&id)),
            [Some(7), Some(7), None, None]
        );
    }
}
