//! Every request printed in the specification of this project, exactly as printed.
use anyhow::{Context, Result};
use e2e::{Backend, TestServer, on_both_databases, send};
use reqwest::Method;
use serde_json::{Value, json};

on_both_databases!(every_printed_example_works);

/// An operation as printed in the specification.
#[derive(Debug, Default)]
struct Printed {
    method: String,
    path: String,
    body: Option<Value>,
    answer: Option<Value>,
    open: bool,
}

fn printed() -> Result<Vec<Printed>> {
    let here = std::path::PathBuf::from(std::env::var("CARGO_MANIFEST_DIR")?);
    let text = std::fs::read_to_string(here.join("printed/API_DOCS.md"))?;
    let mut all = Vec::<Printed>::new();
    let mut lines = text.lines();
    let mut of_request = false;
    while let Some(line) = lines.next() {
        if let Some((method, path)) =
            line.strip_prefix("### ").and_then(|heading| heading.split_once(' '))
        {
            all.push(Printed { method: method.into(), path: path.into(), ..Printed::default() });
        }
        let Some(operation) = all.last_mut() else { continue };
        match line {
            "**Request Body:**" => of_request = true,
            "**Response:**" => of_request = false,
            "```json" => {
                let block: Vec<_> = lines.by_ref().take_while(|line| *line != "```").collect();
                let block = Some(serde_json::from_str(&block.join("\n"))?);
                match of_request {
                    true => operation.body = block,
                    false => operation.answer = block,
                }
            }
            line if line.starts_with("**Authentication:** None") => operation.open = true,
            _ => {}
        }
    }
    Ok(all)
}

/// Creates the data that the examples assume: 45 workspaces, 12 users, an invite, an exchange.
async fn prepare(server: &TestServer) -> Result<()> {
    let admin = server.admin();
    for number in 1..=45 {
        admin
            .post("/v1/workspace/new", json!({ "name": format!("Workspace {number}") }))
            .await?
            .ok()?;
    }
    admin.post("/v1/workspace/workspace-1/chat", json!({ "message": "Hello" })).await?.ok()?;
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    for number in 2..=12 {
        let user = json!({ "username": format!("user-{number}"), "password": "correct horse" });
        admin.post("/v1/admin/users/new", user).await?.ok()?;
    }
    admin.post("/v1/admin/invite/new", json!({ "workspace_ids": [1] })).await?.ok()?;
    Ok(())
}

/// Checks that `answer` has every printed key, with values of the same type. Names in square
/// brackets are placeholders.
fn assert_like(printed: &Value, answer: &Value, place: &str) {
    match (printed, answer) {
        (Value::Object(printed), Value::Object(answer)) => {
            for (key, value) in printed.iter().filter(|(key, _)| !key.starts_with('[')) {
                let found = answer.get(key);
                let found =
                    found.unwrap_or_else(|| panic!("{place}: {key} is missing in {answer:?}"));
                assert_like(value, found, &format!("{place}.{key}"));
            }
        }
        (Value::Array(printed), Value::Array(answer)) => {
            assert!(!answer.is_empty(), "{place} is empty");
            for (number, value) in answer.iter().enumerate() {
                assert_like(&printed[0], value, &format!("{place}[{number}]"));
            }
        }
        // Absent users, threads and ratings are null, and so is the error of a success.
        (_, Value::Null) | (Value::Null, _) => {}
        _ => {
            let kinds = [printed, answer].map(std::mem::discriminant);
            assert_eq!(kinds[0], kinds[1], "{place}: {answer} is not like {printed}");
        }
    }
}

async fn every_printed_example_works(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    prepare(&server).await?;
    let operations = printed()?;
    assert_eq!(operations.len(), 20);
    let (mut user, mut invite) = (Value::Null, Value::Null);
    for operation in operations {
        let Printed { method, path, body, answer, open } = operation;
        let id = if path.contains("/users/") { &user } else { &invite };
        let path = path
            .replace("{workspaceId}", "1")
            .replace("{workspaceSlug}", "workspace-1")
            .replace("{id}", &id.to_string());
        let caller = if open { server.admin().anonymous() } else { server.admin().clone() };
        let mut request = caller.request(Method::from_bytes(method.as_bytes())?, &path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = send(request).await.with_context(|| path.clone())?;
        assert_eq!(response.status, 200, "{method} {path}: {}", response.body);
        match path.as_str() {
            "/v1/system/export-chats" => {
                let text = response.body["messages"].clone();
                assert_like(&answer.context("no answer is printed")?, &text, &path);
            }
            "/v1/system" => assert!(response.body["settings"]["VectorDB"].is_string()),
            _ => {
                if let Some(answer) = answer {
                    assert_like(&answer, &response.body, &path);
                }
            }
        }
        if path == "/v1/admin/users/new" {
            user = response.body["user"]["id"].clone();
            assert_eq!(response.body["user"].as_object().map(serde_json::Map::len), Some(3));
        }
        if path == "/v1/admin/invite/new" {
            invite = response.body["invite"]["id"].clone();
        }
        if path == "/v1/system/update-env" {
            assert_eq!(response.body["newValues"], json!({ "VectorDB": "lancedb" }));
            assert_eq!(response.body["ignored"], json!(["AnotherKey"]));
        }
    }
    Ok(())
}
