//! Parses stored times quickly, because they are most of the cost of lists of people and exchanges.
use chrono::{DateTime, NaiveDate, NaiveDateTime};
use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::pg::Pg;
use diesel::sql_types::Timestamp;
use diesel::sqlite::Sqlite;

use crate::database::connection::AnyBackend;
use crate::database::convert::unreadable;

/// A time read from a column. SQLite stores times as text, and parsing it by format strings takes
/// longer than reading the rest of a row.
#[derive(Clone, Copy, Debug, PartialEq, FromSqlRow)]
pub(crate) struct StoredTimestamp(NaiveDateTime);

impl From<StoredTimestamp> for NaiveDateTime {
    fn from(StoredTimestamp(time): StoredTimestamp) -> Self {
        time
    }
}

impl FromSql<Timestamp, Pg> for StoredTimestamp {
    fn from_sql(value: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <NaiveDateTime as FromSql<Timestamp, Pg>>::from_sql(value).map(Self)
    }
}

impl FromSql<Timestamp, Sqlite> for StoredTimestamp {
    fn from_sql(mut value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        let text = value.read_text();
        let time = usual(text.as_bytes()).or_else(|| unusual(text));
        Ok(Self(time.ok_or_else(|| unreadable("time"))?))
    }
}

impl FromSql<Timestamp, AnyBackend> for StoredTimestamp {
    fn from_sql(value: <AnyBackend as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        value.from_sql::<Self, Timestamp>()
    }
}

/// Parses `2026-01-31 23:59:59` with up to nine fractional digits.
fn usual(text: &[u8]) -> Option<NaiveDateTime> {
    let number = |digits: &[u8]| {
        digits.iter().try_fold(0, |number: u32, digit| {
            digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0'))
        })
    };
    let (whole, rest) = text.split_at_checked(19)?;
    let separators = [whole[4], whole[7], whole[10], whole[13], whole[16]];
    if separators != *b"-- ::" {
        return None;
    }
    let nanoseconds = match rest {
        [] => 0,
        [b'.', digits @ ..] if (1..=9).contains(&digits.len()) => {
            number(digits)? * 10u32.pow(9 - digits.len() as u32)
        }
        _ => return None,
    };
    let year = i32::try_from(number(&whole[..4])?).ok()?;
    NaiveDate::from_ymd_opt(year, number(&whole[5..7])?, number(&whole[8..10])?)?.and_hms_nano_opt(
        number(&whole[11..13])?,
        number(&whole[14..16])?,
        number(&whole[17..19])?,
        nanoseconds,
    )
}

/// Parses other formats that other programs may have written.
fn unusual(text: &str) -> Option<NaiveDateTime> {
    let text = text.trim();
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.naive_utc());
    }
    let formats = ["%F %T%.f", "%FT%T%.f", "%F %R", "%FT%R"];
    formats.iter().find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<NaiveDateTime> {
        usual(text.as_bytes()).or_else(|| unusual(text))
    }

    #[test]
    fn usual_times_are_parsed_as_by_the_format_string() {
        for text in [
            "2026-01-31 23:59:59",
            "0000-01-01 00:00:00",
            "9999-12-31 23:59:59.999999",
            "2024-02-29 00:00:00.5",
            "2024-02-29 00:00:00.000001",
            "2024-02-29 00:00:00.123456789",
        ] {
            let expected = NaiveDateTime::parse_from_str(text, "%F %T%.f").unwrap();
            assert_eq!(usual(text.as_bytes()), Some(expected), "{text}");
        }
    }

    #[test]
    fn times_written_by_other_programs_are_parsed() {
        let expected = read("2026-01-31 23:59:00").unwrap();
        for text in ["2026-01-31T23:59:00Z", "2026-01-31T23:59:00.000", "2026-02-01T00:59:00+01:00"]
        {
            assert_eq!(read(text), Some(expected), "{text}");
        }
        assert_eq!(read("2026-01-31 23:59"), Some(expected));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in [
            "",
            "now",
            "2026-02-30 00:00:00",
            "2026-01-31 24:00:00",
            "2026-01-31 00:00:0é",
            "2026-01-31 00:00:00.",
            "２026-01-31 00:00:00",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
