//! `/health/live`, `/health/ready` and `/metrics`, for monitoring.
use carrel_services::Ports;
use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::CACHE_CONTROL;
use actix_web::web::{self, Data};
use carrel_domain::Error;
use carrel_services::meter::{CONTENT_TYPE, Readings};
use serde_json::json;

use crate::authorized::{Authorized, scope};
use crate::error::ApiResult;
use crate::process;

/// Longest response time of the database before the server counts as not ready.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Registers the monitoring routes. The first two are open to everyone and reveal nothing but their
/// status.
pub fn surroundings(config: &mut web::ServiceConfig) {
    config
        .route("/health/live", web::get().to(live))
        .route("/health/ready", web::get().to(ready))
        .route("/metrics", web::get().to(metrics_for_admins));
}

/// Registers only the metrics, for a separate listener.
pub fn metrics_only(config: &mut web::ServiceConfig) {
    config.route("/metrics", web::get().to(metrics));
}

async fn live() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({ "status": "live" }))
}

async fn ready(ports: Data<Ports>) -> ApiResult<HttpResponse> {
    let timed_out = |_| Error::unavailable("the database", "it did not answer in time");
    tokio::time::timeout(TIMEOUT, ports.health.ping()).await.map_err(timed_out)??;
    let mut response = HttpResponse::Ok();
    Ok(response.insert_header((CACHE_CONTROL, "no-store")).json(json!({ "status": "ready" })))
}

async fn metrics_for_admins(_: Authorized<scope::Admin>, ports: Data<Ports>) -> HttpResponse {
    metrics(ports).await
}

async fn metrics(ports: Data<Ports>) -> HttpResponse {
    // If the database does not answer, other metrics show it.
    let count = tokio::time::timeout(TIMEOUT, ports.index.count(None)).await;
    let vectors = count.ok().and_then(Result::ok).unwrap_or(0);
    let backlog = tokio::time::timeout(TIMEOUT, ports.workers.backlog()).await;
    let backlog = backlog.ok().and_then(Result::ok).unwrap_or_default();
    let audit =
        tokio::time::timeout(TIMEOUT, ports.audit_seals.ends()).await.ok().and_then(Result::ok);
    let connections = ports.health.connections();
    let process = process::read();
    let readings = Readings {
        memory: process.memory,
        processor_seconds: process.processor_seconds,
        open_files: process.open_files,
        connections,
        vectors,
        backlog,
        audit,
    };
    HttpResponse::Ok().content_type(CONTENT_TYPE).body(ports.meter.render(&readings))
}
