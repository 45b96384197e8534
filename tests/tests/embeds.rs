//! Chat widgets: who may use them, how often, and their refusals.
use anyhow::{Context, Result};
use e2e::{Answer, Backend, Client, Options, TestServer, on_both_databases, send};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};

on_both_databases!(
    an_embed_is_created_changed_and_deleted,
    a_visitor_is_answered_and_remembered,
    limits_hold_under_concurrent_requests,
    an_embed_is_deleted_with_its_workspace,
);

const PAGE: &str = "https://example.com";
const SESSION: &str = "3f1f3d3e-7c52-4c7e-9d0e-2a4f4b0e7d11";

fn session(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// The rate limit has a separate test.
fn options(backend: Backend) -> Options {
    Options::from(backend).with("CARREL_EMBED_RATE", "0")
}

/// Creates a workspace about bees and a widget with `fields`. Returns its UUID.
async fn alpha(server: &TestServer, fields: Value) -> Result<String> {
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    admin.upload("bees.md", b"Bees make honey.", &[("addToWorkspaces", "alpha")]).await?.ok()?;
    embed(admin, fields).await
}

async fn embed(admin: &Client, fields: Value) -> Result<String> {
    let mut body = json!({ "workspace_slug": "alpha", "chat_mode": "chat" });
    body.as_object_mut()
        .context("no object")?
        .extend(fields.as_object().cloned().unwrap_or_default());
    let made = admin.post("/v1/embed/new", body).await?.ok()?;
    Ok(made["embed"]["uuid"].as_str().context("no uuid")?.to_owned())
}

/// Sends a request as a page does: without a key, and with the body as text.
pub async fn ask(
    client: &Client,
    embed: &str,
    origin: Option<&str>,
    body: Value,
) -> Result<Answer> {
    let path = format!("/api/embed/{embed}/stream-chat");
    let request = client.anonymous().request(Method::POST, &path);
    let request = request.header("content-type", "text/plain").body(body.to_string());
    send(with_origin(request, origin)).await
}

async fn visit(
    server: &TestServer,
    method: Method,
    embed: &str,
    session: &str,
    origin: Option<&str>,
) -> Result<Answer> {
    let path = format!("/api/embed/{embed}/{session}");
    send(with_origin(server.admin().anonymous().request(method, &path), origin)).await
}

fn with_origin(request: reqwest::RequestBuilder, origin: Option<&str>) -> reqwest::RequestBuilder {
    match origin {
        Some(origin) => request.header("origin", origin),
        None => request,
    }
}

fn hello() -> Value {
    json!({ "sessionId": SESSION, "message": "Who makes honey?" })
}

fn events(answer: &Answer) -> Vec<Value> {
    let text = answer.body.as_str().unwrap_or_default();
    let data = text.split_terminator("\n\n").filter_map(|event| event.strip_prefix("data: "));
    data.filter_map(|data| serde_json::from_str(data).ok()).collect()
}

async fn an_embed_is_created_changed_and_deleted(backend: Backend) -> Result<()> {
    let server = TestServer::start(options(backend)).await?;
    let pages = json!({ "allowlist_domains": ["example.com"], "max_chats_per_day": 7 });
    let uuid = alpha(&server, pages).await?;
    let admin = server.admin();
    let listed = admin.get("/v1/embed").await?.ok()?["embeds"][0].take();
    assert_eq!((&listed["uuid"], &listed["chat_count"]), (&json!(uuid), &json!(0)));
    assert_eq!(listed["allowlist_domains"], json!(["https://example.com"]));
    assert_eq!(listed["workspace"]["name"], "Alpha");
    let path = format!("/v1/embed/{uuid}");
    let changed = json!({ "enabled": false, "allowlist_domains": "a.test,b.test" });
    assert_eq!(admin.post(&path, changed).await?.ok()?, json!({ "success": true, "error": null }));
    let listed = admin.get("/v1/embed").await?.ok()?["embeds"][0].take();
    assert_eq!(listed["allowlist_domains"], json!(["https://a.test", "https://b.test"]));
    assert_eq!(listed["enabled"], false);

    for (path, body, status) in [
        ("/v1/embed/new", json!({}), 400),
        ("/v1/embed/new", json!({ "workspace_slug": "nope" }), 404),
        ("/v1/embed/new", json!({ "workspace_slug": "alpha", "allowlist_domains": [] }), 400),
        (
            "/v1/embed/new",
            json!({ "workspace_slug": "alpha", "allowlist_domains": ["bad host"] }),
            400,
        ),
        ("/v1/embed/new", json!({ "workspace_slug": "alpha", "chat_mode": "automatic" }), 400),
        (path.as_str(), json!({}), 400),
        (path.as_str(), json!({ "max_chats_per_day": -1 }), 400),
        (path.as_str(), json!({ "workspace_id": 9999 }), 404),
        (path.as_str(), json!({ "workspace_id": null }), 400),
        ("/v1/embed/nope", json!({ "enabled": true }), 404),
    ] {
        let refused = admin.post(path, body.clone()).await?;
        assert_eq!(refused.status, status, "{path} {body}: {}", refused.body);
        assert!(refused.body["error"].is_string(), "{path} {body}: {}", refused.body);
    }
    for path in ["/v1/embed/new", &path] {
        for body in ["{\"a\": ", "nonsense", "5", "null", "{} {}", "\u{0}"] {
            let request = admin.request(Method::POST, path).body(body);
            let refused = send(request.header("content-type", "application/json")).await?;
            assert_eq!(refused.status, 400, "{path} {body}");
        }
    }
    assert_eq!(admin.get("/v1/embed/nope/chats").await?.status, 404);
    admin.delete(&path, json!({})).await?.ok()?;
    assert_eq!(admin.delete(&path, json!({})).await?.status, 404);
    assert_eq!(admin.get("/v1/embed").await?.ok()?, json!({ "embeds": [] }));
    let events = admin.get("/v1/admin/event-logs").await?.ok()?.to_string();
    for event in ["embed_created", "embed_updated", "embed_deleted"] {
        assert!(events.contains(event), "{event}");
    }
    Ok(())
}

async fn a_visitor_is_answered_and_remembered(backend: Backend) -> Result<()> {
    let server = TestServer::start(options(backend)).await?;
    let uuid = alpha(&server, json!({ "allowlist_domains": [PAGE] })).await?;
    let answer = ask(server.admin(), &uuid, Some(PAGE), hello()).await?;
    assert_eq!((answer.status, answer.header("content-type")), (200, "text/event-stream"));
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
    let streamed = events(&answer);
    let (last, parts) = streamed.split_last().context("nothing was told")?;
    let text: String = parts.iter().filter_map(|part| part["textResponse"].as_str()).collect();
    assert!(text.contains("honey"), "{streamed:?}");
    assert_eq!((&last["type"], &last["close"]), (&json!("textResponseChunk"), &json!(true)));
    assert!(
        streamed.iter().all(|event| event["sources"] == json!([]) && event["uuid"].is_string())
    );

    let history = visit(&server, Method::GET, &uuid, SESSION, Some(PAGE)).await?.ok()?;
    assert_eq!(history["history"][0]["content"], "Who makes honey?");
    assert_eq!(
        (&history["history"][1]["content"], &history["history"][1]["sources"]),
        (&json!(text), &json!([]))
    );
    let other = visit(&server, Method::GET, &uuid, &session(1), Some(PAGE)).await?.ok()?;
    assert_eq!(other, json!({ "history": [] }));
    // Separate from the conversations of the workspace.
    let own = server.admin().get("/v1/workspace/alpha/chats").await?.ok()?;
    assert_eq!(own, json!({ "history": [] }));

    assert_eq!(visit(&server, Method::DELETE, &uuid, SESSION, Some(PAGE)).await?.status, 200);
    let history = visit(&server, Method::GET, &uuid, SESSION, Some(PAGE)).await?.ok()?;
    assert_eq!(history, json!({ "history": [] }));
    assert_eq!(visit(&server, Method::DELETE, &uuid, &session(1), Some(PAGE)).await?.status, 200);
    let log = server.admin().get(&format!("/v1/embed/{uuid}/chats")).await?.ok()?;
    let chat = &log["chats"][0];
    assert_eq!((&chat["prompt"], &chat["include"]), (&json!("Who makes honey?"), &json!(false)));
    let connection: Value =
        serde_json::from_str(chat["connection_information"].as_str().unwrap_or_default())?;
    assert_eq!((&connection["host"], &connection["ip"]), (&json!(PAGE), &json!("127.0.0.1")));
    let of_session = format!("/v1/embed/{uuid}/chats/{}", session(1));
    assert_eq!(server.admin().get(&of_session).await?.ok()?, json!({ "chats": [] }));
    let events = server.admin().get("/v1/admin/event-logs").await?.ok()?.to_string();
    assert!(events.contains("embed_sent_chat"));
    // Hiding nothing is not recorded.
    assert_eq!(events.matches("embed_history_hidden").count(), 1, "{events}");
    Ok(())
}

#[tokio::test]
async fn only_pages_on_the_list_are_served() -> Result<()> {
    let server = TestServer::start(options(Backend::Sqlite)).await?;
    let uuid = alpha(&server, json!({ "allowlist_domains": [PAGE] })).await?;
    for origin in [
        None,
        Some("https://evil.test"),
        Some("http://example.com"),
        Some("https://example.com:8443"),
        Some("https://example.com.evil.test"),
        Some("https://sub.example.com"),
        Some("null"),
        Some(""),
    ] {
        let refused = [
            ask(server.admin(), &uuid, origin, hello()).await?,
            visit(&server, Method::GET, &uuid, SESSION, origin).await?,
            visit(&server, Method::DELETE, &uuid, SESSION, origin).await?,
        ];
        for refused in refused {
            assert_eq!(
                (refused.status, &refused.body["type"]),
                (401, &json!("abort")),
                "{origin:?}"
            );
            assert_eq!(refused.body["error"], "Invalid request.");
        }
    }
    let open = embed(server.admin(), json!({})).await?;
    assert_eq!(ask(server.admin(), &open, None, hello()).await?.status, 200);
    server.admin().post(&format!("/v1/embed/{open}"), json!({ "enabled": false })).await?.ok()?;
    assert_eq!(ask(server.admin(), &open, None, hello()).await?.status, 503);
    assert_eq!(visit(&server, Method::GET, &open, SESSION, None).await?.status, 503);

    let strict = options(Backend::Sqlite).with("EMBED_REQUIRE_ALLOWLIST", "true");
    let server = TestServer::start(strict).await?;
    let open = alpha(&server, json!({})).await?;
    assert_eq!(ask(server.admin(), &open, Some(PAGE), hello()).await?.status, 401);
    Ok(())
}

#[tokio::test]
async fn a_page_of_another_site_can_read_the_answer() -> Result<()> {
    let allowed = "https://admin.test";
    let options = options(Backend::Sqlite).with("CARREL_ALLOWED_ORIGINS", allowed);
    let server = TestServer::start(options).await?;
    let uuid = alpha(&server, json!({})).await?;
    let path = format!("/api/embed/{uuid}/stream-chat");
    let preflight = server.admin().anonymous().request(Method::OPTIONS, &path);
    let preflight = preflight
        .header("origin", PAGE)
        .header("access-control-request-method", "POST")
        .header("access-control-request-headers", "content-type");
    let answer = send(preflight).await?;
    assert!(answer.status < 300, "{}", answer.status);
    assert_eq!(answer.header("access-control-allow-origin"), PAGE);
    assert!(answer.header("access-control-allow-methods").contains("POST"));
    assert!(answer.header("access-control-allow-credentials").is_empty());
    let refused = ask(server.admin(), &session(1), Some(PAGE), hello()).await?;
    assert_eq!((refused.status, refused.header("access-control-allow-origin")), (404, PAGE));
    Ok(())
}

#[tokio::test]
async fn an_invalid_question_is_refused_and_costs_nothing() -> Result<()> {
    let server = TestServer::start(options(Backend::Sqlite)).await?;
    let uuid = alpha(&server, json!({ "max_chats_per_day": 1 })).await?;
    for (body, status) in [
        (json!({ "message": "Hi" }), 404),
        (json!({ "sessionId": "x", "message": "Hi" }), 404),
        (json!({ "sessionId": { "not": "a" }, "message": "Hi" }), 404),
        (json!({ "sessionId": [SESSION], "message": "Hi" }), 404),
        (json!({ "sessionId": SESSION }), 400),
        (json!({ "sessionId": SESSION, "message": " " }), 400),
        (json!({ "sessionId": SESSION, "message": { "not": "" } }), 400),
        (json!({ "sessionId": SESSION, "message": "x".repeat(20_000) }), 413),
    ] {
        let refused = ask(server.admin(), &uuid, None, body.clone()).await?;
        assert_eq!((refused.status, &refused.body["type"]), (status, &json!("abort")), "{body}");
    }
    let path = format!("/api/embed/{uuid}/stream-chat");
    for body in ["{\"a\": ", "nonsense", "5", "{} {}", "\u{0}"] {
        let request = server.admin().anonymous().request(Method::POST, &path).body(body);
        assert_eq!(send(request).await?.status, 400, "{body}");
    }
    for unknown in ["nope", &session(1), "%2e%2e", "' OR 1=1 --"] {
        assert_eq!(ask(server.admin(), unknown, None, hello()).await?.status, 404, "{unknown}");
    }
    assert_eq!(visit(&server, Method::GET, &uuid, "x", None).await?.status, 404);
    assert_eq!(ask(server.admin(), &uuid, None, hello()).await?.status, 200);
    Ok(())
}

async fn limits_hold_under_concurrent_requests(backend: Backend) -> Result<()> {
    let server = TestServer::start(options(backend)).await?;
    let uuid =
        alpha(&server, json!({ "max_chats_per_day": 5, "max_chats_per_session": 3 })).await?;
    // In query mode most answers are refusals, which count too.
    let query = json!({ "chat_mode": "query" });
    server.admin().post(&format!("/v1/embed/{uuid}"), query).await?.ok()?;
    let question = |number: usize| {
        let body = json!({ "sessionId": session(number % 2), "message": "zzz qqq" });
        ask(server.admin(), &uuid, None, body)
    };
    let answers = join_all((0..100).map(question)).await;
    let answers: Vec<_> = answers.into_iter().collect::<Result<_>>()?;
    let served = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(served, 5);
    let refused = answers.iter().filter(|answer| answer.status == 429);
    let refused: Vec<_> = refused.map(|answer| &answer.body).collect();
    assert_eq!(refused.len(), 95);
    assert!(refused.iter().all(|body| body["type"] == "abort"));
    let full = ask(server.admin(), &uuid, None, json!({ "sessionId": session(9), "message": "x" }))
        .await?;
    assert_eq!((&full.body["error"], full.status), (&json!("Rate limit exceeded"), 429));
    assert!(full.body["errorMsg"].is_string());
    let log = server.admin().get(&format!("/v1/embed/{uuid}/chats")).await?.ok()?;
    assert_eq!(log["chats"].as_array().map(Vec::len), Some(5));
    Ok(())
}

async fn an_embed_is_deleted_with_its_workspace(backend: Backend) -> Result<()> {
    let server = TestServer::start(options(backend)).await?;
    let uuid = alpha(&server, json!({})).await?;
    assert_eq!(ask(server.admin(), &uuid, None, hello()).await?.status, 200);
    server.admin().delete("/v1/workspace/alpha", json!({})).await?.ok()?;
    assert_eq!(server.admin().get("/v1/embed").await?.ok()?, json!({ "embeds": [] }));
    assert_eq!(ask(server.admin(), &uuid, None, hello()).await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn an_address_that_asks_too_fast_is_slowed_down() -> Result<()> {
    let slow = Options::from(Backend::Sqlite).with("CARREL_EMBED_RATE", "2");
    let server = TestServer::start(slow).await?;
    for expected in [404, 404, 429] {
        let answer = ask(server.admin(), &session(1), None, hello()).await?;
        assert_eq!(answer.status, expected);
        assert_eq!(answer.header("retry-after").is_empty(), expected != 429);
    }
    Ok(())
}

#[tokio::test]
async fn visitors_choose_only_what_they_are_allowed_to() -> Result<()> {
    let model = e2e::model_server::start().await?;
    let options = options(Backend::Sqlite).answered_by(model.base_url(), "echo", "4096");
    let server = TestServer::start(options).await?;
    let closed = alpha(&server, json!({ "message_limit": 1 })).await?;
    let open = json!({
        "allow_prompt_override": true, "allow_model_override": true, "allow_temperature_override": true,
    });
    let open = embed(server.admin(), open).await?;
    let mut body = hello();
    body["prompt"] = json!("Be rude.");
    body["model"] = json!("fail-400");
    body["temperature"] = json!(1.5);
    for _ in 0..3 {
        assert_eq!(ask(server.admin(), &closed, None, body.clone()).await?.status, 200);
    }
    let request = model.requests().pop().context("not asked")?;
    assert_eq!((&request["model"], request.get("temperature")), (&json!("echo"), None));
    // The system message, one earlier exchange, and the question.
    assert_eq!(request["messages"].as_array().map(Vec::len), Some(4));
    assert!(!request["messages"][0].to_string().contains("rude"));

    let failed = ask(server.admin(), &open, None, body).await?;
    let request_of_second = model.requests().pop().context("not asked")?;
    assert_eq!(
        (&request_of_second["model"], &request_of_second["temperature"]),
        (&json!("fail-400"), &json!(1.5))
    );
    assert!(request_of_second["messages"][0].to_string().contains("Be rude."));
    let streamed = events(&failed);
    assert_eq!((streamed.len(), &streamed[0]["type"]), (1, &json!("abort")));
    // Only the operator sees the reason.
    let address = model.base_url();
    let address = address.trim_start_matches("http://").trim_end_matches("/v1");
    assert!(
        !failed.body.to_string().contains(address) && !failed.body.to_string().contains("model")
    );
    Ok(())
}

#[tokio::test]
async fn the_other_mount_creates_embeds_as_its_clients_expect() -> Result<()> {
    let server = TestServer::start(options(Backend::Sqlite)).await?;
    alpha(&server, json!({})).await?;
    let admin = server.admin();
    let loose = json!({
        "workspace_slug": "alpha", "enabled": false, "chat_mode": "zz", "max_chats_per_session": "7",
        "allowlist_domains": "example.com,bad host", "message_limit": -1,
    });
    let made = admin.post("/api/v1/embed/new", loose).await?.ok()?["embed"].take();
    assert_eq!((&made["enabled"], &made["chat_mode"]), (&json!(true), &json!("query")));
    assert_eq!((&made["max_chats_per_session"], &made["message_limit"]), (&json!(7), &json!(null)));
    assert_eq!(made["allowlist_domains"], "[\"https://example.com\"]");
    let uuid = made["uuid"].as_str().context("no uuid")?;
    assert_eq!(
        admin.post(&format!("/api/v1/embed/{uuid}"), json!({ "a": 1 })).await?.ok()?,
        json!({})
    );
    let unknown = admin.get("/api/v1/embed/nope/chats").await?.ok()?;
    assert_eq!(unknown, json!({ "chats": [] }));
    for (body, status, error) in [
        (json!({}), 400, "Workspace slug is required"),
        (json!({ "workspace_slug": "nope" }), 404, "Workspace not found"),
    ] {
        let refused = admin.post("/api/v1/embed/new", body).await?;
        assert_eq!((refused.status, &refused.body["error"]), (status, &json!(error)));
    }
    let anyone = json!({ "workspace_slug": "alpha", "allowlist_domains": 5 });
    assert_eq!(admin.post("/api/v1/embed/new", anyone).await?.status, 400);
    Ok(())
}
