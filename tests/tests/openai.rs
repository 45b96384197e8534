//! OpenAI's protocol: workspaces as models, and embeddings.
use anyhow::{Context, Result};
use e2e::{Answer, Backend, Client, Options, TestServer, model_server, on_both_databases, send};
use reqwest::Method;
use serde_json::{Value, json};

mod node;
mod python;

on_both_databases!(
    a_workspace_can_be_used_as_a_model,
    a_stream_ends_with_its_sources_and_done,
    a_bound_key_sees_its_own_models,
    invalid_requests_are_refused_in_the_format_of_the_protocol,
);

const CHAT: &str = "/v1/openai/chat/completions";
const EMBEDDINGS: &str = "/v1/openai/embeddings";

/// Creates a workspace about bees.
async fn alpha(server: &TestServer) -> Result<&Client> {
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    admin.upload("bees.md", b"Bees make honey.", &[("addToWorkspaces", "alpha")]).await?.ok()?;
    Ok(admin)
}

fn completion(model: &str, question: &str) -> Value {
    json!({ "model": model, "messages": [{ "role": "user", "content": question }] })
}

/// Returns the data of every event of a stream.
async fn events(client: &Client, path: &str, mut body: Value) -> Result<Vec<String>> {
    body["stream"] = json!(true);
    let response = client.request(Method::POST, path).json(&body).send().await?;
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    let text = response.text().await?;
    let events = text.split_terminator("\n\n").filter_map(|event| event.strip_prefix("data: "));
    Ok(events.map(str::to_owned).collect())
}

async fn a_workspace_can_be_used_as_a_model(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = alpha(&server).await?;
    let models = admin.get("/v1/openai/models").await?.ok()?;
    let alpha = &models["data"][0];
    assert_eq!((&models["object"], &alpha["id"]), (&json!("list"), &json!("alpha")));
    assert!(alpha["created"].is_number() && alpha["owned_by"] == "extractive");
    assert_eq!(&admin.get("/v1/openai/models/alpha").await?.ok()?, alpha);
    assert_eq!(admin.get("/v1/openai/models/nope").await?.status, 404);

    let mut body = completion("alpha", "Who makes honey?");
    body["user"] = json!("ann");
    let answer = admin.post(CHAT, body).await?.ok()?;
    assert_eq!((&answer["object"], &answer["model"]), (&json!("chat.completion"), &json!("alpha")));
    let choice = &answer["choices"][0];
    assert_eq!((&choice["finish_reason"], &choice["index"]), (&json!("stop"), &json!(0)));
    let text = choice["message"]["content"].as_str().context("no content")?;
    assert!(text.contains("honey"), "{text}");
    assert_eq!(answer["sources"][0]["title"], "bees.md");
    assert!(answer["usage"]["total_tokens"].is_number());
    let log = admin.get("/v1/workspace/alpha/chats?apiSessionId=ann").await?.ok()?;
    assert_eq!(log["history"][1]["content"], text);
    assert_eq!(admin.get("/v1/workspace/alpha/chats").await?.ok()?["history"], json!([]));

    let stores = admin.get("/v1/openai/vector_stores").await?.ok()?;
    assert_eq!((&stores["has_more"], &stores["first_id"]), (&json!(false), &json!("alpha")));
    assert_eq!(stores["data"][0]["file_counts"]["total"], 1);
    let after = admin.get("/v1/openai/vector_stores?after=alpha").await?.ok()?;
    assert_eq!(after, json!({ "object": "list", "data": [], "has_more": false }));
    Ok(())
}

async fn a_stream_ends_with_its_sources_and_done(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = alpha(&server).await?;
    let mut body = completion("alpha", "Who makes honey?");
    body["stream_options"] = json!({ "include_usage": true });
    let streamed = events(admin, CHAT, body).await?;
    let (done, chunks) = streamed.split_last().context("nothing was told")?;
    assert_eq!(done, "[DONE]");
    let chunks: Vec<Value> =
        chunks.iter().map(|c| serde_json::from_str(c)).collect::<Result<_, _>>()?;
    assert!(chunks.iter().all(|chunk| chunk["object"] == "chat.completion.chunk"));
    assert_eq!(chunks[0]["choices"][0]["delta"], json!({ "role": "assistant", "content": "" }));
    let parts = chunks.iter().filter_map(|chunk| chunk["choices"][0]["delta"]["content"].as_str());
    assert!(parts.collect::<String>().contains("honey"));
    let [.., end, usage] = &chunks[..] else { panic!("{chunks:?}") };
    assert_eq!(
        (&end["choices"][0]["finish_reason"], &end["usage"]),
        (&json!("stop"), &json!(null))
    );
    assert_eq!(end["sources"][0]["title"], "bees.md");
    assert_eq!(usage["choices"], json!([]));
    assert!(usage["usage"]["total_tokens"].is_number());

    let streamed = events(admin, CHAT, completion("alpha", "Who makes honey?")).await?;
    assert!(streamed.iter().all(|event| !event.contains("\"usage\"")), "{streamed:?}");
    let query = json!({ "chatMode": "query", "queryRefusalResponse": "I do not know." });
    admin.post("/v1/workspace/new", json!({ "name": "Empty" })).await?.ok()?;
    admin.post("/v1/workspace/empty/update", query).await?.ok()?;
    let streamed = events(admin, CHAT, completion("empty", "Hi")).await?.join("\n");
    assert!(streamed.contains("I do not know.") && streamed.ends_with("[DONE]"), "{streamed}");
    Ok(())
}

