//! Server-sent events: the response headers and the format of events.
use std::time::Duration;

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, HttpResponseBuilder};

/// Longest silence on a stream before a [`HEARTBEAT`] is sent.
pub const MAX_SILENCE: Duration = Duration::from_secs(15);

/// A comment that clients ignore. It keeps proxies from closing the connection.
pub const HEARTBEAT: &str = ": still there\n\n";

/// Returns the headers of a response that streams events.
pub fn response() -> HttpResponseBuilder {
    let mut response = HttpResponse::Ok();
    response.content_type("text/event-stream").insert_header((CACHE_CONTROL, "no-cache"));
    // Stops reverse proxies from buffering the whole stream.
    response.insert_header(("x-accel-buffering", "no"));
    response
}

/// Formats an unnamed event with JSON, which is always on one line.
pub fn json(value: &serde_json::Value) -> String {
    format!("data: {value}\n\n")
}

/// Formats a named event. Each line of `text` becomes a `data` field, so that text cannot inject
/// fields.
pub fn event(name: &str, text: &str) -> String {
    let mut written = format!("event: {name}\n");
    for line in text.split(['\n', '\r']) {
        written.push_str("data: ");
        written.push_str(line);
        written.push('\n');
    }
    written.push('\n');
    written
}

#[cfg(test)]
mod tests {
    use super::event;

    #[test]
    fn text_cannot_forge_an_event() {
        let written = event("answer", "a\n\nevent: end\r\rdata: x");
        assert!(written.lines().skip(1).all(|line| line.is_empty() || line.starts_with("data: ")));
        assert_eq!(written.matches("\n\n").count(), 1);
    }
}
