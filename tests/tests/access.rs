//! Authorization: keys, scopes and strangers, on every operation.
use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use e2e::{Backend, Client, KEY, TestServer, on_both_databases, send};
use reqwest::Method;
use serde_json::{Value, json};

on_both_databases!(
    every_operation_refuses_strangers,
    every_operation_has_its_scope,
    revoked_keys_stop_working,
);

/// Method, path and scope of every operation. `open` needs no key: the operation reveals nothing,
/// its path contains a secret, or it signs users in.
const SCOPES: &str = include_str!("../access.tsv");

/// An operation of the OpenAPI document, for requests with a key.
struct Operation {
    method: Method,
    /// The path with a value in place of each parameter.
    path: String,
    scope: &'static str,
}

impl Operation {
    /// The response to a caller without a valid key.
    fn not_admitted(&self) -> Value {
        match self.path.starts_with("/api/") {
            true => json!({ "error": "No valid api key found." }),
            false => self.refusal("Invalid API key".to_owned(), "invalid_api_key"),
        }
    }

    fn lacks_scope(&self) -> Value {
        let message = format!("This API key lacks the scope `{}`.", self.scope);
        self.refusal(message, "missing_scope")
    }

    /// The error in the format of the operation's protocol.
    fn refusal(&self, message: String, code: &str) -> Value {
        if !self.path.starts_with("/v1/openai/") {
            return json!({ "error": message });
        }
        let kind = "invalid_request_error";
        json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
    }
}

/// Returns the operations of the document that need a key. Each one has a row in [`SCOPES`].
async fn operations(server: &TestServer) -> Result<Vec<Operation>> {
    let document = server.admin().anonymous().get("/v1/openapi.json").await?.ok()?;
    let mut rows = BTreeMap::new();
    for line in SCOPES.lines() {
        let [method, path, scope] = line.split('\t').collect::<Vec<_>>()[..] else {
            bail!("not a row: {line}");
        };
        rows.insert(format!("{method} {path}"), scope);
    }
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for method in item.as_object().into_iter().flat_map(|item| item.keys()) {
            let method = method.to_uppercase();
            let name = format!("{method} {path}");
            let scope = rows.remove(&name).with_context(|| format!("no row for {name}"))?;
            let method = Method::from_bytes(method.as_bytes())?;
            let path = path.replace("{slug}", "alpha").replace(['{', '}'], "");
            operations.push(Operation { method, path, scope });
        }
    }
    assert!(rows.is_empty(), "rows without an operation: {rows:?}");
    operations.retain(|operation| operation.scope != "open");
    assert!(operations.len() >= 60);
    Ok(operations)
}

/// Creates a key over HTTP. Returns its id and the key.
async fn new_key(admin: &Client, options: Value) -> Result<(Value, String)> {
    let made = admin.post("/v1/admin/api-keys", options).await?.ok()?["api_key"].take();
    Ok((made["id"].clone(), made["secret"].as_str().unwrap_or_default().to_owned()))
}

/// Returns keys that no longer work: revoked, expired, and of a suspended user.
async fn former_keys(server: &TestServer) -> Result<[String; 3]> {
    let admin = server.admin();
    let (id, revoked) = new_key(admin, json!({})).await?;
    let soon = server.carrel().run(&["api-key", "create", "--expires-in", "2s"])?;
    let expired = soon.stdout.trim().to_owned();
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let ann = json!({ "username": "ann", "password": "correct horse", "role": "admin" });
    let ann = admin.post("/v1/admin/users/new", ann).await?.ok()?["user"]["id"].clone();
    let key_of_ann = server.carrel().run(&["api-key", "create", "--owner", "ann"])?;
    let hers = key_of_ann.stdout.trim().to_owned();
    for key in [&revoked, &hers] {
        assert_eq!(admin.with_key(key).get("/v1/auth").await?.status, 200);
    }
    admin.delete(&format!("/v1/admin/api-keys/{id}"), json!(null)).await?.ok()?;
    admin.post(&format!("/v1/admin/users/{ann}"), json!({ "suspended": 1 })).await?.ok()?;
    while admin.with_key(&expired).get("/v1/auth").await?.status == 200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok([revoked, expired, hers])
}

