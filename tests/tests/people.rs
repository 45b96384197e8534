//! Users, invites and memberships: a server for a team.
use anyhow::Result;
use e2e::{Backend, Client, Options, TestServer, on_both_databases};
use serde_json::{Value, json};

on_both_databases!(
    multi_user_mode_is_enabled_once,
    the_last_admin_cannot_be_removed,
    an_invite_admits_exactly_one_person,
    members_are_replaced_completely_or_not_at_all,
    keys_of_a_suspended_user_do_not_work,
);

/// Starts a server in multi-user mode, whose first admin has id 1.
async fn multi_user(backend: Backend) -> Result<TestServer> {
    let server = TestServer::start(backend).await?;
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    server.admin().post("/v1/admin/enable-multi-user", first).await?.ok()?;
    Ok(server)
}

async fn new_user(admin: &Client, name: &str, role: &str) -> Result<Value> {
    let body = json!({ "username": name, "password": "correct horse", "role": role });
    Ok(admin.post("/v1/admin/users/new", body).await?.ok()?["user"]["id"].clone())
}

async fn multi_user_mode_is_enabled_once(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    let refused = admin.get("/v1/admin/users").await?;
    let denied = json!({ "error": "Instance is not in Multi-User mode. Method denied" });
    assert_eq!((refused.status, refused.body), (401, denied));
    let refused = admin.get("/api/v1/admin/users").await?;
    assert_eq!((refused.status, refused.body), (401, json!("Unauthorized")));
    assert_eq!(
        admin.get("/v1/admin/is-multi-user-mode").await?.ok()?,
        json!({ "isMultiUser": false })
    );
    let tries: Vec<_> = (0..20)
        .map(|number| {
            let admin = admin.clone();
            let first =
                json!({ "username": format!("admin-{number}"), "password": "correct horse" });
            tokio::spawn(async move { admin.post("/v1/admin/enable-multi-user", first).await })
        })
        .collect();
    let mut succeeded = 0;
    for attempt in tries {
        succeeded += usize::from(attempt.await??.status == 200);
    }
    assert_eq!(succeeded, 1);
    let users = admin.get("/v1/admin/users").await?.ok()?;
    assert_eq!(
        (users["users"].as_array().map(Vec::len), &users["users"][0]["role"]),
        (Some(1), &json!("admin"))
    );
    Ok(())
}

async fn the_last_admin_cannot_be_removed(backend: Backend) -> Result<()> {
    let server = multi_user(backend).await?;
    let admin = server.admin();
    for change in
        [json!({ "role": "default" }), json!({ "suspended": 1 }), json!({ "suspended": true })]
    {
        let refused = admin.post("/v1/admin/users/1", change).await?;
        assert_eq!((refused.status, &refused.body["success"]), (400, &json!(false)));
    }
    assert_eq!(admin.delete("/v1/admin/users/1", json!(null)).await?.status, 400);
    let second = new_user(admin, "second", "admin").await?;
    // Two concurrent demotions leave one admin.
    let both = [json!(1), second].map(|id| {
        let admin = admin.clone();
        tokio::spawn(async move {
            admin.post(&format!("/v1/admin/users/{id}"), json!({ "role": "default" })).await
        })
    });
    let mut succeeded = 0;
    for demotion in both {
        succeeded += usize::from(demotion.await??.status == 200);
    }
    assert_eq!(succeeded, 1);
    Ok(())
}

