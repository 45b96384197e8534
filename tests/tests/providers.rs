//! Providers that misbehave, and providers with native protocols.
use anyhow::Result;
use e2e::model_server::{self, ModelServer};
use e2e::{Client, Options, TestServer};
use reqwest::Method;
use serde_json::{Value, json};

const CHAT: &str = "/v1/workspace/alpha/chat";
const STREAM: &str = "/v1/workspace/alpha/stream-chat";
const OPENAI: &str = "/v1/openai/chat/completions";

async fn server_with_model(model: &str) -> Result<(TestServer, ModelServer)> {
    let models = model_server::start().await?;
    let server = TestServer::start(Options::with_model(models.base_url(), model, "4096")).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    Ok((server, models))
}

fn question() -> Value {
    json!({ "message": "How much?", "mode": "chat" })
}

fn completion() -> Value {
    json!({ "model": "alpha", "messages": [{ "role": "user", "content": "How much?" }] })
}

async fn events(client: &Client, path: &str, body: Value) -> Result<Vec<Value>> {
    let text = client.request(Method::POST, path).json(&body).send().await?.text().await?;
    let data = text.split_terminator("\n\n").filter_map(|event| event.strip_prefix("data: "));
    Ok(data.filter_map(|data| serde_json::from_str(data).ok()).collect())
}

fn text(events: &[Value]) -> String {
    events.iter().filter_map(|event| event["textResponse"].as_str()).collect()
}

#[tokio::test]
async fn a_truncated_answer_is_a_failure_with_the_message_of_the_provider() -> Result<()> {
    for (model, words) in [
        ("truncated", "without a finish reason"),
        ("error-line", "slot failed"),
        ("error-event", "engine died"),
    ] {
        let (server, _models) = server_with_model(model).await?;
        let answer = server.admin().post(CHAT, question()).await?;
        assert_eq!(answer.status, 503, "{model}");
        let streamed = events(server.admin(), STREAM, question()).await?;
        assert_eq!(text(&streamed), "Take 5 mg", "{model}");
        let failed = streamed.iter().find(|event| event["type"] == "abort");
        let error = failed.and_then(|event| event["error"].as_str()).unwrap_or_default();
        assert!(error.contains(words), "{model}: {error}");
    }
    Ok(())
}

#[tokio::test]
async fn unusual_but_valid_answers_are_accepted() -> Result<()> {
    for (model, expected) in
        [("lenient", "Hello world"), ("halves", "😀"), ("strict", "Hello world")]
    {
        let (server, models) = server_with_model(model).await?;
        let answer = server.admin().post(CHAT, question()).await?.ok()?;
        assert_eq!(answer["textResponse"], expected, "{model}");
        // Settings that are read again after the start can make the server forget it once.
        server.admin().post(CHAT, question()).await?.ok()?;
        let before = models.requests().len();
        server.admin().post(CHAT, question()).await?.ok()?;
        assert_eq!(models.requests().len(), before + 1, "{model}: what it refuses is remembered");
    }
    Ok(())
}

#[tokio::test]
async fn reasoning_is_kept_for_readers_only() -> Result<()> {
    for (model, reasoning) in
        [("unopened", "A secret plan"), ("reasoning", "The first passage may tell.")]
    {
        let (server, models) = server_with_model(model).await?;
        let admin = server.admin();
        let answer = admin.post(CHAT, question()).await?.ok()?;
        let answer_text = answer["textResponse"].as_str().unwrap_or_default();
        assert!(answer_text.starts_with(&format!("<think>{reasoning}</think>")), "{answer_text}");
        admin.post(CHAT, question()).await?.ok()?;
        let messages = models.requests().pop().unwrap_or_default()["messages"].to_string();
        assert!(!messages.contains(reasoning) && !messages.contains("think>"), "{messages}");
        let whole = admin.post(OPENAI, completion()).await?.ok()?;
        let message = &whole["choices"][0]["message"];
        assert_eq!(message["reasoning_content"], reasoning, "{message}");
        let content = message["content"].as_str().unwrap_or_default();
        assert!(!content.is_empty() && !content.contains(reasoning), "{content}");
        let mut streaming = completion();
        streaming["stream"] = json!(true);
        let streamed = events(admin, OPENAI, streaming).await?;
        let joined = |name: &str| -> String {
            let deltas = streamed.iter().map(|event| &event["choices"][0]["delta"]);
            deltas.filter_map(|delta| delta[name].as_str()).collect()
        };
        assert_eq!(joined("reasoning_content"), reasoning);
        assert_eq!(joined("content"), content);
    }
    Ok(())
}

