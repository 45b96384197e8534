//! JSON building blocks of all subjects: times, optional values, bytes.

use std::fmt;

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// Formats a time as RFC 3339 in UTC with milliseconds: `2026-02-03T10:11:12.345Z`.
pub fn time(time: DateTime<Utc>) -> String {
    let mut text = [0; TIME];
    match usual_time(time, &mut text) {
        Some(text) => text.to_owned(),
        None => time.to_rfc3339_opts(SecondsFormat::Millis, true),
    }
}

/// Length of a time with a four-digit year, in bytes.
const TIME: usize = 24;

/// Writes a time with a four-digit year. Lists have two of these in each row, and writing the
/// digits directly takes a tenth of a general formatter's time.
fn usual_time(time: DateTime<Utc>, text: &mut [u8; TIME]) -> Option<&str> {
    let year = u32::try_from(time.year()).ok().filter(|year| *year <= 9999)?;
    let [y1, y2] = two_digits(year / 100);
    let [y3, y4] = two_digits(year % 100);
    let [mo1, mo2] = two_digits(time.month());
    let [d1, d2] = two_digits(time.day());
    let [h1, h2] = two_digits(time.hour());
    let [mi1, mi2] = two_digits(time.minute());
    let [s1, s2] = two_digits(time.second());
    let milliseconds = time.timestamp_subsec_millis().min(999);
    let [f2, f3] = two_digits(milliseconds % 100);
    let [_, f1] = two_digits(milliseconds / 100);
    *text = [
        y1, y2, y3, y4, b'-', mo1, mo2, b'-', d1, d2, b'T', h1, h2, b':', mi1, mi2, b':', s1, s2,
        b'.', f1, f2, f3, b'Z',
    ];
    std::str::from_utf8(text).ok()
}

fn two_digits(number: u32) -> [u8; 2] {
    [number / 10, number % 10].map(|digit| b'0' + digit as u8)
}

/// A time that serializes as [`time`] does.
pub struct Time(pub DateTime<Utc>);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match usual_time(self.0, &mut [0; TIME]) {
            Some(text) => serializer.serialize_str(text),
            None => serializer.serialize_str(&time(self.0)),
        }
    }
}

impl Time {
    /// Appends the time as JSON.
    pub fn write(self, out: &mut Vec<u8>) {
        out.push(b'"');
        match usual_time(self.0, &mut [0; TIME]) {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => out.extend_from_slice(time(self.0).as_bytes()),
        }
        out.push(b'"');
    }
}

/// A value that serializes as its `Display` text.
pub struct StatusMessage<T>(pub T);

impl<T: fmt::Display> Serialize for StatusMessage<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// Deserializes a field that is present, even if it is `null`: tells `{"a":null}` from `{}`.
pub fn sent<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// A server-sent event.
#[derive(ToSchema)]
pub struct ServerSentEvent {
    /// JSON on one line.
    #[expect(dead_code, reason = "it is there for the OpenAPI document")]
    data: String,
}

/// Raw bytes.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
pub struct Binary(#[expect(dead_code, reason = "it is there for the OpenAPI document")] Vec<u8>);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_rfc_3339() {
        for millis in [
            0,
            1,
            999,
            1_770_113_472_345,
            -1,
            253_402_300_799_999,
            253_402_300_800_000,
            -70_000_000_000_000,
            951_782_400_000,
        ] {
            let at = DateTime::from_timestamp_millis(millis).unwrap();
            let expected = at.to_rfc3339_opts(SecondsFormat::Millis, true);
            assert_eq!(time(at), expected);
            assert_eq!(serde_json::to_string(&Time(at)).unwrap(), format!("\"{expected}\""));
            let mut out = Vec::new();
            Time(at).write(&mut out);
            assert_eq!(out, format!("\"{expected}\"").into_bytes());
        }
    }
}