#[tokio::test]
async fn fields_of_a_user_are_validated() -> Result<()> {
    let server = multi_user(Backend::Sqlite).await?;
    let admin = server.admin();
    for (body, field) in [
        (json!({ "username": "A", "password": "correct horse" }), "username"),
        (json!({ "username": "main-admin", "password": "correct horse" }), "username"),
        (json!({ "username": "sam", "password": "short" }), "password"),
        (json!({ "username": "sam", "password": "correct horse", "role": "root" }), "role"),
        (
            json!({ "username": "sam", "password": "correct horse", "daily_message_limit": 0 }),
            "daily_message_limit",
        ),
        (json!({ "username": "sam", "password": "correct horse", "bio": "x".repeat(1001) }), "bio"),
        (json!({ "username": { "not": "" }, "password": "correct horse" }), "username"),
        (json!({ "username": "sam", "password": ["correct horse"] }), "password"),
    ] {
        let refused = admin.post("/v1/admin/users/new", body).await?;
        assert_eq!((refused.status, &refused.body["user"]), (400, &json!(null)));
        let error = refused.body["error"].as_str().unwrap_or_default();
        assert!(error.starts_with(field), "{error}");
    }
    let sam = new_user(admin, "sam", "default").await?;
    let path = format!("/v1/admin/users/{sam}");
    for body in [
        json!({}),
        json!({ "username": "sam" }),
        json!({ "id": 7 }),
        json!({ "role": { "set": "admin" } }),
    ] {
        assert_eq!(admin.post(&path, body).await?.status, 400);
    }
    let mass =
        json!({ "bio": "Hi", "id": 1, "created_at": "2020-01-01T00:00:00Z", "password_hash": "x" });
    // An unknown field may have been meant to restrict something.
    assert_eq!(admin.post(&path, mass).await?.status, 400);
    admin.post(&path, json!({ "bio": "Hi" })).await?.ok()?;
    for path in ["/v1/admin/users/99", "/v1/admin/users/x", "/v1/admin/users/99999999999"] {
        assert_eq!(admin.post(path, json!({ "role": "default" })).await?.status, 404, "{path}");
        assert_eq!(admin.delete(path, json!(null)).await?.status, 404, "{path}");
    }
    let users = admin.get("/v1/admin/users").await?.ok()?;
    let keys: Vec<_> = users["users"][1]
        .as_object()
        .map(|user| user.keys().cloned().collect())
        .unwrap_or_default();
    assert_eq!(keys, ["id", "username", "role", "suspended", "created_at", "last_updated_at"]);
    Ok(())
}

