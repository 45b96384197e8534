//! Conversations: streams, threads and resets.
use anyhow::Result;
use e2e::{Backend, Client, Mode, Options, TestServer, in_both_modes, model_server};
use reqwest::Method;
use serde_json::{Value, json};

in_both_modes!(
    a_stream_ends_with_the_sources_of_the_answer,
    a_thread_has_its_own_conversation,
    a_reset_reaches_one_conversation
);

async fn alpha(server: &TestServer) -> Result<&Client> {
    server.admin().post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let body = json!({ "slug": "one" });
    server.admin().post("/v1/workspace/alpha/thread/new", body).await?.ok()?;
    Ok(server.admin())
}

/// Returns the events of a stream, which only have `data`.
async fn events(client: &Client, path: &str, body: Value) -> Result<Vec<Value>> {
    let response = client.request(Method::POST, path).json(&body).send().await?;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await?;
    let events = text.split_terminator("\n\n").filter_map(|event| event.strip_prefix("data: "));
    Ok(events.map(serde_json::from_str).collect::<Result<_, _>>()?)
}

async fn questions(client: &Client, path: &str) -> Result<Vec<String>> {
    let history = client.get(path).await?.ok()?;
    let turns = history["history"].as_array().cloned().unwrap_or_default();
    let users = turns.iter().filter(|turn| turn["role"] == "user");
    Ok(users.map(|turn| turn["content"].as_str().unwrap_or_default().to_owned()).collect())
}

async fn a_stream_ends_with_the_sources_of_the_answer(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = alpha(&server).await?;
    admin.upload("bees.md", b"Bees make honey.", &[("addToWorkspaces", "alpha")]).await?.ok()?;
    let path = "/v1/workspace/alpha/stream-chat";
    let streamed = events(admin, path, json!({ "message": "Who makes honey?" })).await?;
    let (last, parts) = streamed.split_last().unwrap_or_else(|| panic!("nothing was told"));
    let (end, parts) = parts.split_last().unwrap_or_else(|| panic!("{last}"));
    let mut text = String::new();
    for part in parts {
        assert_eq!((&part["type"], &part["close"]), (&json!("textResponseChunk"), &json!(false)));
        assert_eq!((&part["sources"], &part["error"]), (&json!([]), &json!(false)));
        assert_eq!(part["uuid"], last["uuid"]);
        text.push_str(part["textResponse"].as_str().unwrap_or_default());
    }
    assert!(text.contains("honey"), "{text}");
    assert_eq!((&end["textResponse"], &end["close"]), (&json!(""), &json!(true)));
    assert_eq!(last["type"], "finalizeResponseStream");
    assert_eq!(last["sources"][0]["title"], "bees.md");
    assert!(last["metrics"]["total_tokens"].is_number());
    let stored = admin.get("/v1/workspace/alpha/chats").await?.ok()?;
    assert_eq!(
        (&stored["history"][1]["content"], &stored["history"][1]["chatId"]),
        (&json!(text), &last["chatId"])
    );

    admin.post("/v1/workspace/new", json!({ "name": "Empty" })).await?.ok()?;
    let body = json!({ "message": "Hi", "mode": "query" });
    let refused = events(admin, "/v1/workspace/empty/stream-chat", body).await?;
    assert_eq!((refused.len(), &refused[0]["type"]), (1, &json!("textResponse")));
    assert_eq!((&refused[0]["close"], &refused[0]["metrics"]), (&json!(true), &json!({})));
    for (body, status) in [
        (json!({}), 400),
        (json!({ "message": 5 }), 400),
        (json!({ "message": "x", "mode": "z" }), 400),
    ] {
        let refused = admin.post(path, body.clone()).await?;
        assert_eq!((refused.status, &refused.body["type"]), (status, &json!("abort")), "{body}");
    }
    assert_eq!(admin.post("/v1/workspace/nope/stream-chat", json!({})).await?.status, 404);
    Ok(())
}

async fn a_thread_has_its_own_conversation(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = alpha(&server).await?;
    admin.post("/v1/workspace/new", json!({ "name": "Beta" })).await?.ok()?;
    admin.post("/v1/workspace/alpha/chat", json!({ "message": "Outside" })).await?.ok()?;
    let path = "/v1/workspace/alpha/thread/one";
    let body = json!({ "message": "Inside", "sessionId": "ignored" });
    let answer = admin.post(&format!("{path}/chat"), body).await?.ok()?;
    assert!(answer["chatId"].is_number());
    let streamed =
        events(admin, &format!("{path}/stream-chat"), json!({ "message": "Again" })).await?;
    assert_eq!(streamed[streamed.len() - 1]["type"], "finalizeResponseStream");
    assert_eq!(questions(admin, &format!("{path}/chats")).await?, ["Inside", "Again"]);
    assert_eq!(questions(admin, "/v1/workspace/alpha/chats").await?, ["Outside"]);
    for method in ["chat", "stream-chat"] {
        let nobody = json!({ "message": "Hi", "userId": 77 });
        assert_eq!(admin.post(&format!("{path}/{method}"), nobody).await?.status, 404);
        let elsewhere = format!("/v1/workspace/beta/thread/one/{method}");
        assert_eq!(admin.post(&elsewhere, json!({ "message": "Hi" })).await?.status, 404);
    }
    admin.delete(path, json!({})).await?.ok()?;
    assert_eq!(questions(admin, "/v1/workspace/alpha/chats").await?, ["Outside"]);
    Ok(())
}