async fn a_bound_key_sees_its_own_models(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = alpha(&server).await?;
    let beta = admin.post("/v1/workspace/new", json!({ "name": "Beta" })).await?.ok()?;
    let bound = json!({ "workspace_ids": [beta["workspace"]["id"]] });
    let key = admin.post("/v1/admin/api-keys", bound).await?.ok()?["api_key"]["secret"].take();
    let bound = admin.with_key(key.as_str().context("no key")?);
    for path in ["/v1/openai/models", "/v1/openai/vector_stores"] {
        let listed = bound.get(path).await?.ok()?;
        let ids: Vec<_> =
            listed["data"].as_array().into_iter().flatten().map(|m| &m["id"]).collect();
        assert_eq!(ids, ["beta"], "{path}");
    }
    let refused = bound.post(CHAT, completion("alpha", "Hi")).await?;
    let message = refused.body["error"]["message"].as_str().unwrap_or_default();
    assert_eq!(refused.status, 404);
    assert!(message.contains("beta") && message.matches("alpha").count() == 1, "{message}");
    bound.post(CHAT, completion("beta", "Hi")).await?.ok()?;
    Ok(())
}

fn assert_refused(answer: &Answer, status: u16, param: Value, what: &str) {
    let error = &answer.body["error"];
    assert_eq!((answer.status, &error["param"]), (status, &param), "{what}: {}", answer.body);
    assert!(error["message"].is_string() && error["type"].is_string(), "{what}: {}", answer.body);
    assert!(error.get("code").is_some(), "{what}: {}", answer.body);
}

async fn invalid_requests_are_refused_in_the_format_of_the_protocol(
    backend: Backend,
) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = alpha(&server).await?;
    let unknown = admin.post(CHAT, completion("gpt-4o", "Hi")).await?;
    assert_refused(&unknown, 404, json!("model"), "unknown model");
    assert_eq!(unknown.body["error"]["code"], "model_not_found");
    for (path, body, param) in [
        (CHAT, json!({}), "model"),
        (CHAT, json!({ "model": 5 }), "model"),
        (CHAT, json!({ "model": "alpha" }), "messages"),
        (CHAT, json!({ "model": "alpha", "messages": "x" }), "messages"),
        (CHAT, json!({ "model": "alpha", "messages": [], "stream": "yes" }), "stream"),
        (
            CHAT,
            json!({ "model": "alpha", "messages": [{ "role": "assistant", "content": "x" }] }),
            "messages",
        ),
        (EMBEDDINGS, json!({}), "input"),
        (EMBEDDINGS, json!({ "input": [] }), "input"),
        (EMBEDDINGS, json!({ "input": [1, 2] }), "input"),
        (EMBEDDINGS, json!({ "input": "a", "encoding_format": "x" }), "encoding_format"),
        (EMBEDDINGS, json!({ "input": "a", "dimensions": 0 }), "dimensions"),
        (EMBEDDINGS, json!({ "input": "a", "dimensions": 7 }), "dimensions"),
        ("/v1/openai/images/generations", json!({ "prompt": " " }), "prompt"),
    ] {
        let refused = admin.post(path, body.clone()).await?;
        assert_refused(&refused, 400, json!(param), &format!("{path} {body}"));
    }
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for path in [CHAT, EMBEDDINGS, "/v1/openai/images/generations"] {
        for body in ["{\"a\": ", "nonsense", "[]", "5", "null", "{} {}", "\u{0}", &deep] {
            let request = admin.request(Method::POST, path).body(body.to_owned());
            let request = request.header("content-type", "application/json");
            assert_refused(&send(request).await?, 400, json!(null), &format!("{path} {body:.20}"));
        }
    }
    let unconfigured = json!({ "prompt": "a cat" });
    let unconfigured = admin.post("/v1/openai/images/generations", unconfigured).await?;
    assert_refused(&unconfigured, 503, json!(null), "no images");
    let wrong = admin.get("/v1/openai/vector_stores?limit=x").await?;
    assert_refused(&wrong, 400, json!("limit"), "limit");
    assert_eq!(admin.get("/v1/workspace/alpha/chats").await?.ok()?["history"], json!([]));
    Ok(())
}

