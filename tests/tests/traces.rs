//! Spans of requests, as an OpenTelemetry collector receives them.
use std::net::TcpListener;
use std::sync::{Arc, Mutex, PoisonError};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::{Context, Result};
use e2e::{Backend, KEY, Options, TestServer, send};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use reqwest::Method;
use serde_json::json;

const SECRET: &str = "a-secret-for-the-collector";

/// The headers and the body of every request so far.
type Received = Arc<Mutex<Vec<(String, web::Bytes)>>>;

/// Starts a collector on a free port that accepts everything.
fn collector() -> Result<(String, Received)> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let base = format!("http://{}", listener.local_addr()?);
    let received = Received::default();
    let here = received.clone();
    let server = HttpServer::new(move || {
        let here = here.clone();
        App::new().default_service(web::to(move |request: HttpRequest, body: web::Bytes| {
            let head = format!("{} {:?}", request.uri(), request.headers());
            here.lock().unwrap_or_else(PoisonError::into_inner).push((head, body));
            async { HttpResponse::Ok().finish() }
        }))
    });
    let server = server.workers(1).disable_signals().listen(listener)?.run();
    std::thread::spawn(|| actix_web::rt::System::new().block_on(server));
    Ok((base, received))
}

fn options(base: &str) -> Options {
    Options::from(Backend::Sqlite).with("OTEL_EXPORTER_OTLP_ENDPOINT", base)
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key == name)?;
    match found.value.clone()?.value? {
        Value::StringValue(text) => Some(text),
        Value::IntValue(number) => Some(number.to_string()),
        other => Some(format!("{other:?}")),
    }
}

#[tokio::test]
async fn a_request_becomes_a_span_without_names_or_secrets() -> Result<()> {
    let (base, received) = collector()?;
    let authorization = format!("authorization=Bearer%20{SECRET}");
    let options = options(&base).with("OTEL_EXPORTER_OTLP_HEADERS", authorization);
    let mut server = TestServer::start(options).await?;
    let admin = server.admin().clone();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    for (path, flags) in [("/v1/workspace/ada-lovelace?q=a-query", 1), ("/v1/system", 0)] {
        let parent = format!("00-{trace}-b7ad6b7169203331-{flags:02x}");
        let request = admin.request(Method::GET, path).header("traceparent", parent);
        send(request.header("baggage", "name=grace-hopper")).await?;
    }
    admin.post("/v1/workspace/new", json!({ "name": "Alan Turing" })).await?.ok()?;
    let ask = json!({ "message": "Where is Mary Shelley?", "mode": "chat" });
    admin.post("/v1/workspace/alan-turing/stream-chat", ask).await?;
    admin.get("/v1/of-nothing/mary-shelley").await?;
    send(admin.request(Method::from_bytes(b"EMMY-NOETHER")?, "/v1/auth")).await?;
    // The remaining spans are sent at the end.
    assert_eq!(server.stop().await?, Some(0));

    let received = received.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let mut spans = Vec::new();
    for (head, body) in &received {
        assert!(head.starts_with("/v1/traces ") && head.contains(SECRET), "{head}");
        let exported = String::from_utf8_lossy(body).to_lowercase();
        for secret in
            [KEY, SECRET, "lovelace", "query", "hopper", "turing", "shelley", "emmy", "of-nothing"]
        {
            assert!(!exported.contains(secret), "{secret} in {exported}");
        }
        for part in ExportTraceServiceRequest::decode(body.clone())?.resource_spans {
            let resource = format!("{:?}", part.resource);
            assert!(resource.contains("\"carrel\""), "{resource}");
            spans.extend(part.scope_spans.into_iter().flat_map(|scope| scope.spans));
        }
    }
    let named = |name: &str| {
        let span = spans.iter().find(|span| span.name == name);
        span.with_context(|| format!("no {name} in {spans:?}"))
    };
    let found = named("GET /v1/workspace/{slug}")?;
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(hex(&found.trace_id), trace);
    assert_eq!(hex(&found.parent_span_id), "b7ad6b7169203331");
    for (name, value) in [
        ("http.request.method", "GET"),
        ("http.route", "/v1/workspace/{slug}"),
        ("http.response.status_code", "404"),
    ] {
        assert_eq!(attribute(found, name).as_deref(), Some(value));
    }
    let streamed = named("POST /v1/workspace/{slug}/stream-chat")?;
    assert!(streamed.parent_span_id.is_empty() && streamed.trace_id != found.trace_id);
    assert!(streamed.end_time_unix_nano > streamed.start_time_unix_nano);
    assert_eq!(attribute(named("GET")?, "http.response.status_code").as_deref(), Some("404"));
    assert_eq!(attribute(named("_OTHER")?, "http.request.method").as_deref(), Some("_OTHER"));
    // A request that asked not to be recorded has no span.
    assert!(spans.iter().all(|span| span.name != "GET /v1/system"), "{spans:?}");
    Ok(())
}

#[tokio::test]
async fn an_unavailable_collector_has_no_effect() -> Result<()> {
    // The collector is no longer listening.
    let gone = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let options = options(&format!("http://{gone}")).with("OTEL_BSP_SCHEDULE_DELAY", "50");
    let mut server = TestServer::start(options).await?;
    for _ in 0..20 {
        server.admin().get("/v1/auth").await?.ok()?;
    }
    assert_eq!(server.stop().await?, Some(0));
    let log = server.log()?;
    assert!(log.contains("failed to send the last traces") || log.contains("export"), "{log}");
    assert!(!log.contains("panicked"), "{log}");
    Ok(())
}

#[tokio::test]
async fn an_unsupported_protocol_is_refused_at_the_start() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let carrel = server.carrel().clone().with("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    let carrel = carrel.with("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc");
    let output = carrel.run(&["serve", "--listen", "127.0.0.1:0"])?;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(
        output.stderr.contains("OTEL_EXPORTER_OTLP_PROTOCOL must be http/protobuf"),
        "{output:?}"
    );
    Ok(())
}
