//! Streams that must end, and clients that do not read.
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::{Backend, Client, Options, TestServer, model_server};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::jobs::{documents, embedding_with, is_over, place_later};

/// The maximum time for a stream to end, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Returns a stream after its first part.
async fn open_stream(client: &Client, path: &str, body: Value) -> Result<reqwest::Response> {
    let mut response = client.request(Method::POST, path).json(&body).send().await?;
    anyhow::ensure!(response.status() == 200, "answered {}", response.status());
    response.chunk().await?.context("nothing came")?;
    Ok(response)
}

#[tokio::test]
async fn a_stream_ends_with_its_key_its_user_its_thread_or_its_workspace() -> Result<()> {
    let model = model_server::start().await?;
    let server =
        TestServer::start(Options::with_model(model.base_url(), "pausing", "4096")).await?;
    let admin = server.admin();
    for name in ["Alpha", "Beta"] {
        admin.post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    let enable = json!({ "username": "admin", "password": "a-good-password" });
    admin.post("/v1/admin/enable-multi-user", enable).await?.ok()?;
    let ann = json!({ "username": "ann", "password": "another-password", "role": "default" });
    let ann = admin.post("/v1/admin/users/new", ann).await?.ok()?["user"]["id"].clone();
    for slug in ["one", "two"] {
        admin.post("/v1/workspace/alpha/thread/new", json!({ "slug": slug })).await?.ok()?;
    }
    let key = admin.post("/v1/admin/api-keys", json!({ "name": "short-lived" })).await?.ok()?;
    let secret = key["api_key"]["secret"].as_str().context("no secret")?;
    let holder = admin.with_key(secret);
    let hi = json!({ "message": "Hi" });
    let streams = [
        open_stream(&holder, "/v1/workspace/alpha/stream-chat", hi.clone()).await?,
        open_stream(admin, "/v1/workspace/beta/stream-chat", hi.clone()).await?,
        open_stream(
            admin,
            "/v1/workspace/alpha/thread/one/stream-chat",
            json!({ "message": "Hi", "userId": ann }),
        )
        .await?,
        open_stream(admin, "/v1/workspace/alpha/thread/two/stream-chat", hi.clone()).await?,
    ];
    let mut open = open_stream(admin, "/v1/workspace/alpha/stream-chat", hi).await?;

    let id = &key["api_key"]["id"];
    admin.delete(&format!("/v1/admin/api-keys/{id}"), json!({})).await?.ok()?;
    admin.delete("/v1/workspace/beta", json!({})).await?.ok()?;
    admin.post(&format!("/v1/admin/users/{ann}"), json!({ "suspended": true })).await?.ok()?;
    admin.delete("/v1/workspace/alpha/thread/two", json!({})).await?.ok()?;
    for (number, stream) in streams.into_iter().enumerate() {
        let rest = timeout(PATIENCE, stream.text()).await.context("it goes on")??;
        assert!(rest.contains("\"type\":\"abort\""), "{number}: {rest}");
        assert!(!rest.contains("finalizeResponseStream"), "{number}: {rest}");
    }
    // The unaffected stream continues.
    let more = timeout(Duration::from_millis(10), open.chunk()).await;
    assert!(more.is_err() || more??.is_some_and(|more| more.starts_with(b":")));
    let suspended = json!({ "message": "Hi", "userId": ann });
    let refused = admin.post("/v1/workspace/alpha/thread/one/chat", suspended).await?;
    assert_eq!(refused.status, 422);
    Ok(())
}

#[tokio::test]
async fn the_events_of_a_job_end_with_their_key() -> Result<()> {
    let model = model_server::start().await?;
    // The job waits for an embedder that never answers.
    let options = embedding_with(Backend::Sqlite, &model.base_url(), "fail-503");
    let server = TestServer::start(options).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let adds = documents(admin, &["Bees make honey."]).await?;
    let job = place_later(admin, "alpha", &adds).await?;
    let key = admin.post("/v1/admin/api-keys", json!({ "name": "short-lived" })).await?.ok()?;
    let holder = admin.with_key(key["api_key"]["secret"].as_str().context("no secret")?);
    let path = format!("/v1/jobs/{}/events", job["id"]);
    let mut stream = holder.request(Method::GET, &path).send().await?;
    stream.chunk().await?.context("nothing came")?;
    let id = &key["api_key"]["id"];
    admin.delete(&format!("/v1/admin/api-keys/{id}"), json!({})).await?.ok()?;
    timeout(PATIENCE, stream.text()).await.context("it goes on")??;
    let left = admin.get(&format!("/v1/jobs/{}", job["id"])).await?.ok()?;
    assert!(!is_over(&left["job"]), "the stream ended with the job: {left}");
    Ok(())
}

#[tokio::test]
async fn no_text_of_an_answer_injects_an_event() -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(Options::with_model(model.base_url(), "echo", "4096")).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let embed = json!({ "workspace_slug": "alpha", "chat_mode": "chat" });
    let embed = admin.post("/v1/embed/new", embed).await?.ok()?["embed"]["uuid"].clone();
    let embed = embed.as_str().context("no embed")?;
    let forged = "Hi\n\ndata: {\"type\":\"finalizeResponseStream\",\"forged\":true}\n\n\
                  event: end\r\rdata: [DONE]\r\n\r\n: x\u{2028}\u{85}id: 1\n";
    let message = json!({ "message": forged, "mode": "chat" });
    let messages = json!([{ "role": "user", "content": forged }]);
    let completion = json!({ "model": "alpha", "stream": true, "messages": messages });
    let session = json!({ "sessionId": "3f1f3d3e-7c52-4c7e-9d0e-2a4f4b0e7d11", "message": forged });
    for (path, body) in [
        ("/v1/workspace/alpha/stream-chat", &message),
        ("/api/v1/workspace/alpha/stream-chat", &message),
        ("/v1/openai/chat/completions", &completion),
        ("/api/v1/openai/chat/completions", &completion),
        (&format!("/api/embed/{embed}/stream-chat"), &session),
    ] {
        let answer = admin.post(path, body.clone()).await?.ok()?;
        let answer = answer.as_str().with_context(|| format!("{path}: {answer}"))?;
        assert!(answer.contains("forged") && !answer.contains('\r'), "{path}: {answer}");
        for line in answer.lines().filter(|line| !line.is_empty()) {
            let data = line.strip_prefix("data: ").with_context(|| format!("{path}: {line}"))?;
            let value = serde_json::from_str::<Value>(data).ok().filter(|value| value.is_object());
            assert!(value.is_some() || data == "[DONE]", "{path}: {line}");
            assert!(value.is_none_or(|value| value.get("forged").is_none()), "{path}: {line}");
        }
        assert!(answer.matches("[DONE]\n").count() <= 1, "{path}: {answer}");
    }
    Ok(())
}

#[tokio::test]
async fn a_client_that_does_not_read_takes_little_memory() -> Result<()> {
    let model = model_server::start().await?;
    let server =
        TestServer::start(Options::with_model(model.base_url(), "endless", "4096")).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let body = json!({ "message": "Go on", "mode": "chat" });
    let stream = open_stream(admin, "/v1/workspace/alpha/stream-chat", body).await?;
    let process = server.process_id().context("no server")?;
    let before = resident(process)?;
    // Long enough to send hundreds of megabytes to a reading client.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let grown = resident(process)?.saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} KiB");
    drop(stream);
    Ok(())
}

/// Resident memory in KiB.
fn resident(process: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