async fn an_invite_admits_exactly_one_person(backend: Backend) -> Result<()> {
    let server = multi_user(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let unknown = admin.post("/v1/admin/invite/new", json!({ "workspace_ids": [1, 99] })).await?;
    assert_eq!((unknown.status, &unknown.body["invite"]), (400, &json!(null)));
    let made = admin.post("/v1/admin/invite/new", json!({ "workspace_ids": [1] })).await?.ok()?;
    let code = made["invite"]["code"].as_str().unwrap_or_default().to_owned();
    assert_eq!((made["invite"]["status"].as_str(), code.len()), (Some("pending"), 32));
    let tries: Vec<_> = (0..50)
        .map(|number| {
            let (stranger, code) = (admin.anonymous(), code.clone());
            let body = json!({ "username": format!("guest-{number}"), "password": "correct horse", "role": "admin", "id": 1, "suspended": 1 });
            tokio::spawn(async move { stranger.post(&format!("/v1/invite/{code}"), body).await })
        })
        .collect();
    let mut let_in = Vec::new();
    for attempt in tries {
        let answer = attempt.await??;
        match answer.status {
            200 => let_in.push(answer.body["user"].clone()),
            status => assert_eq!(status, 404, "{}", answer.body),
        }
    }
    assert_eq!(let_in.len(), 1);
    assert_eq!(let_in[0]["role"], "default");
    let users = admin.get("/v1/admin/users").await?.ok()?;
    assert_eq!(users["users"].as_array().map(Vec::len), Some(2));
    let members = admin.get("/v1/admin/workspaces/1/users").await?.ok()?;
    assert!(
        members["users"]
            .as_array()
            .is_some_and(|users| users.iter().any(|user| user["userId"] == let_in[0]["id"]))
    );
    let invites = admin.get("/v1/admin/invites").await?.ok()?;
    let invite = &invites["invites"][0];
    assert_eq!((&invite["status"], &invite["claimed_by"]), (&json!("claimed"), &let_in[0]["id"]));
    assert_eq!(invite["workspace_ids"], "1");
    let fields: Vec<_> = invite.as_object().into_iter().flatten().map(|(name, _)| name).collect();
    let printed =
        ["id", "code", "status", "claimed_by", "workspace_ids", "created_at", "created_by"];
    assert_eq!(fields, printed);
    let limited = json!({ "expires_at": "2099-01-01" });
    let limited = admin.post("/v1/admin/invite/new", limited).await?.ok()?["invite"]["id"].take();
    for mount in ["/v1", "/api/v1"] {
        let found = admin.get(&format!("{mount}/admin/invite/{limited}")).await?.ok()?;
        assert!(found["invite"]["expires_at"].to_string().contains("2099-01-01"), "{found}");
        assert_eq!(admin.get(&format!("{mount}/admin/invite/99")).await?.status, 404);
    }
    let id = &invite["id"];
    assert_eq!(admin.delete(&format!("/v1/admin/invite/{id}"), json!(null)).await?.status, 400);
    let disabled = admin.post("/v1/admin/invite/new", json!({})).await?.ok()?["invite"].clone();
    admin.delete(&format!("/v1/admin/invite/{}", disabled["id"]), json!(null)).await?.ok()?;
    let expired = json!({ "expires_at": "2020-01-01" });
    assert_eq!(admin.post("/v1/admin/invite/new", expired).await?.status, 400);
    for code in [
        disabled["code"].as_str().unwrap_or_default(),
        "nope",
        "%00",
        &code.to_uppercase(),
        &format!(" {code}"),
    ] {
        let body = json!({ "username": "late", "password": "correct horse" });
        let refused = admin.anonymous().post(&format!("/v1/invite/{code}"), body).await?;
        assert_eq!(refused.status, 404, "{code}");
    }
    Ok(())
}

async fn members_are_replaced_completely_or_not_at_all(backend: Backend) -> Result<()> {
    let server = multi_user(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let (ann, bob) =
        (new_user(admin, "ann", "default").await?, new_user(admin, "bob", "manager").await?);
    let ids = |users: &Value| -> Vec<Value> {
        users["users"].as_array().into_iter().flatten().map(|user| user["userId"].clone()).collect()
    };
    let replace = json!({ "user_ids": [ann] });
    let done = admin.post("/v1/admin/workspaces/1/update-users", replace).await?.ok()?;
    assert_eq!(done, json!({ "success": true, "error": null }));
    let half =
        admin.post("/v1/admin/workspaces/1/update-users", json!({ "user_ids": [bob, 99] })).await?;
    assert_eq!(half.status, 400);
    assert_eq!(
        ids(&admin.get("/v1/admin/workspaces/1/users").await?.ok()?),
        [json!(1), ann.clone()]
    );
    let added = json!({ "userIds": [bob], "reset": false });
    let added = admin.post("/v1/admin/workspaces/alpha/manage-users", added).await?.ok()?;
    assert_eq!(ids(&added), [json!(1), ann, bob.clone()]);
    let reset = json!({ "user_ids": [bob], "reset": true });
    let reset = admin.post("/v1/admin/workspaces/alpha/manage-users", reset).await?.ok()?;
    assert_eq!(ids(&reset), [json!(1), bob]);
    assert_eq!(
        admin.post("/v1/admin/workspaces/9/update-users", json!({ "user_ids": [1] })).await?.status,
        404
    );
    assert_eq!(
        admin
            .post("/v1/admin/workspaces/nope/manage-users", json!({ "user_ids": [1] }))
            .await?
            .status,
        404
    );
    assert_eq!(admin.get("/v1/admin/workspaces/9/users").await?.status, 404);
    for wrong in [json!({}), json!({ "user_ids": "1" }), json!({ "user_ids": [{ "not": 1 }] })] {
        assert_eq!(admin.post("/v1/admin/workspaces/1/update-users", wrong).await?.status, 400);
    }
    Ok(())
}

/// A user's key does not work while the user is suspended, and is deleted with the user.
async fn keys_of_a_suspended_user_do_not_work(backend: Backend) -> Result<()> {
    let server = multi_user(backend).await?;
    let admin = server.admin();
    let ann = new_user(admin, "ann", "admin").await?;
    let made = server.carrel().run(&["api-key", "create", "--owner", "ann"])?;
    let hers = admin.with_key(made.stdout.trim());
    assert_eq!(hers.get("/v1/auth").await?.status, 200);
    let path = format!("/v1/admin/users/{ann}");
    admin.post(&path, json!({ "suspended": 1 })).await?.ok()?;
    assert_eq!(hers.get("/v1/auth").await?.status, 403);
    admin.post(&path, json!({ "suspended": 0 })).await?.ok()?;
    assert_eq!(hers.get("/v1/auth").await?.status, 200);
    admin.delete(&path, json!(null)).await?.ok()?;
    assert_eq!(hers.get("/v1/auth").await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn the_operator_sets_the_password_rules() -> Result<()> {
    let options =
        Options::from(Backend::Sqlite).with("PASSWORDMINCHAR", "12").with("PASSWORDNUMERIC", "1");
    let server = TestServer::start(options).await?;
    for (password, status) in [("correct horse", 400), ("short-1", 400), ("correct horse 1", 200)] {
        let first = json!({ "username": "main-admin", "password": password });
        let answer = server.admin().post("/v1/admin/enable-multi-user", first).await?;
        assert_eq!(answer.status, status, "{}", answer.body);
    }
    Ok(())
}
