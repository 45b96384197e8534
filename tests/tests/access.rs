//! Who is let in.
use anyhow::Result;
use e2e::{Backend, KEY, TestServer, on_both_databases, send};
use reqwest::Method;
use serde_json::{Value, json};

on_both_databases!(every_operation_refuses_strangers, keys_end_when_they_are_revoked);

/// What needs no key: it tells nothing, or the path holds a secret.
const OPEN: [&str; 2] = ["/v1/system/env-dump", "/v1/invite/{code}"];

/// Operations of the document that need a key, as method and path with a value in place of each parameter.
async fn operations(server: &TestServer) -> Result<Vec<(Method, String)>> {
    let document = server.admin().anonymous().get("/v1/openapi.json").await?.ok()?;
    let paths = document["paths"].as_object().cloned().unwrap_or_default();
    let mut operations = Vec::new();
    for (path, item) in
        paths.into_iter().filter(|(path, _)| !OPEN.contains(&path.trim_start_matches("/api")))
    {
        for method in item.as_object().into_iter().flat_map(|item| item.keys()) {
            let path = path.replace("{slug}", "alpha").replace(['{', '}'], "");
            operations.push((Method::from_bytes(method.to_uppercase().as_bytes())?, path));
        }
    }
    assert!(operations.len() >= 24);
    Ok(operations)
}

async fn every_operation_refuses_strangers(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let stranger = server.admin().anonymous();
    let cut = &KEY[..KEY.len() - 1];
    let longer = format!("{KEY}x");
    let flipped = KEY.to_uppercase();
    for (method, path) in operations(&server).await? {
        let expected = match path.starts_with("/api/") {
            true => json!({ "error": "No valid api key found." }),
            false => json!({ "error": "Invalid API key" }),
        };
        let mut tries = vec![stranger.request(method.clone(), &path)];
        for key in ["", "null", "undefined", "' OR 1=1 --", cut, &longer, &flipped] {
            let header = format!("Bearer {key}");
            tries.push(stranger.request(method.clone(), &path).header("authorization", header));
        }
        tries.push(stranger.request(method.clone(), &path).header("authorization", KEY));
        tries.push(stranger.request(method.clone(), &format!("{path}?key={KEY}&api_key={KEY}")));
        tries.push(stranger.request(method.clone(), &path).header("cookie", format!("key={KEY}")));
        for request in tries {
            let answer = send(request).await?;
            assert_eq!((answer.status, &answer.body), (403, &expected), "{method} {path}");
        }
    }
    let left = server.admin().get("/v1/workspaces").await?.ok()?;
    assert_eq!(left, json!({ "workspaces": [] }));
    Ok(())
}

async fn keys_end_when_they_are_revoked(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let created = server.carrel().run(&["api-key", "create", "--name", "robot"])?;
    let key = created.stdout.trim();
    assert!(key.starts_with("crl_") && key.lines().count() == 1, "{created:?}");
    let robot = server.admin().with_key(key);
    assert_eq!(robot.get("/v1/auth").await?.ok()?, json!({ "authenticated": true }));
    assert!(!server.carrel().run(&["api-key", "list"])?.stdout.contains(key));
    let listed = server.carrel().run(&["api-key", "list"])?.stdout;
    let line = listed.lines().find(|line| line.contains("robot")).unwrap_or_default();
    let id = line.split_whitespace().next().unwrap_or_default();
    assert_eq!(server.carrel().run(&["api-key", "revoke", id])?.code, Some(0));
    // Another process revoked it, so the server may trust it for one more second.
    tokio::time::sleep(std::time::Duration::from_millis(1100)).await;
    assert_eq!(robot.get("/v1/auth").await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn a_scoped_key_may_what_it_names() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let created = server.carrel().run(&["api-key", "create", "--scope", "read"])?;
    let reader = server.admin().with_key(created.stdout.trim());
    assert_eq!(reader.get("/v1/workspaces").await?.status, 200);
    let refused = reader.post("/v1/workspace/new", json!({ "name": "Beta" })).await?;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.body, json!({ "error": "This API key lacks the scope `admin`." }));
    assert_eq!(
        reader.post("/v1/workspace/alpha/chat", json!({ "message": "Hi" })).await?.status,
        403
    );
    Ok(())
}

#[tokio::test]
async fn a_stranger_is_refused_before_the_body_is_read() -> Result<()> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let server = TestServer::start(Backend::Sqlite).await?;
    let address = server.admin().address();
    let mut socket = tokio::net::TcpStream::connect(address).await?;
    // The announced body never comes, so only a server that does not wait for it can answer.
    let request = "POST /v1/document/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\
        Content-Type: multipart/form-data; boundary=x\r\nAuthorization: Bearer wrong\r\n\r\n";
    socket.write_all(request.as_bytes()).await?;
    let mut answer = [0; 12];
    socket.read_exact(&mut answer).await?;
    assert_eq!(&answer, b"HTTP/1.1 403");
    Ok(())
}

#[tokio::test]
async fn no_answer_or_log_shows_a_key() -> Result<()> {
    let mut server = TestServer::start(Backend::Sqlite).await?;
    let created = server.carrel().run(&["api-key", "create"])?;
    let key = created.stdout.trim().to_owned();
    let admin = server.admin().with_key(&key);
    let mut seen = String::new();
    for (method, path) in operations(&server).await? {
        let answer = send(admin.request(method, &path).json(&Value::Null)).await?;
        seen.push_str(&answer.body.to_string());
    }
    server.stop().await?;
    seen.push_str(&server.log()?);
    assert!(!seen.contains(&key) && !seen.contains(KEY));
    let database = std::fs::read(server.storage().join("carrel.db"))?;
    assert!(!database.windows(key.len()).any(|window| window == key.as_bytes()));
    Ok(())
}
