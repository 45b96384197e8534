//! Streams and downloads end when their recipient loses access.
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::visitor::Visitor;
use e2e::{Backend, Client, TestServer};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::json;

use crate::browser_journey::PASSWORD;

/// Longer than the server's interval of access checks.
const A_WHILE: Duration = Duration::from_secs(6);

/// More bytes than the buffers of a connection hold.
const LARGE: usize = 20 << 20;

/// Starts a server whose exports and backups take some time.
async fn full() -> Result<TestServer> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let question = json!({ "message": "word ".repeat(200_000), "mode": "chat" });
    for _ in 0..LARGE / 1_000_000 {
        admin.post("/v1/workspace/alpha/chat", question.clone()).await?.ok()?;
    }
    std::fs::write(server.storage().join("large"), vec![b'x'; LARGE])?;
    let first = json!({ "username": "ada", "password": PASSWORD });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    Ok(server)
}

async fn open(request: RequestBuilder) -> Result<Response> {
    let mut response = request.send().await?;
    anyhow::ensure!(response.status() == 200, "answered {}", response.status());
    response.chunk().await?.context("nothing came")?;
    Ok(response)
}

/// Returns the number of remaining bytes if the stream ended properly.
async fn rest(mut response: Response) -> Result<usize> {
    let mut bytes = 0;
    while let Some(piece) = response.chunk().await? {
        bytes += piece.len();
    }
    Ok(bytes)
}

/// Checks that the downloads of one user end when access is lost, and those of another user do not.
async fn assert_broken_off(of: Vec<Response>, others: Vec<Response>) -> Result<()> {
    tokio::time::sleep(A_WHILE).await;
    for (number, response) in of.into_iter().enumerate() {
        let rest = rest(response).await;
        assert!(rest.is_err(), "{number} went on to its end: {rest:?}");
    }
    for response in others {
        assert!(rest(response).await? > LARGE / 2);
    }
    Ok(())
}

#[tokio::test]
async fn exports_and_backups_end_with_their_key() -> Result<()> {
    let server = full().await?;
    let admin = server.admin();
    let key = admin.post("/v1/admin/api-keys", json!({ "name": "short-lived" })).await?.ok()?;
    let holder = admin.with_key(key["api_key"]["secret"].as_str().context("no secret")?);
    let export = |client: &Client, mount: &str| {
        client.request(Method::GET, &format!("{mount}/system/export-chats?type=json"))
    };
    let downloads = vec![
        open(export(&holder, "/v1")).await?,
        open(export(&holder, "/api/v1")).await?,
        open(holder.request(Method::POST, "/v1/system/backup")).await?,
    ];
    let others = vec![open(export(admin, "/v1")).await?];
    let id = &key["api_key"]["id"];
    admin.delete(&format!("/v1/admin/api-keys/{id}"), json!({})).await?.ok()?;
    assert_broken_off(downloads, others).await?;
    // The lock of the backup is free again.
    admin.post("/v1/system/backup", json!({})).await?.ok()?;
    Ok(())
}

#[tokio::test]
async fn downloads_end_with_the_suspension_of_their_user() -> Result<()> {
    let server = full().await?;
    let admin = server.admin();
    let eve = json!({ "username": "eve", "password": PASSWORD, "role": "admin" });
    let eve = admin.post("/v1/admin/users/new", eve).await?.ok()?["user"]["id"].clone();
    let mut visitors = Vec::new();
    for name in ["eve", "ada"] {
        let mut visitor = Visitor::new(admin)?;
        visitor.post("/sign-in", &[("username", name), ("password", PASSWORD)]).await?;
        visitors.push(visitor);
    }
    let export = |visitor: &Visitor| visitor.request(Method::GET, "/admin/chats/export?type=json");
    let backup = visitors[0].request(Method::POST, "/admin/system/backup");
    let taken = vec![open(export(&visitors[0])).await?, open(backup).await?];
    let others = vec![open(export(&visitors[1])).await?];
    admin.post(&format!("/v1/admin/users/{eve}"), json!({ "suspended": true })).await?.ok()?;
    assert_broken_off(taken, others).await
}
