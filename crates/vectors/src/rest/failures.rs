//! Interprets error responses of a store.
use std::error::Error as _;
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// Returns the pause that a busy store requests, if any.
pub(super) fn pause_wanted(status: StatusCode, headers: &HeaderMap) -> Option<Duration> {
    let is_busy = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let seconds = headers.get(RETRY_AFTER).filter(|_| is_busy)?.to_str().ok()?;
    seconds.trim().parse().ok().map(Duration::from_secs)
}

/// Returns true if the store refuses this request. Other statuses concern the key or all requests
/// at the moment; "not found" means that the server is of another kind.
pub(super) fn is_of_the_request(status: StatusCode) -> bool {
    let general = [
        StatusCode::NOT_FOUND,
        StatusCode::METHOD_NOT_ALLOWED,
        StatusCode::PROXY_AUTHENTICATION_REQUIRED,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    status.is_client_error() && !general.contains(&status)
}

/// Returns whether a body looks like JSON. Proxies and other servers respond with HTML to unknown
/// paths.
pub(super) fn is_json(body: &[u8]) -> bool {
    body.is_empty() || body.first() == Some(&b'{')
}

/// Returns the store's error message on one line.
pub(super) fn words(body: &[u8]) -> String {
    let message = serde_json::from_slice::<Value>(body).ok().and_then(|body| {
        let places = [
            "/message",
            "/status/error",
            "/error/message",
            "/error/0/message",
            "/errors/0/message",
            "/error",
        ];
        places.iter().find_map(|place| Some(body.pointer(place)?.as_str()?.to_owned()))
    });
    let message = message.unwrap_or_else(|| match body.starts_with(b"<") {
        true => "a web page".to_owned(),
        false => String::from_utf8_lossy(body).into_owned(),
    });
    message.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Returns the innermost cause, which says what failed.
pub(super) fn root_cause(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(|cause| cause.source()) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "the connection failed".to_owned(), ToString::to_string)
}
