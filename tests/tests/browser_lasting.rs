//! Live updates of pages continue only while the visitor has access.
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

/// Time limit for a stream to end; access is checked every few seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// Starts a server with a workspace and its manager mia.
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

/// Asks like a page with scripts. Returns the address of the answer's events.
pub async fn asked(visitor: &mut Visitor, conversation: &str) -> Result<String> {
    let asked = visitor.request(Method::POST, &format!("{conversation}/ask"));
    let kind = "application/x-www-form-urlencoded";
    let asked = asked.header("hx-request", "true").header("content-type", kind);
    let asked = visitor.send(asked.body("message=Is+anybody+there%3F")).await?;
    let path = asked.text.split('"').find(|text| text.starts_with("/answers/"));
    Ok(path.context("no answer")?.to_owned())
}

/// Returns the event stream of an address after an event of this name.
pub async fn listen(mia: &Visitor, path: &str, event: &str) -> Result<Response> {
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

pub async fn ends(mut told: Response) -> Result<()> {
    let end = async { while let Ok(Some(_)) = told.chunk().await {} };
    timeout(PATIENCE, end).await.context("it went on")
}

async fn the_events_of_a_job_end_with_the_visit(backend: Backend) -> Result<()> {
    // No embedder listens at this address, so the job waits.
    let (server, mut mia) = visited(embedding_with(backend, "http://127.0.0.1:9/v1", "m")).await?;
    let paths = documents(server.admin(), &["A text."]).await?;
    let place = [("do", "place"), ("workspace", "alpha"), ("path", paths[0].as_str())];
    let job = mia.post("/documents", &place).await?.leads_to().to_owned();
    let told = listen(&mia, &format!("{job}/events"), "job").await?;
    suspend_mia(&server).await?;
    ends(told).await
}

#[tokio::test]
async fn progress_of_an_answer_ends_with_the_visit() -> Result<()> {
    let model = model_server::start().await?;
    let options = Options::with_model(model.base_url(), "pausing", "4096");
    let (server, mut mia) = visited(options).await?;
    let path = asked(&mut mia, "/w/alpha").await?;
    let told = listen(&mia, &path, "tail").await?;
    suspend_mia(&server).await?;
    ends(told).await
}

#[tokio::test]
async fn progress_of_an_answer_ends_with_the_membership() -> Result<()> {
    let model = model_server::start().await?;
    let options = Options::with_model(model.base_url(), "pausing", "4096");
    let (server, _mia) = visited(options).await?;
    let admin = server.admin();
    let user = json!({ "username": "bob", "password": PASSWORD, "role": "default" });
    admin.post("/v1/admin/users/new", user).await?.ok()?;
    let members = "/v1/admin/workspaces/1/update-users";
    admin.post(members, json!({ "user_ids": [3] })).await?.ok()?;
    let mut bob = Visitor::new(admin)?;
    bob.post("/sign-in", &[("username", "bob"), ("password", PASSWORD)]).await?;
    let path = asked(&mut bob, "/w/alpha").await?;
    let told = listen(&bob, &path, "tail").await?;
    admin.post(members, json!({ "user_ids": [] })).await?.ok()?;
    ends(told).await?;
    // He can still sign in, but not open the workspace.
    assert_eq!((bob.get("/").await?.status, bob.get("/w/alpha").await?.status), (200, 404));
    Ok(())
}

#[tokio::test]
async fn an_answer_without_a_listener_is_complete_after_a_stop() -> Result<()> {
    let model = model_server::start().await?;
    let options = Options::with_model(model.base_url(), "slow", "4096");
    let (mut server, mut mia) = visited(options).await?;
    let told = asked(&mut mia, "/w/alpha").await?;
    // A client read the beginning and disconnected.
    drop(listen(&mia, &told, "tail").await?);
    assert_eq!(server.stop().await?, Some(0));
    server.run().await?;
    let said = server.admin().get("/v1/system/export-chats?type=json").await?.ok()?.to_string();
    let said = said.matches("Is anybody there").count();
    // The question, and the model's answer, which ends with the question.
    assert_eq!(said, 2);
    Ok(())
}

#[tokio::test]
async fn of_two_concurrent_questions_in_a_conversation_one_is_answered() -> Result<()> {
    let model = model_server::start().await?;
    let options = Options::with_model(model.base_url(), "pausing", "4096");
    let (_server, mia) = visited(options).await?;
    let ask = || {
        let asked = mia.request(Method::POST, "/w/alpha/ask").header("hx-request", "true");
        let kind = "application/x-www-form-urlencoded";
        asked.header("content-type", kind).body("message=Is+anybody+there%3F").send()
    };
    let mut statuses = Vec::new();
    for answered in futures_util::future::join_all((0..8).map(|_| ask())).await {
        statuses.push(answered?.status().as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 429, 429, 429, 429, 429, 429, 429]);
    Ok(())
}
