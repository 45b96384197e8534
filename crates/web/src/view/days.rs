//! Groups conversations by age, in days of the reader's time zone.
use actix_web::http::header::HeaderMap;
use chrono::{DateTime, Duration, FixedOffset, NaiveDate, Utc};

use crate::session::session_cookie;

/// Cookie with the reader's offset from UTC in minutes, which a script sets.
const COOKIE: &str = "carrel_zone";
/// Maximum offset from UTC, in minutes.
const MAX_OFFSET: i32 = 14 * 60;

/// Returns the day of a time in the reader's time zone; in UTC if the zone is unknown.
pub fn day(headers: &HeaderMap, time: DateTime<Utc>) -> NaiveDate {
    let minutes =
        session_cookie::cookie_value(headers, COOKIE).and_then(|text| text.parse::<i32>().ok());
    let minutes = minutes.unwrap_or_default().clamp(-MAX_OFFSET, MAX_OFFSET);
    let zone = FixedOffset::east_opt(minutes * 60);
    zone.map_or_else(|| time.date_naive(), |zone| time.with_timezone(&zone).date_naive())
}

/// Returns the key of the heading for a day.
pub fn heading(day: NaiveDate, today: NaiveDate) -> &'static str {
    match today - day {
        age if age <= Duration::zero() => "threads.today",
        age if age <= Duration::days(1) => "threads.yesterday",
        age if age <= Duration::days(7) => "threads.week",
        age if age <= Duration::days(30) => "threads.month",
        _ => "threads.older",
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{COOKIE as COOKIES, HeaderValue};

    use super::*;

    #[test]
    fn days_are_in_the_time_zone_of_the_reader() {
        let evening: DateTime<Utc> = "2026-03-01T23:30:00Z".parse().unwrap();
        for (cookie, expected) in [
            ("", "2026-03-01"),
            ("carrel_zone=60", "2026-03-02"),
            ("carrel_zone=-480", "2026-03-01"),
            ("carrel_zone=nonsense", "2026-03-01"),
            ("carrel_zone=99999", "2026-03-02"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(COOKIES, HeaderValue::from_static(cookie));
            assert_eq!(day(&headers, evening).to_string(), expected, "{cookie}");
        }
    }

    #[test]
    fn days_are_grouped_under_headings() {
        let today: NaiveDate = "2026-03-10".parse().unwrap();
        for (day, expected) in [
            ("2026-03-11", "threads.today"),
            ("2026-03-10", "threads.today"),
            ("2026-03-09", "threads.yesterday"),
            ("2026-03-03", "threads.week"),
            ("2026-02-08", "threads.month"),
            ("2025-03-10", "threads.older"),
        ] {
            assert_eq!(heading(day.parse().unwrap(), today), expected, "{day}");
        }
    }
}
