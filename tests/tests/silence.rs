//! A model with an empty answer.
use anyhow::Result;
use e2e::{Client, Options, TestServer, model_server};
use reqwest::Method;
use serde_json::{Value, json};

const SILENCE: &str = "No text completion could be completed with this input.";

async fn speechless(model: &str) -> Result<(TestServer, model_server::ModelServer)> {
    let models = model_server::start().await?;
    let options = Options::with_model(models.base_url(), model, "4096");
    let server = TestServer::start(options).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    Ok((server, models))
}

async fn streamed(client: &Client, path: &str, body: Value) -> Result<Vec<Value>> {
    let response = client.request(Method::POST, path).json(&body).send().await?;
    let text = response.text().await?;
    let events = text.split_terminator("\n\n").filter_map(|event| event.strip_prefix("data: "));
    Ok(events.map(|event| serde_json::from_str(event).unwrap_or_default()).collect())
}

#[tokio::test]
async fn an_answer_without_text_is_a_failure_and_is_not_kept() -> Result<()> {
    nothing_is_kept("speechless", "").await
}

#[tokio::test]
async fn reasoning_without_an_answer_is_a_failure() -> Result<()> {
    nothing_is_kept("thinking", "<think>The first passage may tell.</think>").await
}

/// Asks a model with an empty answer in every way; a stream may show its reasoning `thought`.
async fn nothing_is_kept(model: &str, reasoning: &str) -> Result<()> {
    let (server, _models) = speechless(model).await?;
    let admin = server.admin();
    let question = json!({ "message": "Hi", "mode": "chat" });
    let answer = admin.post("/v1/workspace/alpha/chat", question.clone()).await?;
    assert_eq!((answer.status, &answer.body["type"]), (503, &json!("abort")));
    let why = answer.body["error"].as_str().unwrap_or_default();
    assert!(why.contains(SILENCE) && why.contains("stop"), "{why}");
    let events = streamed(admin, "/v1/workspace/alpha/stream-chat", question.clone()).await?;
    let (reasoning_text, rest) = split_reasoning(events);
    assert_eq!((&*reasoning_text, &rest[0]["type"]), (reasoning, &json!("abort")));
    assert_eq!(rest[0]["error"], *why, "a stream is refused in the same words");
    assert!(rest.iter().all(|event| event.get("chatId").is_none()), "{rest:?}");

    let answer = admin.post("/api/v1/workspace/alpha/chat", question.clone()).await?.ok()?;
    assert_eq!((&answer["type"], &answer["textResponse"]), (&json!("abort"), &json!(null)));
    assert_eq!((&answer["error"], &answer["sources"]), (&json!(SILENCE), &json!([])));
    assert_eq!(answer["metrics"]["model"], model);
    assert!(answer.get("chatId").is_none());
    let events = streamed(admin, "/api/v1/workspace/alpha/stream-chat", question).await?;
    let (reasoning_text, rest) = split_reasoning(events);
    assert_eq!(reasoning_text, reasoning);
    let types: Vec<_> = rest.iter().map(|event| &event["type"]).collect();
    assert_eq!(types, ["textResponseChunk", "finalizeResponseStream"]);
    assert!(rest[1].get("chatId").is_none() && rest[1].get("metrics").is_none(), "{rest:?}");
    let history = admin.get("/v1/workspace/alpha/chats").await?.ok()?;
    assert_eq!(history["history"], json!([]));
    Ok(())
}

/// Returns the text of a stream and its final events.
fn split_reasoning(mut streamed: Vec<Value>) -> (String, Vec<Value>) {
    let says = |event: &Value| event["textResponse"].as_str().is_some_and(|text| !text.is_empty());
    let end = streamed.iter().position(|event| !says(event)).unwrap_or(streamed.len());
    let rest = streamed.split_off(end);
    (streamed.iter().filter_map(|event| event["textResponse"].as_str()).collect(), rest)
}

#[tokio::test]
async fn the_openai_protocol_reports_an_empty_answer() -> Result<()> {
    for model in ["speechless", "thinking"] {
        let (server, _models) = speechless(model).await?;
        let admin = server.admin();
        let completion =
            json!({ "model": "alpha", "messages": [{ "role": "user", "content": "Hi" }] });
        let answer = admin.post("/v1/openai/chat/completions", completion.clone()).await?;
        assert_eq!((answer.status, &answer.body["error"]["type"]), (503, &json!("server_error")));
        let answer = admin.post("/api/v1/openai/chat/completions", completion).await?.ok()?;
        let choice = &answer["choices"][0];
        assert_eq!(choice["message"]["content"], json!(null));
        assert_eq!(choice["finish_reason"], "no_content");
        let history = admin.get("/v1/workspace/alpha/chats").await?.ok()?;
        assert_eq!(history["history"], json!([]));
    }
    Ok(())
}
