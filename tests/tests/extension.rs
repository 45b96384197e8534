//! AnythingLLM's browser extension: its keys and its requests.
use anyhow::Result;
use e2e::visitor::PASSWORD;
use e2e::{Backend, Client, TestServer, on_both_databases};
use serde_json::{Value, json};

on_both_databases!(an_extension_adds_pages_to_workspaces_of_its_user);

const CHECK: &str = "/api/browser-extension/check";
const EMBED: &str = "/api/browser-extension/embed-content";
const UPLOAD: &str = "/api/browser-extension/upload-content";

fn page(workspace: &Value) -> Value {
    json!({
        "workspaceId": workspace,
        "textContent": "The lighthouse blinks twice.",
        "metadata": { "title": "Lighthouse", "url": "https://example.org/light", "docAuthor": "Berta" },
    })
}

/// Creates a key of a user, or of the owner.
async fn key(admin: &Client, user: Option<&Value>) -> Result<(Client, Value)> {
    let body = user.map_or(json!({}), |user| json!({ "userId": user }));
    let made = admin.post("/v1/admin/browser-extension-keys", body).await?.ok()?;
    let secret = made["secret"].as_str().unwrap_or_default().to_owned();
    assert!(secret.starts_with("brx-"), "{made}");
    Ok((admin.with_key(&secret), made["browser_extension_key"]["id"].clone()))
}

async fn an_extension_adds_pages_to_workspaces_of_its_user(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    for name in ["Alpha", "Beta"] {
        admin.post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    let (extension, _) = key(admin, None).await?;
    let check = extension.get(CHECK).await?.ok()?;
    assert_eq!(check["connected"], true);
    assert_eq!(check["workspaces"].as_array().map(Vec::len), Some(2), "{check}");

    // The page is found in its workspace.
    extension.post(EMBED, page(&check["workspaces"][0]["id"])).await?.ok()?;
    let query = json!({ "query": "lighthouse", "topN": 1 });
    let found = admin.post("/v1/workspace/alpha/vector-search", query).await?.ok()?;
    assert_eq!(found["results"][0]["metadata"]["title"], "Lighthouse", "{found}");
    extension.post(UPLOAD, page(&Value::Null)).await?.ok()?;

    for (path, body, status) in [
        (EMBED, page(&json!(999)), 404),
        (EMBED, page(&Value::Null), 404),
        (EMBED, json!({ "workspaceId": "1", "textContent": " " }), 400),
        (UPLOAD, json!({ "textContent": 5 }), 400),
        (UPLOAD, json!({}), 400),
    ] {
        let refused = extension.post(path, body.clone()).await?;
        assert_eq!(refused.status, status, "{path} {body}: {}", refused.body);
        assert_eq!(refused.body["success"], false, "{path}: {}", refused.body);
    }
    // The key gives access to nothing else, and no other key to this.
    assert_eq!(extension.get("/v1/auth").await?.status, 403);
    assert_eq!(extension.get("/api/v1/auth").await?.status, 403);
    assert_eq!(admin.get(CHECK).await?.status, 403);
    assert_eq!(admin.anonymous().get(CHECK).await?.status, 403);
    assert_eq!(admin.with_key("brx-nothing").get(CHECK).await?.status, 403);

    in_a_team(&server, &extension).await
}

async fn in_a_team(server: &TestServer, owners: &Client) -> Result<()> {
    let admin = server.admin();
    let refused = admin.post("/v1/admin/browser-extension-keys", json!({ "userId": 1 })).await?;
    assert_eq!(refused.status, 400, "{}", refused.body);
    let first = json!({ "username": "ada", "password": PASSWORD });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    // The owner's keys now belong to the first admin.
    owners.get(CHECK).await?.ok()?;
    let listed = admin.get("/v1/admin/browser-extension-keys").await?.ok()?;
    assert_eq!(listed["browser_extension_keys"][0]["user_id"], 1, "{listed}");
    for body in [json!({}), json!({ "userId": 99 }), json!({ "userId": 1, "x": 1 })] {
        let refused = admin.post("/v1/admin/browser-extension-keys", body.clone()).await?;
        assert!([400, 404].contains(&refused.status), "{body}: {}", refused.body);
    }
    let sam = json!({ "username": "sam", "password": PASSWORD, "role": "default" });
    let sam = admin.post("/v1/admin/users/new", sam).await?.ok()?["user"]["id"].clone();
    admin.post("/v1/admin/workspaces/2/update-users", json!({ "userIds": [sam] })).await?.ok()?;
    let (of_sam, id) = key(admin, Some(&sam)).await?;
    let entered = of_sam.get("/api/browser-extension/workspaces").await?.ok()?;
    assert_eq!(entered["workspaces"].as_array().map(Vec::len), Some(1), "{entered}");
    assert_eq!(entered["workspaces"][0]["name"], "Beta");
    assert_eq!(of_sam.post(EMBED, page(&json!(1))).await?.status, 404);
    assert_eq!(of_sam.post(EMBED, page(&json!(2))).await?.status, 403);

    let path = format!("/v1/admin/users/{sam}");
    admin.post(&path, json!({ "role": "manager" })).await?.ok()?;
    of_sam.post(EMBED, page(&json!(1))).await?.ok()?;
    admin.post(&path, json!({ "suspended": 1 })).await?.ok()?;
    assert_eq!(of_sam.get(CHECK).await?.status, 403);
    admin.post(&path, json!({ "suspended": 0 })).await?.ok()?;
    of_sam.get(CHECK).await?.ok()?;
    admin.delete(&format!("/v1/admin/browser-extension-keys/{id}"), json!({})).await?.ok()?;
    assert_eq!(of_sam.get(CHECK).await?.status, 403);
    assert_eq!(admin.delete("/v1/admin/browser-extension-keys/99", json!({})).await?.status, 404);

    // The extension can delete its own key.
    owners.delete("/api/browser-extension/disconnect", json!({})).await?.ok()?;
    assert_eq!(owners.get(CHECK).await?.status, 403);
    Ok(())
}
