//! JSON as clients of this API know it. Names and shapes here are fixed by those clients.
pub mod admin;
pub mod attachment;
pub mod chat;
pub mod chat_edit;
pub mod compat;
pub mod directory;
pub mod document;
pub mod embeds;
pub mod filter;
pub mod folder;
pub mod history;
pub mod incoming;
pub mod job;
pub mod listing;
pub mod openai;
pub mod pin;
pub mod placement;
pub mod retrieval;
mod source;
pub mod stream;
pub mod system;
pub mod thread;
pub mod workspace;

use chrono::{DateTime, Datelike, SecondsFormat, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

/// RFC 3339 in UTC with milliseconds: `2026-02-03T10:11:12.345Z`.
pub fn time(time: DateTime<Utc>) -> String {
    let year = time.year();
    if !(0..=9999).contains(&year) {
        return time.to_rfc3339_opts(SecondsFormat::Millis, true);
    }
    // Lists hold two of these in each row, and writing the digits takes a fifth of the time that
    // a general formatter does.
    let mut text = String::with_capacity(24);
    let mut digits = |number: u32, width: u32, after: char| {
        for place in (0..width).rev() {
            text.push(char::from(b'0' + (number / 10_u32.pow(place) % 10) as u8));
        }
        text.push(after);
    };
    digits(year.unsigned_abs(), 4, '-');
    digits(time.month(), 2, '-');
    digits(time.day(), 2, 'T');
    digits(time.hour(), 2, ':');
    digits(time.minute(), 2, ':');
    digits(time.second(), 2, '.');
    digits(time.timestamp_subsec_millis().min(999), 3, 'Z');
    text
}

/// A value that was sent, even if it was `null`: tells `{"a":null}` from `{}`.
pub fn sent<'de, T, D>(deserializer: D) -> Result<Option<T>, D::Error>
where
    T: Deserialize<'de>,
    D: Deserializer<'de>,
{
    T::deserialize(deserializer).map(Some)
}

#[derive(Serialize, ToSchema)]
pub struct Authenticated {
    pub authenticated: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_has_them() {
        for millis in [0, 1, 999, 1_770_113_472_345, -1, 253_402_300_799_999, 951_782_400_000] {
            let at = DateTime::from_timestamp_millis(millis).unwrap();
            assert_eq!(time(at), at.to_rfc3339_opts(SecondsFormat::Millis, true));
        }
    }
}
