//! Metrics and health checks, for monitoring.
use anyhow::{Context, Result};
use e2e::visitor::Visitor;
use e2e::{Backend, Client, Options, TestServer, on_both_databases};
use serde_json::json;

use crate::jobs::{documents, is_over, place_later, until};

on_both_databases!(
    metrics_count_completed_work,
    metrics_count_jobs_and_pages,
    health_checks_need_no_key,
);

async fn figures(client: &Client) -> Result<String> {
    let answer = client.get("/metrics").await?;
    assert!(answer.header("content-type").starts_with("application/openmetrics-text"));
    Ok(answer.ok()?.as_str().unwrap_or_default().to_owned())
}

/// Returns the value of the only line that begins with `name` and contains all `labels`.
fn value(figures: &str, name: &str, labels: &[&str]) -> Result<f64> {
    let is_it =
        |line: &&str| line.starts_with(name) && labels.iter().all(|label| line.contains(label));
    let line = figures.lines().find(is_it);
    let line = line.with_context(|| format!("no {name} {labels:?} in\n{figures}"))?;
    Ok(line.rsplit(' ').next().unwrap_or_default().parse()?)
}

async fn metrics_count_completed_work(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    admin.upload("a.txt", b"Bees make honey.", &[("addToWorkspaces", "alpha")]).await?.ok()?;
    let ask = json!({ "message": "What do bees make?", "mode": "chat" });
    admin.post("/v1/workspace/alpha/chat", ask).await?.ok()?;
    for path in ["/v1/workspace/no-such-one", "/v1/workspace/nor-this", "/v1/wp-login.php"] {
        assert_eq!(admin.get(path).await?.status, 404);
    }
    let metrics = figures(admin).await?;
    assert!(metrics.ends_with("# EOF\n"), "{metrics}");
    let requests = "carrel_http_requests_total";
    for (labels, count) in [
        (&["route=\"/v1/workspace/{slug}\"", "4xx"][..], 2.0),
        (&["route=\"/v1/workspace/{slug}/chat\"", "POST", "2xx"], 1.0),
        (&["route=\"unknown\"", "4xx"], 1.0),
    ] {
        assert_eq!(value(&metrics, requests, labels)?, count, "{labels:?}");
    }
    assert!(!metrics.contains("no-such-one") && !metrics.contains("wp-login"), "{metrics}");
    assert_eq!(value(&metrics, "carrel_chats_total", &["extractive", "answered"])?, 1.0);
    assert!(value(&metrics, "carrel_embedded_texts_total", &["answered"])? >= 2.0);
    assert!(value(&metrics, "carrel_vectors", &[])? == 1.0);
    assert!(value(&metrics, "carrel_process_memory_bytes", &[])? > 1e6);
    assert!(value(&metrics, "carrel_database_connections ", &[])? >= 1.0);
    Ok(())
}

async fn metrics_count_jobs_and_pages(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    let metrics = figures(admin).await?;
    for (name, labels) in [("carrel_jobs{", &["queued"][..]), ("carrel_jobs{", &["running"])] {
        assert_eq!(value(&metrics, name, labels)?, 0.0, "{labels:?}");
    }
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let mut adds = documents(admin, &["Bees make honey.", "Mars has two moons."]).await?;
    adds.push("custom-documents/missing.json".into());
    let job = place_later(admin, "alpha", &adds).await?;
    until(admin, &job["id"], is_over).await?;
    let mut visitor = Visitor::new(admin)?;
    for path in ["/sign-in", "/w/no-such-one", "/w/nor-this", "/nowhere/at-all"] {
        visitor.get(path).await?;
    }
    let metrics = figures(admin).await?;
    let requests = "carrel_http_requests_total";
    for (name, labels, count) in [
        ("carrel_jobs_ended_total", &["update-embeddings", "failed"][..], 1.0),
        ("carrel_job_documents_total", &["done"], 2.0),
        ("carrel_job_documents_total", &["failed"], 1.0),
        ("carrel_job_seconds_count", &[], 1.0),
        ("carrel_job_documents_waiting", &[], 0.0),
        (requests, &["route=\"/sign-in\"", "GET"], 1.0),
        (requests, &["route=\"/w/{slug}\"", "GET"], 2.0),
    ] {
        assert_eq!(value(&metrics, name, labels)?, count, "{name} {labels:?}");
    }
    assert!(!metrics.contains("no-such-one") && !metrics.contains("at-all"), "{metrics}");
    Ok(())
}

async fn health_checks_need_no_key(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let stranger = server.admin().anonymous();
    for (path, status) in [("/health/live", "live"), ("/health/ready", "ready")] {
        assert_eq!(stranger.get(path).await?.ok()?, json!({ "status": status }));
    }
    assert_eq!(stranger.get("/metrics").await?.status, 403);
    let reader = server.carrel().run(&["api-key", "create", "--scope", "read"])?;
    let reader = server.admin().with_key(reader.stdout.trim());
    assert_eq!(reader.get("/metrics").await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn metrics_can_have_a_separate_listener() -> Result<()> {
    let options = Options::from(Backend::Sqlite).with("CARREL_METRICS_LISTEN", "127.0.0.1:0");
    let mut server = TestServer::start(options).await?;
    server.wait_for_log("metrics for Prometheus on").await?;
    let log = server.log()?;
    let (_, rest) = log.split_once("metrics for Prometheus on ").context("no address")?;
    let address = rest.split('/').next().unwrap_or_default();
    let client = Client::new(&format!("http://{address}"), None)?;
    assert!(figures(&client).await?.contains("carrel_process_memory_bytes"));
    for path in ["/v1/workspaces", "/health/live", "/"] {
        assert_eq!(client.get(path).await?.status, 404, "{path}");
    }
    assert_eq!(server.stop().await?, Some(0));
    Ok(())
}
