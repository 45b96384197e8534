//! API keys over HTTP: creating, binding, limiting and revoking them.
use anyhow::Result;
use e2e::{Backend, TestServer, on_both_databases};
use serde_json::json;

on_both_databases!(keys_are_created_listed_and_revoked, a_key_bound_to_a_workspace_sees_no_other);

async fn keys_are_created_listed_and_revoked(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    let made = admin
        .post("/v1/admin/api-keys", json!({ "name": "robot", "scopes": ["read"] }))
        .await?
        .ok()?;
    let key = &made["api_key"];
    let secret = key["secret"].as_str().unwrap_or_default();
    assert!(secret.starts_with(key["prefix"].as_str().unwrap_or("-")));
    let robot = admin.with_key(secret);
    assert_eq!(robot.get("/v1/workspaces").await?.status, 200);
    assert_eq!(robot.get("/v1/admin/api-keys").await?.status, 403);
    let listed = admin.get("/v1/admin/api-keys").await?.ok()?;
    assert!(!listed.to_string().contains(secret));
    assert_eq!(listed["api_keys"].as_array().map(Vec::len), Some(2));
    let path = format!("/v1/admin/api-keys/{}", key["id"]);
    admin.delete(&path, json!(null)).await?.ok()?;
    assert_eq!(robot.get("/v1/workspaces").await?.status, 403);
    assert_eq!(admin.delete(&path, json!(null)).await?.status, 404);
    for wrong in [
        json!({ "scopes": ["everything"] }),
        json!({ "scopes": "read" }),
        json!({ "rate_limit": 0 }),
        json!({ "expires_at": "tomorrow" }),
        json!({ "expires_at": "2020-01-01" }),
        json!({ "workspace_ids": ["a"] }),
    ] {
        assert_eq!(admin.post("/v1/admin/api-keys", wrong).await?.status, 400);
    }
    Ok(())
}

async fn a_key_bound_to_a_workspace_sees_no_other(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    for name in ["Alpha", "Beta"] {
        admin.post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
        let into = [("addToWorkspaces", name)];
        admin.upload("a.txt", format!("The secret of {name}.").as_bytes(), &into).await?.ok()?;
    }
    let made = json!({ "workspace_ids": [1] });
    let made = admin.post("/v1/admin/api-keys", made).await?.ok()?;
    let bound = admin.with_key(made["api_key"]["secret"].as_str().unwrap_or_default());
    let listed = bound.get("/v1/workspaces").await?.ok()?;
    assert_eq!(listed["workspaces"].as_array().map(Vec::len), Some(1));
    for (path, body) in [
        ("chat", json!({ "message": "secret" })),
        ("vector-search", json!({ "query": "secret" })),
        ("update-embeddings", json!({})),
    ] {
        assert_eq!(
            bound.post(&format!("/v1/workspace/alpha/{path}"), body.clone()).await?.status,
            200,
            "{path}"
        );
        // The workspace does not exist for this key.
        let hidden = bound.post(&format!("/v1/workspace/beta/{path}"), body.clone()).await?;
        let missing = bound.post(&format!("/v1/workspace/gone/{path}"), body).await?;
        assert_eq!((hidden.status, missing.status), (404, 404), "{path}");
        let (hidden, missing) = (hidden.body.to_string(), missing.body.to_string());
        let without_id = |text: &str| text.split("\"type\"").last().map(str::to_owned);
        assert_eq!(without_id(&hidden.replace("beta", "gone")), without_id(&missing));
    }
    for (method, path) in [
        ("GET", "/v1/admin/users"),
        ("DELETE", "/v1/system/remove-documents"),
        ("GET", "/v1/system/export-chats"),
    ] {
        let answer = e2e::send(bound.request(method.parse()?, path)).await?;
        assert_eq!(
            (answer.status, &answer.body["error"]),
            (403, &json!("This API key is bound to workspaces."))
        );
    }
    Ok(())
}

#[tokio::test]
async fn a_rate_limited_key_gets_a_retry_time() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let made = server.admin().post("/v1/admin/api-keys", json!({ "rate_limit": 3 })).await?.ok()?;
    let limited = server.admin().with_key(made["api_key"]["secret"].as_str().unwrap_or_default());
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(limited.get("/v1/auth").await?);
    }
    let last = statuses.pop().unwrap();
    assert!(statuses.iter().all(|answer| answer.status == 200));
    assert_eq!(last.status, 429);
    assert!(last.header("retry-after").parse::<u32>()? >= 1);
    assert_eq!(server.admin().get("/v1/auth").await?.status, 200);
    Ok(())
}