#[tokio::test]
async fn the_reason_for_the_end_of_an_answer_is_returned() -> Result<()> {
    for (model, content, finish) in [
        ("limited", json!("Hello wor"), "length"),
        ("filtered", json!(null), "content_filter"),
        ("strict", json!("Hello world"), "stop"),
    ] {
        let (server, _models) = server_with_model(model).await?;
        let whole = server.admin().post(OPENAI, completion()).await?.ok()?;
        let choice = &whole["choices"][0];
        assert_eq!(
            (&choice["message"]["content"], &choice["finish_reason"]),
            (&content, &json!(finish))
        );
        let mut streaming = completion();
        streaming["stream"] = json!(true);
        let streamed = events(server.admin(), OPENAI, streaming).await?;
        let reasons: Vec<_> = streamed
            .iter()
            .filter_map(|event| event["choices"][0]["finish_reason"].as_str())
            .collect();
        assert_eq!(reasons, [finish], "{model}");
    }
    Ok(())
}

#[tokio::test]
async fn ollama_gets_the_window_by_its_own_protocol() -> Result<()> {
    let models = model_server::start().await?;
    let root = models.base_url().trim_end_matches("/v1").to_owned();
    let options = Options::with_model(models.base_url(), "unused", "4096")
        .with("LLM_PROVIDER", "ollama")
        .with("OLLAMA_BASE_PATH", &root)
        .with("OLLAMA_MODEL_PREF", "echo")
        .with("OLLAMA_MODEL_TOKEN_LIMIT", "16384")
        .with("OLLAMA_KEEP_ALIVE_TIMEOUT", "60");
    let server = TestServer::start(options).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let prompt = format!("Begin. {}", "word ".repeat(6_000));
    let settings = json!({ "openAiPrompt": prompt });
    admin.post("/v1/workspace/alpha/update", settings).await?.ok()?;
    let answer = admin.post(CHAT, question()).await?.ok()?;
    let answer_text = answer["textResponse"].as_str().unwrap_or_default();
    assert!(answer_text.contains("from `Begin.` on"), "the instructions are read: {answer_text}");
    let sent = models.received().pop().unwrap();
    assert_eq!(sent.path, "/api/chat");
    assert_eq!(sent.body["options"]["num_ctx"], 16384);
    assert_eq!(sent.body["keep_alive"], 60);

    let listed = admin.post("/v1/system/models", json!({})).await?.ok()?;
    let ids: Vec<_> =
        listed["models"].as_array().into_iter().flatten().map(|one| &one["id"]).collect();
    assert!(listed["provider"] == "ollama" && ids.contains(&&json!("echo")), "{listed}");
    let requests = models.received().len();
    admin.post("/v1/system/models", json!({ "provider": "ollama" })).await?.ok()?;
    assert_eq!(models.received().len(), requests, "the list is remembered");
    for (body, status) in [
        (json!({ "provider": "nobody" }), 400),
        (json!({ "kind": "other" }), 400),
        (json!({ "provider": "openai" }), 503),
        (json!({ "providers": "ollama" }), 400),
    ] {
        let answer = admin.post("/v1/system/models", body.clone()).await?;
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
    }
    Ok(())
}

#[tokio::test]
async fn a_stored_key_is_not_sent_to_another_address() -> Result<()> {
    let (server, _models) = server_with_model("echo").await?;
    let admin = server.admin();
    let stored =
        json!({ "LiteLLMBasePath": "http://127.0.0.1:9/v1", "LiteLLMApiKey": "sk-stored-0123" });
    admin.post("/v1/system/update-env", stored).await?.ok()?;
    let thief = model_server::start().await?;
    let moved = json!({ "LiteLLMBasePath": thief.base_url() });
    let request = json!({ "provider": "litellm", "settings": moved });
    admin.post("/v1/system/models", request).await?;
    let received = thief.received();
    assert!(received.iter().all(|one| one.authorization.is_none()), "{received:?}");
    Ok(())
}
