//! Converts values to and from columns.
use carrel_domain::Error;
use chrono::{DateTime, DurationRound, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};

/// The maximum number of ids bound to one statement. SQLite allows about 32,000 values.
pub(crate) const IDS_AT_ONCE: usize = 500;

/// Replaces NUL, which PostgreSQL refuses, with U+FFFD.
pub(crate) fn text(value: impl Into<String>) -> String {
    let value = value.into();
    if value.contains('\0') { value.replace('\0', "\u{FFFD}") } else { value }
}

/// [`text`] of an optional value.
pub(crate) fn some_text(value: Option<String>) -> Option<String> {
    value.map(text)
}

/// Rounds a time down to microseconds and clamps it to the years 0 to 9999, so that both databases
/// can store and compare it.
pub(crate) fn time(value: DateTime<Utc>) -> NaiveDateTime {
    let at = |year, month, day, time| {
        NaiveDate::from_ymd_opt(year, month, day).map(|date: NaiveDate| date.and_time(time))
    };
    let value = value.naive_utc();
    let value = value.duration_trunc(TimeDelta::microseconds(1)).unwrap_or(value);
    let first = at(0, 1, 1, NaiveTime::MIN).unwrap_or(value);
    let last = NaiveTime::from_hms_opt(23, 59, 59)
        .and_then(|time| at(9999, 12, 31, time))
        .unwrap_or(value);
    value.clamp(first, last)
}

pub(crate) fn some_time(value: Option<DateTime<Utc>>) -> Option<NaiveDateTime> {
    value.map(time)
}

pub(crate) fn utc(value: Option<NaiveDateTime>) -> Option<DateTime<Utc>> {
    value.map(|time| time.and_utc())
}

/// Returns the error for a stored value that no version of this program writes.
pub(crate) fn unreadable(what: &'static str) -> Error {
    Error::internal(format!("the database contains an invalid {what}"))
}

/// Converts a stored SHA-256 digest.
pub(crate) fn digest(bytes: Vec<u8>) -> Result<[u8; 32], Error> {
    bytes.try_into().map_err(|_| unreadable("digest"))
}

/// Joins ids with commas.
pub(crate) fn joined(ids: impl IntoIterator<Item = i32>) -> String {
    ids.into_iter().map(|id| id.to_string()).collect::<Vec<_>>().join(",")
}

/// Parses a text made by [`joined`].
pub(crate) fn ids(text: &str) -> Result<Vec<i32>, Error> {
    let ids = text.split(',').filter(|id| !id.is_empty());
    ids.map(|id| id.parse().map_err(|_| unreadable("id"))).collect()
}

/// Converts a number of rows to SQL's type.
pub(crate) fn rows(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

/// Returns the stored form of a vector: little-endian `f32`.
pub(crate) fn bytes_of(vector: &[f32]) -> Vec<u8> {
    vector.iter().flat_map(|value| value.to_le_bytes()).collect()
}

pub(crate) fn vector_of(bytes: &[u8]) -> Vec<f32> {
    let (values, _) = bytes.as_chunks::<4>();
    values.iter().map(|value| f32::from_le_bytes(*value)).collect()
}

/// Returns the stored form of a code: one byte per value, bit for bit.
pub(crate) fn bytes_of_code(values: &[i8]) -> Vec<u8> {
    values.iter().map(|value| value.cast_unsigned()).collect()
}

pub(crate) fn code_of(bytes: &[u8]) -> Vec<i8> {
    bytes.iter().map(|byte| byte.cast_signed()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_fit_both_databases() {
        let stored = |time: DateTime<Utc>| super::time(time).to_string();
        assert_eq!(stored(DateTime::from_timestamp_nanos(1_999)), "1970-01-01 00:00:00.000001");
        assert_eq!(stored(DateTime::from_timestamp_nanos(-1)), "1969-12-31 23:59:59.999999");
        assert_eq!(stored(DateTime::<Utc>::MAX_UTC), "9999-12-31 23:59:59");
        assert_eq!(stored(DateTime::<Utc>::MIN_UTC), "0000-01-01 00:00:00");
    }

    #[test]
    fn lists_of_ids_come_back_in_their_order() {
        for list in [vec![], vec![7], vec![3, -1, i32::MAX, 3]] {
            assert_eq!(ids(&joined(list.clone())).unwrap(), list);
        }
        assert!(ids("1,x").is_err());
    }

    #[test]
    fn vectors_come_back_bit_for_bit() {
        let vector = [0.0, -0.0, 1.5, f32::MIN_POSITIVE, f32::MAX];
        assert_eq!(vector_of(&bytes_of(&vector)), vector);
        assert_eq!(code_of(&bytes_of_code(&[-127, -1, 0, 127])), [-127, -1, 0, 127]);
    }
}
