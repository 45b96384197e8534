//! Requests that grant rights, with options that are misspelled, repeated or out of range.
use std::collections::BTreeSet;

use anyhow::{Context, Result};
use e2e::visitor::Visitor;
use e2e::{Backend, TestServer, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

use super::{Target, backend};

on_both_databases!(a_key_cannot_create_a_broader_key, forms_refuse_unknown_options);

/// Administrative operations that grant nothing. Each has recorded behaviour for unknown fields.
const GRANTS_NOTHING: [&str; 4] =
    ["/admin/preferences", "/admin/workspace-chats", "/admin/enable-multi-user", "/system/"];

/// Returns misspellings of a field that the operation does not know.
fn misspelled(field: &str, known: &[String]) -> BTreeSet<String> {
    let singular = field.strip_suffix('s').map(str::to_owned);
    let plural = format!("{field}s");
    let spellings = [plural, field.to_uppercase(), format!("{field}_"), field.replace('_', "-")];
    let plain = |name: &str| name.replace(['_', '-'], "").to_lowercase();
    let known: BTreeSet<_> = known.iter().map(String::as_str).collect();
    let is_new = |name: &String| !known.contains(name.as_str()) && !name.is_empty();
    // The native API accepts camelCase and snake_case.
    let is_alias = |name: &String| *name != name.to_uppercase() && plain(name) == plain(field);
    spellings
        .into_iter()
        .chain(singular)
        .filter(is_new)
        .filter(|name| name.ends_with('_') || name.contains('-') || !is_alias(name))
        .collect()
}

#[tokio::test]
async fn no_operation_that_grants_ignores_a_misspelled_option() -> Result<()> {
    let target = Target::new(backend()).await?;
    let admin = target.server.admin();
    let before = target.guarded().await?;
    let mut tried = 0;
    for operation in &target.operations {
        let path = &operation.path;
        let grants = path.contains("/v1/admin/") || path.contains("/v1/embed");
        let exempt = GRANTS_NOTHING.iter().any(|exempt| path.contains(exempt));
        if operation.method != Method::POST
            || !grants
            || exempt
            || !operation.takes("application/json")
        {
            continue;
        }
        for field in &operation.properties {
            for name in misspelled(field, &operation.properties) {
                let mut body = operation.body.as_object().cloned().unwrap_or_default();
                let value = body.remove(field).unwrap_or(Value::Null);
                body.insert(name.clone(), value);
                let answer = admin.post(&target.path(operation), Value::Object(body)).await?;
                let refused = answer.status == 400
                    || answer.body["success"] == json!(false)
                    || (answer.status == 500 && operation.is_compat());
                assert!(refused, "{path} {name}: {} {}", answer.status, answer.body);
                tried += 1;
            }
        }
    }
    assert!(tried > 80, "{tried}");
    let after = target.guarded().await?;
    assert_eq!((after.keys, after.admins), (before.keys, before.admins));
    Ok(())
}

#[tokio::test]
async fn options_of_other_products_create_no_broader_key() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    let listed =
        || server.carrel().run(&["api-key", "list"]).map(|list| list.stdout.lines().count());
    let before = listed()?;
    for mount in ["/v1", "/api/v1"] {
        for body in [
            json!({ "scope": "read" }),
            json!({ "scope": ["read"] }),
            json!({ "Scopes": ["read"] }),
            json!({ "permissions": ["read"] }),
            json!({ "workspaces": [1] }),
            json!({ "workspaceId": 1 }),
            json!({ "workspace_ids": [1] }),
            json!({ "expires": "2999-01-01" }),
            json!({ "expires_in": 60 }),
            json!({ "rate": 5 }),
            json!({ "rateLimit": 0 }),
            json!({ "rate_limit": -1 }),
            json!({ "rate_limit": 2_147_483_648u32 }),
            json!({ "scopes": ["read", "write"] }),
            json!({ "scopes": null }),
            json!({ "scopes": [""] }),
            json!({ "scopes": ["READ"] }),
            json!({ "expiresAt": "" }),
        ] {
            let answer = admin.post(&format!("{mount}/admin/api-keys"), body.clone()).await?;
            assert_eq!(answer.status, 400, "{mount} {body}: {}", answer.body);
        }
        let twice = admin.request(Method::POST, &format!("{mount}/admin/api-keys"));
        let twice = twice.header("content-type", "application/json");
        let twice = twice.body("{\"scopes\":[\"read\"],\"scopes\":[]}");
        assert_eq!(e2e::send(twice).await?.status, 400);
    }
    assert_eq!(listed()?, before);
    Ok(())
}