#[tokio::test]
async fn vectors_are_returned_as_numbers_or_bytes() -> Result<()> {
    use base64::Engine;
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    let texts = json!({ "input": ["bees", "honey"], "dimensions": 384 });
    let made = admin.post(EMBEDDINGS, texts).await?.ok()?;
    let places: Vec<_> =
        made["data"].as_array().into_iter().flatten().map(|e| &e["index"]).collect();
    assert_eq!(places, [0, 1]);
    assert!(made["usage"]["prompt_tokens"].is_number() && made["model"].is_string());
    let numbers: Vec<f32> = serde_json::from_value(made["data"][0]["embedding"].clone())?;
    let body = json!({ "input": "bees", "encoding_format": "base64" });
    let encoded = admin.post(EMBEDDINGS, body.clone()).await?.ok()?["data"][0]["embedding"].take();
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(encoded.as_str().context("not base64")?)?;
    let (decoded, _) = bytes.as_chunks::<4>();
    let decoded: Vec<_> = decoded.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    assert_eq!(decoded.len(), 384);
    let product: f32 = decoded.iter().zip(&numbers).map(|(a, b)| a * b).sum();
    assert!((product - 1.0).abs() < 1e-4, "{product}");
    let there = admin.post("/api/v1/openai/embeddings", body).await?.ok()?;
    assert_eq!(there["data"][0]["embedding"], encoded);
    for (path, encoding) in [(EMBEDDINGS, "float"), ("/api/v1/openai/embeddings", "nonsense")] {
        let body = json!({ "input": "bees", "encoding_format": encoding });
        let made = admin.post(path, body).await?.ok()?;
        assert!(made["data"][0]["embedding"].is_array(), "{path}");
    }
    for path in [EMBEDDINGS, "/api/v1/openai/embeddings"] {
        for tokens in [json!([1, 2]), json!([[1, 2], [3]])] {
            let refused = admin.post(path, json!({ "input": tokens })).await?;
            let message = refused.body["error"]["message"].as_str().unwrap_or_default();
            assert_eq!(refused.status, 400);
            assert!(message.contains("check_embedding_ctx_length=False"), "{path}: {message}");
        }
    }
    Ok(())
}

#[tokio::test]
async fn the_model_gets_only_the_messages_of_the_client() -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(Options::with_model(model.base_url(), "echo", "4096")).await?;
    let admin = alpha(&server).await?;
    admin.post("/v1/workspace/alpha/chat", json!({ "message": "Remember me" })).await?.ok()?;
    let body = json!({
        "model": "alpha", "temperature": 0.25, "max_tokens": 9,
        "messages": [
            { "role": "system", "content": "Speak of {date}." },
            { "role": "user", "content": "One" },
            { "role": "assistant", "content": "Two" },
            { "role": "user", "content": [{ "type": "text", "text": "Honey?" }] },
        ],
    });
    admin.post(CHAT, body).await?.ok()?;
    let requests = model.requests();
    let request = requests.last().context("the model was not asked")?;
    assert_eq!((&request["temperature"], &request["max_tokens"]), (&json!(0.25), &json!(9)));
    let messages = request["messages"].as_array().context("no messages")?;
    let system = messages[0]["content"].as_str().unwrap_or_default();
    assert!(system.starts_with("Speak of {date}.") && system.contains("Bees make honey."));
    let texts_sent: Vec<_> = messages[1..].iter().map(|message| &message["content"]).collect();
    assert_eq!(texts_sent, ["One", "Two", "Honey?"]);
    Ok(())
}

