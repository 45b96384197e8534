//! Known weak spots of such servers that no other module tests: how much of a conversation is
//! remembered, what is stored of it, and by what.
use anyhow::{Context, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use e2e::{Backend, Client, Options, TestServer, model_server, on_both_databases};
use serde_json::{Value, json};

on_both_databases!(
    a_refusal_is_kept_in_the_thread_it_belongs_to,
    changes_update_the_times_of_workspaces_threads_and_placements,
);

const ASK: &str = "/v1/workspace/alpha/chat";

async fn alpha(server: &TestServer, settings: Value) -> Result<&Client> {
    let mut body = settings;
    body["name"] = json!("Alpha");
    server.admin().post("/v1/workspace/new", body).await?.ok()?;
    Ok(server.admin())
}

/// Returns the messages of the latest request.
fn last_messages(model: &model_server::ModelServer) -> Result<Vec<Value>> {
    let latest = model.requests().pop().context("the model was not asked")?;
    latest["messages"].as_array().cloned().context("no messages")
}

#[tokio::test]
async fn a_workspace_can_have_no_history() -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(Options::with_model(model.base_url(), "echo", "4096")).await?;
    let admin = alpha(&server, json!({ "openAiHistory": 0 })).await?;
    for message in ["One", "Two", "Three"] {
        admin.post(ASK, json!({ "message": message })).await?.ok()?;
        let messages = last_messages(&model)?;
        assert_eq!(messages.len(), 2, "{messages:?}");
        assert_eq!(messages[1]["content"], message);
    }
    Ok(())
}

#[tokio::test]
async fn a_missing_temperature_is_that_of_the_workspace() -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(Options::with_model(model.base_url(), "echo", "4096")).await?;
    let admin = alpha(&server, json!({ "openAiTemp": 0.3 })).await?;
    for mount in ["/v1", "/api/v1"] {
        let path = format!("{mount}/openai/chat/completions");
        let mut body =
            json!({ "model": "alpha", "messages": [{ "role": "user", "content": "Hi" }] });
        admin.post(&path, body.clone()).await?.ok()?;
        assert_eq!(model.requests().pop().unwrap_or_default()["temperature"], 0.3, "{path}");
        body["temperature"] = json!(1.1);
        admin.post(&path, body).await?.ok()?;
        assert_eq!(model.requests().pop().unwrap_or_default()["temperature"], 1.1, "{path}");
    }
    Ok(())
}

#[tokio::test]
async fn a_conversation_sent_by_a_client_loses_only_its_oldest_turns() -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(Options::with_model(model.base_url(), "echo", "2000")).await?;
    let admin = alpha(&server, json!({})).await?;
    let mut messages = vec![json!({ "role": "system", "content": "Be brief." })];
    for number in 0..12 {
        let question = format!("Question {number}: {}", "tell me of the moons ".repeat(60));
        messages.push(json!({ "role": "user", "content": question }));
        messages.push(json!({ "role": "assistant", "content": format!("Answer {number}.") }));
    }
    messages.push(json!({ "role": "user", "content": "And the last one?" }));
    let body = json!({ "model": "alpha", "messages": messages });
    admin.post("/v1/openai/chat/completions", body).await?.ok()?;
    let texts = last_messages(&model)?;
    let texts: Vec<_> = texts.iter().filter_map(|message| message["content"].as_str()).collect();
    let says = |start: &str| texts.iter().any(|text| text.starts_with(start));
    assert!(says("Be brief.") && says("Question 11") && says("Answer 11."), "{texts:?}");
    assert!(!says("Question 0") && texts.last() == Some(&"And the last one?"), "{texts:?}");
    Ok(())
}

#[tokio::test]
async fn an_attached_document_is_read_in_every_mode() -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(Options::with_model(model.base_url(), "echo", "4096")).await?;
    let admin = alpha(&server, json!({})).await?;
    let pdf = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/made/office.pdf"))?;
    let attached = format!("data:application/pdf;base64,{}", STANDARD.encode(pdf));
    for mode in ["chat", "query", "automatic"] {
        let attachment =
            json!({ "name": "a.pdf", "mime": "application/pdf", "contentString": attached });
        let body = json!({ "message": "What is this?", "mode": mode, "attachments": [attachment] });
        let answer = admin.post(ASK, body).await?.ok()?;
        assert_eq!(answer["sources"][0]["title"], "a.pdf", "{mode}");
        let messages = last_messages(&model)?;
        let last = messages.last().context("nothing was asked")?;
        assert!(last["content"].is_string(), "{mode}: {last}");
    }
    Ok(())
}

async fn a_refusal_is_kept_in_the_thread_it_belongs_to(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let first = json!({ "username": "ada", "password": "correct horse" });
    server.admin().post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let admin = alpha(&server, json!({})).await?;
    let ada = admin.get("/v1/admin/users").await?.ok()?["users"][0]["id"].clone();
    let thread = json!({ "name": "One", "slug": "one", "userId": ada });
    admin.post("/v1/workspace/alpha/thread/new", thread).await?.ok()?;
    let body = json!({ "message": "Anything?", "mode": "query", "userId": ada });
    admin.post("/v1/workspace/alpha/thread/one/chat", body).await?.ok()?;
    // Later answers must not see it, so histories omit it; the log contains it.
    let log = admin.post("/api/v1/admin/workspace-chats", json!({})).await?.ok()?;
    let chat = &log["chats"][0];
    assert_eq!((&chat["prompt"], &chat["include"]), (&json!("Anything?"), &json!(false)), "{log}");
    assert_eq!((&chat["user_id"], &chat["user"]["username"]), (&ada, &json!("ada")), "{log}");
    assert!(chat["thread_id"].is_number(), "{log}");
    Ok(())
}

async fn changes_update_the_times_of_workspaces_threads_and_placements(
    backend: Backend,
) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = alpha(&server, json!({})).await?;
    let thread = json!({ "name": "One", "slug": "one" });
    admin.post("/v1/workspace/alpha/thread/new", thread).await?.ok()?;
    let into = [("addToWorkspaces", "alpha")];
    let added = admin.upload("a.txt", b"A text of the harbour.", &into).await?.ok()?;
    let times = async || -> Result<[String; 3]> {
        let found = admin.get("/v1/workspace/alpha").await?.ok()?;
        let threads = admin.get("/v1/workspace/alpha/threads").await?.ok()?;
        let (workspace, thread) = (&found["workspace"][0], &threads["threads"][0]);
        let time = |of: &Value| of["lastUpdatedAt"].as_str().unwrap_or_default().to_owned();
        Ok([workspace, thread, &workspace["documents"][0]].map(time))
    };
    let before = times().await?;
    assert!(before.iter().all(|time| !time.is_empty()), "{before:?}");
    admin.post("/v1/workspace/alpha/update", json!({ "openAiTemp": 0.1 })).await?.ok()?;
    admin.post("/v1/workspace/alpha/thread/one/chat", json!({ "message": "Hi" })).await?.ok()?;
    let pin = json!({ "docPath": added["documents"][0]["location"], "pinStatus": true });
    admin.post("/v1/workspace/alpha/update-pin", pin).await?.ok()?;
    let after = times().await?;
    // Times have a fixed length, so texts compare like times.
    let moved = before.iter().zip(&after).all(|(before, after)| after > before);
    assert!(moved, "{before:?} {after:?}");
    Ok(())
}
