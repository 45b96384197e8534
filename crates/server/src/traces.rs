//! Sends traces of requests to an OpenTelemetry collector. Only built with the feature `otel`.
//!
//! A span names the template of the request's route, never the path, the query, a header or a body,
//! which may contain names and keys.
use std::pin::Pin;
use std::task::{Context as Polling, Poll};
use std::time::Duration;

use actix_web::Error;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::web::Bytes;
use anyhow::{Context, ensure};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{Span, SpanKind, Status, Tracer, TracerProvider};
use opentelemetry::{Context as Parent, Key, KeyValue};
use opentelemetry_http::{HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tokio::runtime::Handle;

use crate::VERSION;
use crate::config::Environment;

const ENDPOINTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT"];
const PROTOCOLS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"];
const TIMEOUTS: [&str; 2] = ["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"];

/// Default time limit for a collector's response.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Time limit for sending the remaining spans at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// Creates spans, and sends them in batches from a separate thread.
#[derive(Clone)]
pub struct Traces {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
}

/// Starts tracing. Returns `None` unless the environment names a collector. The library reads the
/// other variables of the standard.
pub fn start(environment: &Environment) -> anyhow::Result<Option<Traces>> {
    let first_value = |names: &[&str]| {
        let mut values = names.iter().filter_map(|name| environment.get(*name)?.as_deref());
        values.find(|value| !value.trim().is_empty())
    };
    let is_off = first_value(&["OTEL_SDK_DISABLED"])
        .is_some_and(|off| off.eq_ignore_ascii_case("true"))
        || first_value(&["OTEL_TRACES_EXPORTER"]) == Some("none");
    if is_off || first_value(&ENDPOINTS).is_none() {
        return Ok(None);
    }
    let protocol = first_value(&PROTOCOLS).unwrap_or("http/protobuf");
    ensure!(
        protocol == "http/protobuf",
        "{} must be http/protobuf, not `{protocol}`",
        PROTOCOLS[1]
    );
    let timeout = first_value(&TIMEOUTS).and_then(|timeout| timeout.parse().ok());
    let sender = Sender {
        client: carrel_providers::http_client().context("failed to set up traces")?,
        timeout: timeout.map_or(TIMEOUT, Duration::from_millis),
        runtime: Handle::current(),
    };
    let exporter = SpanExporter::builder().with_http().with_http_client(sender).build();
    let exporter = exporter.context("failed to set up traces")?;
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter);
    let provider = provider.with_resource(resource()).build();
    tracing::info!("traces of requests are sent to a collector");
    Ok(Some(Traces { tracer: provider.tracer("carrel"), provider }))
}

impl Traces {
    /// Sends the remaining spans.
    pub async fn finish(self) {
        let last = move || self.provider.shutdown_with_timeout(FAREWELL);
        // On another thread, because the sender needs this one.
        if let Ok(Err(error)) = tokio::task::spawn_blocking(last).await {
            tracing::warn!("failed to send the last traces: {error}");
        }
    }
}

/// Returns the sender's identity: the service name of the environment, or this program's name.
fn resource() -> Resource {
    let builder = Resource::builder().with_attribute(KeyValue::new("service.version", VERSION));
    let named = Resource::builder().build().get(&Key::from_static_str("service.name"));
    match named {
        Some(name) if !name.as_str().starts_with("unknown_service") => builder.build(),
        _ => builder.with_service_name("carrel").build(),
    }
}

/// Sends spans on the server's runtime, on behalf of the library's thread.
#[derive(Debug)]
struct Sender {
    client: reqwest::Client,
    timeout: Duration,
    runtime: Handle,
}

#[async_trait::async_trait]
impl HttpClient for Sender {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (client, timeout) = (self.client.clone(), self.timeout);
        let send = async move { tokio::time::timeout(timeout, client.send_bytes(request)).await? };
        self.runtime.spawn(send).await?
    }
}

/// Creates a span for a request, from its head to the end of its response.
pub async fn follow(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let Some(Some(traces)) = request.app_data::<Option<Traces>>() else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let method = known(request.method());
    let propagator = TraceContextPropagator::new();
    let parent = propagator.extract_with_context(&Parent::new(), &Headers(request.headers()));
    let span = traces.tracer.span_builder(method).with_kind(SpanKind::Server);
    let span = span.with_attributes([KeyValue::new("http.request.method", method)]);
    let mut span = span.start_with_context(&traces.tracer, &parent);
    let response = match next.call(request).await {
        Ok(response) => response.map_into_boxed_body(),
        Err(error) => {
            answered(&mut span, error.as_response_error().status_code());
            return Err(error);
        }
    };
    if let Some(route) = response.request().match_pattern() {
        span.update_name(format!("{method} {route}"));
        span.set_attribute(KeyValue::new("http.route", route));
    }
    answered(&mut span, response.status());
    Ok(response.map_body(|_, body| BoxBody::new(Followed { body, _span: span })))
}

fn answered(span: &mut impl Span, status: StatusCode) {
    span.set_attribute(KeyValue::new("http.response.status_code", i64::from(status.as_u16())));
    if status.is_server_error() {
        span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
        span.set_status(Status::error(""));
    }
}

/// Returns the name of a standard method. A client can invent other methods with any content.
fn known(method: &Method) -> &'static str {
    let known = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT"];
    known.into_iter().find(|name| method == name).unwrap_or("_OTHER")
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}

/// A response whose span ends when it is sent or dropped.
struct Followed<S> {
    body: BoxBody,
    _span: S,
}

impl<S: Unpin> MessageBody for Followed<S> {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Polling<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(cx)
    }
}