async fn a_key_cannot_create_a_broader_key(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    let limits = json!({ "scopes": ["admin"], "rate_limit": 100, "expires_at": "2999-01-01" });
    let made = admin.post("/v1/admin/api-keys", limits.clone()).await?.ok()?;
    let limited = admin.with_key(made["api_key"]["secret"].as_str().context("no secret")?);
    for mount in ["/v1", "/api/v1"] {
        let path = format!("{mount}/admin/api-keys");
        for (field, broader) in [
            ("rate_limit", json!(null)),
            ("rate_limit", json!(101)),
            ("expires_at", json!(null)),
            ("expires_at", json!("3000-01-01")),
        ] {
            let mut body = limits.clone();
            body[field] = broader.clone();
            let refused = limited.post(&path, body).await?;
            assert_eq!(refused.status, 400, "{field} {broader}: {}", refused.body);
        }
        limited.post(&path, limits.clone()).await?.ok()?;
    }
    Ok(())
}

async fn forms_refuse_unknown_options(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let mut ann = Visitor::new(admin)?;
    let sign_in = [("username", "main-admin"), ("password", "correct horse")];
    ann.post("/sign-in", &sign_in).await?;
    let before = server.carrel().run(&["api-key", "list"])?.stdout.lines().count();
    let users = admin.get("/v1/admin/users").await?.ok()?;
    for (path, fields) in [
        ("/admin/keys", &[("scope", "reed")][..]),
        ("/admin/keys", &[("scopes", "read")]),
        ("/admin/keys", &[("scope", "read"), ("scope", "")]),
        ("/admin/keys", &[("workspace", "alpha")]),
        ("/admin/keys", &[("workspace", "99")]),
        ("/admin/keys", &[("workspaces", "1")]),
        ("/admin/keys", &[("rate", "0")]),
        ("/admin/keys", &[("rate", ""), ("rate", "5")]),
        ("/admin/keys", &[("days", "0")]),
        ("/admin/keys", &[("days", "-1")]),
        ("/admin/keys", &[("days", "9999999")]),
        ("/admin/keys", &[("expires", "5")]),
        ("/admin/invites", &[("day", "5")]),
        ("/admin/invites", &[("days", "0")]),
        ("/admin/invites", &[("workspace", "x")]),
        ("/admin/users", &[("username", "eve"), ("password", "correct horse"), ("role", "reader")]),
        ("/admin/users", &[("username", "eve"), ("password", "correct horse"), ("limit", "5")]),
        ("/admin/users/1", &[("role", "admin"), ("limits", "5")]),
        ("/w/alpha/members", &[("user", "x")]),
        ("/w/alpha/members", &[("users", "1")]),
    ] {
        let page = ann.post(path, fields).await?;
        assert!((400..500).contains(&page.status), "{path} {fields:?}: {}", page.status);
    }
    assert_eq!(server.carrel().run(&["api-key", "list"])?.stdout.lines().count(), before);
    assert_eq!(admin.get("/v1/admin/users").await?.ok()?, users);
    assert_eq!(admin.get("/v1/admin/invites").await?.ok()?, json!({ "invites": [] }));
    let fine = [("name", "robot"), ("days", "30"), ("rate", "5"), ("scope", "read")];
    assert_eq!(ann.post("/admin/keys", &fine).await?.status, 200);
    Ok(())
}
