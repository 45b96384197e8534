//! What pages are told as it happens: for as long as whoever looks may do so.
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::visitor::Visitor;
use e2e::{Backend, Options, TestServer, model_server, on_both_databases};
use reqwest::{Method, Response};
use serde_json::json;
use tokio::time::timeout;

use crate::browser_journey::PASSWORD;
use crate::jobs::{documents, embedding_with};

on_both_databases!(the_events_of_a_job_end_with_the_visit,);

/// Within which a stream ends; it is looked every few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server with a workspace, and mia, who manages it.
async fn visited(options: Options) -> Result<(TestServer, Visitor)> {
    let server = TestServer::start(options).await?;
    let admin = server.admin();
    let first = json!({ "username": "ada", "password": PASSWORD });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let user = json!({ "username": "mia", "password": PASSWORD, "role": "manager" });
    admin.post("/v1/admin/users/new", user).await?.ok()?;
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let mut mia = Visitor::new(admin)?;
    mia.post("/sign-in", &[("username", "mia"), ("password", PASSWORD)]).await?;
    Ok((server, mia))
}

/// The events of an address, once one of this name was told.
async fn listen(mia: &Visitor, path: &str, event: &str) -> Result<Response> {
    let mut told = mia.request(Method::GET, path).send().await?;
    assert_eq!(told.headers()["content-type"], "text/event-stream");
    let mut text = String::new();
    while !text.contains(&format!("event: {event}\n")) {
        let more = timeout(PATIENCE, told.chunk()).await?;
        text.push_str(&String::from_utf8_lossy(&more?.context("it ended")?));
    }
    Ok(told)
}

async fn suspend_mia(server: &TestServer) -> Result<()> {
    server.admin().post("/v1/admin/users/2", json!({ "suspended": 1 })).await?.ok()?;
    Ok(())
}

async fn ends(mut told: Response) -> Result<()> {
    let end = async { while let Ok(Some(_)) = told.chunk().await {} };
    timeout(PATIENCE, end).await.context("it went on")
}

async fn the_events_of_a_job_end_with_the_visit(backend: Backend) -> Result<()> {
    // Nobody embeds there, so that the job waits.
    let (server, mut mia) = visited(embedding_with(backend, "http://127.0.0.1:9/v1", "m")).await?;
    let paths = documents(server.admin(), &["A text."]).await?;
    let place = [("do", "place"), ("workspace", "alpha"), ("path", paths[0].as_str())];
    let job = mia.post("/documents", &place).await?.leads_to().to_owned();
    let told = listen(&mia, &format!("{job}/events"), "job").await?;
    suspend_mia(&server).await?;
    ends(told).await
}

#[tokio::test]
async fn what_is_said_of_an_answer_ends_with_the_visit() -> Result<()> {
    let model = model_server::start().await?;
    let options = Options::with_model(model.base_url(), "pausing", "4096");
    let (server, mut mia) = visited(options).await?;
    let asked = mia.request(Method::POST, "/w/alpha/ask").header("hx-request", "true");
    let kind = "application/x-www-form-urlencoded";
    let asked = asked.header("content-type", kind).body("message=Is+anybody+there%3F");
    let asked = mia.send(asked).await?;
    let path = asked.text.split('"').find(|text| text.starts_with("/answers/"));
    let told = listen(&mia, path.context("no answer")?, "answer").await?;
    suspend_mia(&server).await?;
    ends(told).await
}