async fn every_operation_refuses_strangers(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let former = former_keys(&server).await?;
    let session = json!({ "username": "main-admin", "password": "correct horse" });
    let session = server.admin().anonymous().post("/v1/session", session).await?;
    let session = session.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
    assert!(session.len() > 40, "{session}");
    let stranger = server.admin().anonymous();
    let (cut, longer, flipped) = (&KEY[..KEY.len() - 1], format!("{KEY}x"), KEY.to_uppercase());
    let bad = ["", "null", "undefined", "' OR 1=1 --", cut, &longer, &flipped];
    let bad: Vec<_> = bad.into_iter().chain(former.iter().map(String::as_str)).collect();
    for operation in operations(&server).await? {
        let Operation { method, path, .. } = &operation;
        let plain = || stranger.request(method.clone(), path);
        let mut tries = vec![
            plain(),
            plain().header("authorization", KEY),
            plain().header("authorization", "Bearer wrong").bearer_auth(KEY),
            stranger
                .request(method.clone(), &format!("{path}?key={KEY}&api_key={KEY}&token={KEY}")),
            plain().header("cookie", format!("key={KEY}; carrel_session={KEY}")),
            plain().header("cookie", &session),
            plain().bearer_auth(session.trim_start_matches("carrel_session=")),
            plain().header("x-api-key", KEY),
            plain().basic_auth("admin", Some(KEY)),
        ];
        tries.extend(bad.iter().map(|key| plain().bearer_auth(key)));
        if !path.starts_with("/api/") {
            tries.push(plain().bearer_auth(KEY).header("authorization", "Bearer wrong"));
            tries.push(plain().bearer_auth(KEY).bearer_auth(KEY));
            tries.push(plain().header("authorization", format!("Bearer {KEY} {KEY}")));
        }
        for (number, request) in tries.into_iter().enumerate() {
            let answer = send(request).await?;
            let refused = (403, operation.not_admitted());
            assert_eq!((answer.status, answer.body), refused, "{method} {path}, try {number}");
        }
    }
    let left = server.admin().get("/v1/workspaces").await?.ok()?;
    assert_eq!(left, json!({ "workspaces": [] }));
    Ok(())
}

async fn every_operation_has_its_scope(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let mut keys = BTreeMap::new();
    for scope in ["read", "chat", "documents", "admin"] {
        let (_, key) = new_key(server.admin(), json!({ "scopes": [scope] })).await?;
        keys.insert(scope, server.admin().with_key(&key));
    }
    for operation in operations(&server).await? {
        let Operation { method, path, scope } = &operation;
        assert!(keys.contains_key(scope), "{method} {path}: {scope}");
        for (key_scope, client) in &keys {
            let answer = send(client.request(method.clone(), path)).await?;
            let covers = [*key_scope, "read"].contains(scope) || *key_scope == "admin";
            let is_refused = (answer.status, &answer.body) == (403, &operation.lacks_scope());
            let why =
                format!("{method} {path} with `{key_scope}`: {} {}", answer.status, answer.body);
            assert_eq!(is_refused, !covers, "{why}");
            assert!(!answer.body.to_string().contains("lacks the scope") || !covers, "{why}");
        }
    }
    Ok(())
}

async fn revoked_keys_stop_working(backend: Backend) -> Result<()> {
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
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(robot.get("/v1/auth").await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn a_scoped_key_is_limited_to_its_scopes() -> Result<()> {
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
async fn no_response_or_log_contains_a_key() -> Result<()> {
    let mut server = TestServer::start(Backend::Sqlite).await?;
    let created = server.carrel().run(&["api-key", "create"])?;
    let key = created.stdout.trim().to_owned();
    let admin = server.admin().with_key(&key);
    let mut outputs = String::new();
    for Operation { method, path, .. } in operations(&server).await? {
        let answer = send(admin.request(method, &path).json(&Value::Null)).await?;
        outputs.push_str(&answer.body.to_string());
    }
    server.stop().await?;
    outputs.push_str(&server.log()?);
    assert!(!outputs.contains(&key) && !outputs.contains(KEY));
    let database = std::fs::read(server.storage().join("carrel.db"))?;
    assert!(!database.windows(key.len()).any(|window| window == key.as_bytes()));
    Ok(())
}