#[tokio::test]
async fn a_failing_model_is_reported_by_the_status_or_in_the_stream() -> Result<()> {
    let model = model_server::start().await?;
    let server =
        TestServer::start(Options::with_model(model.base_url(), "fail-400", "4096")).await?;
    let admin = alpha(&server).await?;
    let mut body = completion("alpha", "Hi");
    assert_refused(&admin.post(CHAT, body.clone()).await?, 503, json!(null), "whole");
    body["stream"] = json!(true);
    let refused = admin.post(CHAT, body.clone()).await?;
    assert_refused(&refused, 503, json!(null), "stream");
    assert_eq!(admin.post("/api/v1/openai/chat/completions", body).await?.status, 500);

    let server =
        TestServer::start(Options::with_model(model.base_url(), "cut-off", "4096")).await?;
    let admin = alpha(&server).await?;
    let body = completion("alpha", "One two three four five six seven eight nine ten?");
    let streamed = events(admin, CHAT, body).await?;
    let last: Value = serde_json::from_str(streamed.last().context("nothing was told")?)?;
    assert_eq!(last["error"]["type"], "server_error", "{streamed:?}");
    let body = completion("alpha", "One two three four five six seven eight nine ten?");
    let streamed = events(admin, "/api/v1/openai/chat/completions", body).await?;
    let last: Value = serde_json::from_str(streamed.last().context("nothing was told")?)?;
    assert_eq!(last["error"]["type"], "server_error", "{streamed:?}");
    Ok(())
}

#[tokio::test]
async fn the_other_mount_responds_as_its_clients_expect() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = alpha(&server).await?;
    let path = "/api/v1/openai/chat/completions";
    let streamed = events(admin, path, completion("alpha", "Who makes honey?")).await?;
    for event in &streamed {
        let chunk: Value = serde_json::from_str(event)?;
        assert_eq!(chunk["object"], "chat.completion.chunk");
        assert_eq!(chunk["choices"][0]["delta"]["role"], "assistant");
        assert!(chunk["usage"].is_object());
    }
    let unknown = admin.post(path, completion("nope", "Hi")).await?;
    assert_refused(&unknown, 404, json!("model"), "unknown model");
    assert_refused(&admin.post(path, json!({})).await?, 400, json!("model"), "no model");
    let silent = json!({ "model": "alpha", "messages": [{ "role": "system", "content": "x" }] });
    let silent = admin.post(path, silent).await?;
    assert_eq!((silent.status, &silent.body["type"]), (400, &json!("abort")));
    let loose = json!({
        "model": "alpha", "temperature": "hot", "messages": [{ "role": "user", "content": null }],
    });
    admin.post(path, loose).await?.ok()?;
    let part = admin.get("/api/v1/openai/vector_stores?limit=x").await?.ok()?;
    assert_eq!((&part["data"], &part["has_more"]), (&json!([]), &json!(false)));
    let image = admin.post("/api/v1/openai/images/generations", json!({ "prompt": "x" })).await?;
    assert_eq!(image.status, 500);
    assert!(image.body["error"].is_string());
    Ok(())
}

#[tokio::test]
async fn options_that_would_change_the_answer_are_refused() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = alpha(&server).await?;
    for path in [CHAT, "/api/v1/openai/chat/completions"] {
        for (name, value) in [
            ("tools", json!([{ "type": "function", "function": { "name": "f" } }])),
            ("logit_bias", json!({ "5": 1 })),
            ("logprobs", json!(true)),
            ("modalities", json!(["audio"])),
            ("prediction", json!({ "type": "content", "content": "x" })),
        ] {
            let mut body = completion("alpha", "Who makes honey?");
            body[name] = value;
            assert_refused(&admin.post(path, body).await?, 400, json!(name), name);
        }
        let mut usual = completion("alpha", "Who makes honey?");
        for (name, value) in [
            ("top_p", json!(1)),
            ("stop", json!(null)),
            ("tools", json!([])),
            ("frequency_penalty", json!(0)),
            ("response_format", json!({ "type": "text" })),
        ] {
            usual[name] = value;
        }
        admin.post(path, usual).await?.ok()?;
    }
    Ok(())
}

#[tokio::test]
async fn options_and_images_reach_the_model() -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(Options::with_model(model.base_url(), "echo", "4096")).await?;
    let admin = alpha(&server).await?;
    let sent = json!({
        "top_p": 0.5, "seed": 7, "stop": ["END"], "presence_penalty": 0.5,
        "frequency_penalty": -0.5, "response_format": { "type": "json_object" },
    });
    let url = "https://images.test/bee.png";
    for path in [CHAT, "/api/v1/openai/chat/completions"] {
        let mut body = sent.clone();
        body["model"] = json!("alpha");
        let image = json!({ "type": "image_url", "image_url": { "url": url } });
        let text = json!({ "type": "text", "text": "What is this?" });
        body["messages"] = json!([{ "role": "user", "content": [text, image] }]);
        admin.post(path, body.clone()).await?.ok()?;
        let request = model.requests().pop().context("the model was not asked")?;
        for (name, value) in sent.as_object().into_iter().flatten() {
            assert_eq!(&request[name], value, "{path} {name}");
        }
        assert!(request["messages"].to_string().contains(url), "{path} {request}");
    }
    Ok(())
}
