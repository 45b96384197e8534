//! A row of the source. Columns are read by name, because older versions lack some and order them
//! differently. Values may have any type that a version of AnythingLLM has written.
use chrono::{DateTime, NaiveDateTime, TimeZone, Utc};
use serde_json::{Map, Value};

#[derive(Clone, Debug, Default)]
pub struct Row(pub Map<String, Value>);

impl Row {
    fn value(&self, column: &str) -> Option<&Value> {
        self.0.get(column).filter(|value| !value.is_null())
    }

    /// Returns the text of a column; numbers and booleans as they are written.
    pub fn text(&self, column: &str) -> Option<String> {
        match self.value(column)? {
            Value::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        }
    }

    /// Works like [`Row::text`], but returns `None` for an empty text.
    pub fn filled(&self, column: &str) -> Option<String> {
        self.text(column).filter(|text| !text.trim().is_empty())
    }

    pub fn long(&self, column: &str) -> Option<i64> {
        match self.value(column)? {
            Value::Number(number) => {
                number.as_i64().or_else(|| number.as_f64().map(|number| number as i64))
            }
            Value::Bool(flag) => Some(i64::from(*flag)),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        }
    }

    pub fn int(&self, column: &str) -> Option<i32> {
        self.long(column).and_then(|number| i32::try_from(number).ok())
    }

    pub fn real(&self, column: &str) -> Option<f64> {
        let number = match self.value(column)? {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number| number.is_finite())
    }

    pub fn flag(&self, column: &str) -> Option<bool> {
        match self.value(column)? {
            Value::Bool(flag) => Some(*flag),
            Value::Number(number) => number.as_f64().map(|number| number != 0.0),
            Value::String(text) => match text.trim() {
                "1" | "true" => Some(true),
                "0" | "false" => Some(false),
                _ => None,
            },
            _ => None,
        }
    }

    pub fn time(&self, column: &str) -> Option<DateTime<Utc>> {
        time(self.value(column)?)
    }

    pub fn id(&self) -> Option<i32> {
        self.int("id")
    }
}

/// Parses a time as any version of AnythingLLM stores it: milliseconds since 1970, or a text, in
/// UTC unless it states an offset.
pub fn time(value: &Value) -> Option<DateTime<Utc>> {
    match value {
        Value::Number(number) => {
            let number = number.as_i64().or_else(|| number.as_f64().map(|number| number as i64))?;
            Utc.timestamp_millis_opt(number).single()
        }
        Value::String(text) => {
            let text = text.trim();
            if let Ok(milliseconds) = text.parse::<i64>() {
                return Utc.timestamp_millis_opt(milliseconds).single();
            }
            if let Ok(time) = DateTime::parse_from_rfc3339(text) {
                return Some(time.to_utc());
            }
            // PostgreSQL writes offsets of whole hours without minutes.
            if let Ok(time) = DateTime::parse_from_str(&format!("{text}00"), "%F %T%.f%z") {
                return Some(time.to_utc());
            }
            let formats = ["%F %T%.f", "%FT%T%.f", "%F %T%.f UTC", "%F %R", "%FT%R"];
            let parsed =
                formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok());
            parsed.map(|time| time.and_utc())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn times_of_every_version_are_read() {
        for (value, expected) in [
            (json!(1_707_640_215_000_i64), "2024-02-11T08:30:15+00:00"),
            (json!("1707640215000"), "2024-02-11T08:30:15+00:00"),
            (json!("2024-02-11 08:30:15"), "2024-02-11T08:30:15+00:00"),
            (json!("2024-05-01T10:00:00.250Z"), "2024-05-01T10:00:00.250+00:00"),
            (json!("2024-05-01T12:00:00.250+02:00"), "2024-05-01T10:00:00.250+00:00"),
            (json!("2024-05-01T10:00:00.25"), "2024-05-01T10:00:00.250+00:00"),
            (json!("2024-05-01 12:00:00+02"), "2024-05-01T10:00:00+00:00"),
        ] {
            let read = time(&value).map(|time| time.to_rfc3339());
            assert_eq!(read.as_deref(), Some(expected), "{value}");
        }
        for value in [json!("yesterday"), json!(""), json!(null), json!([])] {
            assert_eq!(time(&value), None, "{value}");
        }
    }

    #[test]
    fn a_missing_column_equals_an_empty_one() {
        let Value::Object(map) = json!({ "a": 1, "b": null, "c": "0", "d": " ", "e": true }) else {
            unreachable!()
        };
        let row = Row(map);
        assert_eq!((row.int("a"), row.int("b"), row.int("z")), (Some(1), None, None));
        assert_eq!((row.flag("a"), row.flag("c"), row.flag("z")), (Some(true), Some(false), None));
        assert_eq!((row.filled("d"), row.text("d").as_deref()), (None, Some(" ")));
        assert_eq!((row.flag("e"), row.int("e")), (Some(true), Some(1)));
    }
}
