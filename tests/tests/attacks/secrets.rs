//! Secrets planted wherever the server stores one. None may appear in any output.
use anyhow::Result;
use e2e::openapi::Document;
use e2e::{Client, KEY, TestServer, send};
use reqwest::Method;
use serde_json::json;

use super::backend;
use super::settings::settings;

/// Part of every secret, after its required prefix.
const CANARY: &str = "c4n4ry0f7h3";

fn canary(name: &str) -> String {
    let start = match name {
        "OpenAiKey" => "sk-",
        "AnthropicApiKey" => "sk-ant-",
        _ => "",
    };
    format!("{start}{CANARY}{name}")
}

/// Collects all readable output of the server.
async fn crawl(client: &Client, outputs: &mut Vec<u8>) -> Result<()> {
    let document = Document::of(client).await?;
    for operation in document.operations()? {
        let path = operation.path_with(|name| match name {
            "id" | "workspace_id" => "1".to_owned(),
            _ => "alpha".to_owned(),
        });
        // Invalid requests are answered with errors, which must not reveal secrets either.
        let reads = operation.method == Method::GET || path.ends_with("/backup");
        let mut requests = vec![client.request(operation.method.clone(), &path).body("{")];
        if reads {
            requests.push(client.request(operation.method.clone(), &path));
        }
        for kind in ["json", "csv", "jsonAlpaca"].iter().filter(|_| path.ends_with("export-chats"))
        {
            requests.push(client.request(Method::GET, &format!("{path}?type={kind}")));
        }
        for request in requests {
            let response = request.send().await?;
            outputs.extend(format!("{:?}", response.headers()).into_bytes());
            outputs.extend(response.bytes().await?);
        }
    }
    Ok(())
}

async fn plant(server: &TestServer) -> Result<usize> {
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let mut planted = 0;
    for (name, _, _) in settings().into_iter().filter(|(_, _, secret)| *secret) {
        let answer = admin.post("/v1/system/update-env", json!({ name: canary(name) })).await?;
        planted += usize::from(answer.status == 200);
        assert!(!answer.body.to_string().contains(CANARY), "{name}: {}", answer.body);
    }
    let password = format!("{CANARY}password");
    let first = json!({ "username": "main-admin", "password": password });
    admin.post("/v1/admin/enable-multi-user", first.clone()).await?.ok()?;
    let wrong = json!({ "username": "main-admin", "password": format!("{CANARY}wrong") });
    admin.anonymous().post("/v1/session", wrong).await?;
    admin.anonymous().post("/v1/session", first).await?.ok()?;
    let user = json!({ "username": "sam", "password": password, "bio": 5 });
    admin.post("/v1/admin/users/new", user).await?;
    admin.post("/v1/workspace/alpha/chat", json!({ "message": "Hi", "mode": "chat" })).await?;
    Ok(planted)
}

#[tokio::test]
async fn no_planted_secret_is_ever_output() -> Result<()> {
    let mut server = TestServer::start(backend()).await?;
    assert!(plant(&server).await? > 30);
    let made = server.carrel().run(&["api-key", "create"])?;
    let key = made.stdout.trim().to_owned();
    let mut outputs = Vec::new();
    crawl(&server.admin().with_key(&key), &mut outputs).await?;
    crawl(&server.admin().anonymous(), &mut outputs).await?;
    crawl(&server.admin().with_key(&format!("{CANARY}key")), &mut outputs).await?;
    for arguments in
        [&["config", "check"][..], &["api-key", "list"], &["audit", "list"], &["verify"]]
    {
        let output = server.carrel().run(arguments)?;
        outputs.extend((output.stdout + &output.stderr).into_bytes());
    }
    outputs.extend(server.log()?.into_bytes());
    server.stop().await?;
    for entry in std::fs::read_dir(server.storage())? {
        let path = entry?.path();
        if path.is_file() {
            outputs.extend(std::fs::read(path)?);
        }
    }
    let position_of =
        |text: &str| outputs.windows(text.len()).position(|bytes| bytes == text.as_bytes());
    for secret in [CANARY, &key, KEY] {
        if let Some(at) = position_of(secret) {
            let around = &outputs[at.saturating_sub(200)..(at + 100).min(outputs.len())];
            panic!("a secret came out: {}", String::from_utf8_lossy(around));
        }
    }
    Ok(())
}

#[tokio::test]
async fn no_response_contains_a_digest_of_a_password() -> Result<()> {
    let server = TestServer::start(backend()).await?;
    plant(&server).await?;
    let mut outputs = String::new();
    for path in ["/v1/users", "/v1/admin/users", "/api/v1/admin/users"] {
        let answer = send(server.admin().request(Method::GET, path)).await?;
        assert_eq!(answer.status, 200, "{path}");
        outputs.push_str(&answer.body.to_string());
    }
    for digest in ["$argon2", "$2a$", "$2b$", "password", "hash"] {
        assert!(!outputs.contains(digest), "{digest}: {outputs}");
    }
    Ok(())
}
