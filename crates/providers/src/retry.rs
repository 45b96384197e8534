//! Decides whether and when to retry a refused request.
use std::time::Duration;

use chrono::{DateTime, Utc};
use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};

/// Number of retries if the provider does not say when to retry.
const TRIES: u32 = 5;

/// Returns the wait that a provider requests: `Retry-After`, in seconds or as a date, or
/// `retry-after-ms`, in milliseconds.
pub(crate) fn after(headers: &HeaderMap, now: DateTime<Utc>) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    if let Some(milliseconds) = text("retry-after-ms").and_then(|text| text.parse::<f64>().ok()) {
        return Duration::try_from_secs_f64(milliseconds / 1000.0).ok();
    }
    let value = text(RETRY_AFTER.as_str())?;
    if let Ok(seconds) = value.parse::<f64>() {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    let date = DateTime::parse_from_rfc2822(value).ok()?;
    Some((date.with_timezone(&Utc) - now).to_std().unwrap_or_default())
}

/// Returns the time to wait before the next attempt; `None` if another would not help.
pub(crate) fn wait(
    status: StatusCode,
    requested: Option<Duration>,
    message: &str,
    attempt: u32,
) -> Option<Duration> {
    let message = message.to_ascii_lowercase();
    let is_spent =
        ["quota", "billing", "credit", "balance"].iter().any(|word| message.contains(word));
    let backoff = || (attempt < TRIES).then(|| Duration::from_secs(1 << attempt));
    match (status.as_u16(), requested) {
        // Never retries immediately, even if the provider requests no wait.
        (429 | 503 | 529, Some(requested)) => {
            Some(requested.max(Duration::from_millis(50 << attempt.min(7))))
        }
        (429, None) if is_spent => None,
        (429 | 529, None) => backoff(),
        (503, None) if message.contains("loading") => backoff(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_requested_wait_is_read_in_every_form() {
        let now = DateTime::parse_from_rfc3339("2026-01-01T00:00:00Z").unwrap().to_utc();
        for (name, value, expected) in [
            ("retry-after", "2", Some(2000)),
            ("retry-after", "0.5", Some(500)),
            ("retry-after-ms", "250", Some(250)),
            ("retry-after", "Thu, 01 Jan 2026 00:00:03 GMT", Some(3000)),
            ("retry-after", "Wed, 31 Dec 2025 00:00:00 GMT", Some(0)),
            ("retry-after", "-1", None),
            ("retry-after", "soon", None),
            ("retry-after", "1e300", None),
        ] {
            let headers = HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())]);
            let found = after(&headers, now).map(|wait| wait.as_millis());
            assert_eq!(found, expected, "{name}: {value}");
        }
    }

    #[test]
    fn only_temporary_refusals_are_retried() {
        let seconds = Duration::from_secs;
        for (status, requested, message, expected) in [
            (429, Some(seconds(7)), "", Some(seconds(7))),
            (429, None, "", Some(seconds(2))),
            (429, None, "You exceeded your current quota", None),
            (503, None, "Loading model", Some(seconds(2))),
            (503, None, "down", None),
            (503, Some(seconds(1)), "down", Some(seconds(1))),
            (500, Some(seconds(1)), "", None),
            (400, None, "", None),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(wait(status, requested, message, 1), expected, "{status} {message}");
        }
        assert_eq!(wait(StatusCode::TOO_MANY_REQUESTS, None, "", TRIES), None);
    }
}
