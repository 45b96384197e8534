//! Handling of every request: request id, log span, metrics and safe headers.
use std::time::Instant;

use actix_web::HttpMessage;
use actix_web::body::{self, BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{CACHE_CONTROL, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use actix_web::http::{Method, StatusCode};
use carrel_domain::Error;
use carrel_services::meter::Meter;
use carrel_services::redact;
use tracing::Span;

use crate::status::status_of;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest request id that is accepted from a client or proxy.
const MAX_ID: usize = 64;

/// Marks a `HEAD` request. It is routed as `GET` but must have no effect.
pub struct HeadOnly;

/// A request in progress.
pub struct RequestLog {
    pub id: String,
    pub span: Span,
    method: Method,
    started: Instant,
}

impl RequestLog {
    /// Starts the timer and assigns the request id. `HEAD` is routed as `GET`; [`Self::finish`]
    /// drops the body.
    pub fn start(request: &mut ServiceRequest) -> Self {
        let id = given_id(request).unwrap_or_else(|| format!("{:016x}", rand::random::<u64>()));
        let method = request.method().clone();
        let path = redact::path(request.path());
        let span = tracing::info_span!("request", id = %id, %method, path = &*path);
        if method == Method::HEAD {
            request.extensions_mut().insert(HeadOnly);
            request.head_mut().method = Method::GET;
        }
        Self { id, span, method, started: Instant::now() }
    }

    /// Completes the response's headers and records the metrics.
    pub fn finish(
        &self,
        mut response: ServiceResponse<BoxBody>,
        meter: Option<&Meter>,
    ) -> ServiceResponse<BoxBody> {
        let is_stream = response.response().body().size() == BodySize::Stream;
        if self.method == Method::HEAD && is_stream {
            response = response.map_body(|_, _| BoxBody::new(body::None::new()));
        }
        let headers = response.headers_mut();
        if let Ok(id) = HeaderValue::from_str(&self.id) {
            headers.insert(REQUEST_ID, id);
        }
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        // Responses contain keys, codes and documents, which no cache may store.
        if !headers.contains_key(CACHE_CONTROL) {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        let status = response.status().as_u16();
        if let Some(meter) = meter {
            let route = response.request().match_pattern();
            let elapsed = self.started.elapsed();
            meter.request(self.method.as_str(), route.as_deref(), status, elapsed);
        }
        tracing::debug!(status, "answered");
        response
    }
}

/// Logs why a request failed. Conditions that pass by themselves or that the operator must fix,
/// such as a full disk or a long queue, are answered with 503 and are not server faults.
pub fn log_failure(cause: &Error, doing: &'static str) {
    let error = cause as &(dyn std::error::Error + 'static);
    match status_of(cause) {
        StatusCode::SERVICE_UNAVAILABLE => tracing::warn!(error, "{doing}"),
        status if status.is_server_error() => tracing::error!(error, "{doing}"),
        _ => tracing::debug!(error, "{doing}"),
    }
}

fn given_id(request: &ServiceRequest) -> Option<String> {
    let id = request.headers().get(REQUEST_ID)?.to_str().ok()?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_usable = !id.is_empty() && id.len() <= MAX_ID && id.chars().all(is_plain);
    is_usable.then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    use super::*;

    /// Records the level of every event.
    #[derive(Clone, Default)]
    struct Levels(Arc<Mutex<Vec<Level>>>);

    impl Subscriber for Levels {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            self.0.lock().unwrap().push(*event.metadata().level());
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    fn level_of(error: Error) -> Level {
        let levels = Levels::default();
        tracing::subscriber::with_default(levels.clone(), || log_failure(&error, "failed"));
        let logged = levels.0.lock().unwrap().clone();
        assert_eq!(logged.len(), 1);
        logged[0]
    }

    #[test]
    fn only_server_faults_are_logged_as_errors() {
        assert_eq!(level_of(Error::internal("broken")), Level::ERROR);
        assert_eq!(level_of(Error::unavailable("the database", "its disk is full")), Level::WARN);
        for mistake in [
            Error::invalid("name", "is empty"),
            Error::not_found("user", 1),
            Error::exhausted("too many"),
            Error::unprocessable("is no PDF"),
            Error::TooLarge { what: "the file", limit: 1 },
        ] {
            assert_eq!(level_of(mistake), Level::DEBUG);
        }
    }
}