async fn a_reset_reaches_one_conversation(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = alpha(&server).await?;
    let (here, thread) = ("/v1/workspace/alpha", "/v1/workspace/alpha/thread/one");
    for place in [here, thread] {
        admin.post(&format!("{place}/chat"), json!({ "message": "Hello" })).await?.ok()?;
    }
    let reset = admin.post(&format!("{here}/chat"), json!({ "reset": true })).await?.ok()?;
    assert_eq!(reset["textResponse"], "Chat history was reset!");
    assert_eq!((&reset["type"], &reset["metrics"]), (&json!("textResponse"), &json!({})));
    assert!(questions(admin, &format!("{here}/chats")).await?.is_empty());
    assert_eq!(questions(admin, &format!("{thread}/chats")).await?, ["Hello"]);
    let body = json!({ "reset": true, "message": "Anew" });
    events(admin, &format!("{thread}/stream-chat"), body).await?;
    assert_eq!(questions(admin, &format!("{thread}/chats")).await?, ["Anew"]);
    let streamed =
        events(admin, &format!("{thread}/stream-chat"), json!({ "reset": true })).await?;
    assert_eq!((streamed.len(), &streamed[0]["attachments"]), (1, &json!([])));
    assert!(questions(admin, &format!("{thread}/chats")).await?.is_empty());
    let wrong = admin.post(&format!("{here}/chat"), json!({ "reset": "yes" })).await?;
    assert_eq!(wrong.status, 400);
    Ok(())
}

#[tokio::test]
async fn the_answer_up_to_a_disconnect_is_kept() -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(Options::with_model(model.base_url(), "slow", "4096")).await?;
    let admin = alpha(&server).await?;
    let message = "word ".repeat(200);
    let request = admin.request(Method::POST, "/v1/workspace/alpha/stream-chat");
    let mut response = request.json(&json!({ "message": message })).send().await?;
    assert!(response.chunk().await?.is_some());
    drop(response);
    let mut history = json!({});
    for _ in 0..600 {
        history = admin.get("/v1/workspace/alpha/chats").await?.ok()?;
        if history["history"].as_array().is_some_and(|turns| !turns.is_empty()) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let partial = history["history"][1]["content"].as_str().unwrap_or_default();
    assert!(!partial.is_empty() && partial.len() < message.len(), "{partial}");
    Ok(())
}

#[tokio::test]
async fn an_interrupted_stream_reports_it_and_keeps_the_partial_answer() -> Result<()> {
    let model = model_server::start().await?;
    let server =
        TestServer::start(Options::with_model(model.base_url(), "cut-off", "4096")).await?;
    let admin = alpha(&server).await?;
    let body = json!({ "message": "One two three four five six seven eight nine ten?" });
    let streamed = events(admin, "/v1/workspace/alpha/stream-chat", body).await?;
    let types: Vec<_> = streamed.iter().filter_map(|event| event["type"].as_str()).collect();
    let ends = ["abort", "textResponseChunk", "finalizeResponseStream"];
    assert_eq!(types[types.len() - 3..], ends, "{streamed:?}");
    let last = &streamed[streamed.len() - 1];
    assert_eq!(streamed[streamed.len() - 3]["uuid"], last["uuid"]);
    let history = admin.get("/v1/workspace/alpha/chats").await?.ok()?;
    assert_eq!(history["history"][1]["chatId"], last["chatId"]);
    Ok(())
}

#[tokio::test]
async fn a_failing_model_aborts_the_stream() -> Result<()> {
    let model = model_server::start().await?;
    let server =
        TestServer::start(Options::with_model(model.base_url(), "fail-400", "4096")).await?;
    let admin = alpha(&server).await?;
    let path = "/api/v1/workspace/alpha/stream-chat";
    let streamed = events(admin, path, json!({ "message": "Hi" })).await?;
    assert_eq!((streamed.len(), &streamed[0]["type"]), (1, &json!("abort")));
    assert!(streamed[0]["id"].is_string() && streamed[0]["error"].is_string());
    Ok(())
}

#[tokio::test]
async fn threads_are_asked_as_existing_clients_do() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = alpha(&server).await?;
    let base = "/api/v1/workspace";
    let nobody = json!({ "message": "Hi", "userId": 77 });
    admin.post(&format!("{base}/alpha/thread/one/chat"), nobody).await?.ok()?;
    for (path, status, error) in [
        ("nope/thread/one/chat", 404, "Workspace nope not found."),
        ("alpha/thread/nope/chat", 404, "Thread nope not found."),
        ("alpha/thread/nope/stream-chat", 400, "Workspace alpha or thread nope is not valid."),
        ("nope/thread/one/stream-chat", 400, "Workspace nope or thread one is not valid."),
        ("nope/stream-chat", 400, "Workspace nope is not a valid workspace."),
    ] {
        let refused = admin.post(&format!("{base}/{path}"), json!({ "message": "x" })).await?;
        assert_eq!((refused.status, &refused.body["error"]), (status, &json!(error)), "{path}");
    }
    let odd = admin.post(&format!("{base}/alpha/chat"), json!({ "message": 5 })).await?;
    assert_eq!((odd.status, &odd.body["error"]), (400, &json!("Message is empty")));
    Ok(())
}

#[tokio::test]
async fn a_malformed_body_is_refused_before_anything_is_looked_up() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    for mount in ["/v1", "/api/v1"] {
        for path in [
            "nope/chat",
            "nope/stream-chat",
            "nope/update",
            "nope/update-pin",
            "nope/thread/new",
            "nope/thread/nope/chat",
            "nope/thread/nope/stream-chat",
            "nope/thread/nope/update",
        ] {
            let path = format!("{mount}/workspace/{path}");
            let request = server.admin().request(Method::POST, &path);
            let request = request.header("content-type", "application/json").body("{\"a\": ");
            let refused = e2e::send(request).await?;
            assert_eq!(refused.status, 400, "{path}: {}", refused.body);
            assert!(refused.body.to_string().contains("EOF"), "{path}: {}", refused.body);
        }
    }
    Ok(())
}
