//! Differences of `/api/v1` that existing clients rely on.
use anyhow::Result;
use e2e::{Backend, Options, TestServer, on_both_databases, send};
use reqwest::Method;
use serde_json::{Value, json};

on_both_databases!(
    users_are_parsed_loosely_and_refused_with_200,
    invites_keep_unknown_workspace_ids,
    members_who_do_not_exist_are_skipped,
    page_offsets_are_parsed_loosely,
    settings_are_refused_with_200_and_shown_as_text,
    a_token_signs_in_once,
);

async fn multi_user(options: impl Into<Options>) -> Result<TestServer> {
    let server = TestServer::start(options).await?;
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    server.admin().post("/v1/admin/enable-multi-user", first).await?.ok()?;
    Ok(server)
}

async fn users_are_parsed_loosely_and_refused_with_200(backend: Backend) -> Result<()> {
    let server = multi_user(backend).await?;
    let admin = server.admin();
    let made = json!({ "username": null, "password": "correct horse", "dailyMessageLimit": "5" });
    let made = admin.post("/api/v1/admin/users/new", made).await?.ok()?;
    assert_eq!(
        (&made["user"]["username"], &made["user"]["dailyMessageLimit"]),
        (&json!("null"), &json!(5))
    );
    for (body, error) in [
        (json!({}), "\"value\" is not allowed to be empty"),
        (json!({ "username": "x1", "password": 12345678 }), "\"value\" must be a string"),
        (
            json!({ "username": 5, "password": "correct horse" }),
            "Username must be at least 2 characters",
        ),
        (
            json!({ "username": "null", "password": "correct horse" }),
            "A user with that username already exists",
        ),
    ] {
        let refused = admin.post("/api/v1/admin/users/new", body).await?;
        assert_eq!((refused.status, refused.body), (400, json!({ "user": null, "error": error })));
    }
    let change = |id: &'static str, body: Value| admin.post(id, body);
    let done =
        change("/api/v1/admin/users/2nd", json!({ "bio": 5, "pfpFilename": "me.png" })).await?;
    assert_eq!(done.ok()?, json!({ "success": true, "error": null }));
    for (id, body, error) in [
        ("/api/v1/admin/users/2", json!({}), "No valid updates applied."),
        ("/api/v1/admin/users/99", json!({ "bio": "" }), "User not found"),
        ("/api/v1/admin/users/me", json!({ "bio": "" }), "User not found"),
        (
            "/api/v1/admin/users/1",
            json!({ "role": "default" }),
            "No system admins will remain if you do this. Update failed.",
        ),
        (
            "/api/v1/admin/users/2",
            json!({ "pfpFilename": "../x.png" }),
            "Picture must be the name of a file",
        ),
    ] {
        let refused = change(id, body).await?.ok()?;
        assert_eq!(refused, json!({ "success": false, "error": error }));
    }
    let listed = admin.get("/api/v1/admin/users").await?.ok()?;
    let second = &listed["users"][1];
    assert_eq!((&second["bio"], &second["pfpFilename"]), (&json!("5"), &json!("me.png")));
    let gone = admin.delete("/api/v1/admin/users/99", json!({})).await?;
    assert_eq!(
        (gone.status, gone.body),
        (404, json!({ "success": false, "error": "User not found" }))
    );
    assert_eq!(admin.delete("/api/v1/admin/users/1", json!({})).await?.status, 400);
    Ok(())
}

async fn invites_keep_unknown_workspace_ids(backend: Backend) -> Result<()> {
    let server = multi_user(backend).await?;
    let admin = server.admin();
    for (workspace_ids, stored) in
        [(json!([999, "7", "x"]), "[999,7]"), (json!("x"), "[]"), (json!(null), "[]")]
    {
        let made = admin
            .post("/api/v1/admin/invite/new", json!({ "workspaceIds": workspace_ids }))
            .await?
            .ok()?;
        assert_eq!(made["invite"]["workspaceIds"], stored);
        assert_eq!(
            (&made["invite"]["createdBy"], &made["invite"]["claimedBy"]),
            (&json!(0), &json!(null))
        );
    }
    for _ in 0..2 {
        let done = admin.delete("/api/v1/admin/invite/1", json!({})).await?.ok()?;
        assert_eq!(done, json!({ "success": true, "error": null }));
    }
    for (id, status, error) in
        [("99", 404, "Invite not found or already disabled"), ("x", 400, "Invalid invite id")]
    {
        let refused = admin.delete(&format!("/api/v1/admin/invite/{id}"), json!({})).await?;
        assert_eq!(
            (refused.status, refused.body),
            (status, json!({ "success": false, "error": error }))
        );
    }
    let listed = admin.get("/api/v1/admin/invites").await?.ok()?;
    assert_eq!(listed["invites"][0]["status"], "disabled");
    Ok(())
}

async fn members_who_do_not_exist_are_skipped(backend: Backend) -> Result<()> {
    let server = multi_user(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let manage = |body: Value| admin.post("/api/v1/admin/workspaces/alpha/manage-users", body);
    let members = |answer: &Value| answer["users"].as_array().map(Vec::len);
    assert_eq!(members(&admin.get("/api/v1/admin/workspaces/1/users").await?.ok()?), Some(0));
    let done = manage(json!({ "userIds": ["1", 99, "x"] })).await?.ok()?;
    assert_eq!((&done["success"], members(&done)), (&json!(true), Some(1)));
    let refused = manage(json!({ "userIds": [99], "reset": true })).await?;
    assert_eq!((refused.status, members(&refused.body)), (404, Some(1)));
    assert_eq!(refused.body["error"], "No valid user IDs provided.");
    let unknown =
        admin.post("/api/v1/admin/workspaces/nope/manage-users", json!({ "userIds": [1] })).await?;
    assert_eq!((unknown.status, &unknown.body["error"]), (404, &json!("Workspace nope not found")));
    for id in ["99", "x"] {
        let none = admin.get(&format!("/api/v1/admin/workspaces/{id}/users")).await?.ok()?;
        assert_eq!(none, json!({ "users": [] }));
    }
    let replace = |body: Value| admin.post("/api/v1/admin/workspaces/1/update-users", body);
    let refused = replace(json!({ "userIds": [99] })).await?.ok()?;
    assert_eq!(refused["success"], false);
    assert_eq!(members(&admin.get("/api/v1/admin/workspaces/1/users").await?.ok()?), Some(1));
    assert_eq!(replace(json!({})).await?.ok()?["success"], true);
    assert_eq!(members(&admin.get("/api/v1/admin/workspaces/1/users").await?.ok()?), Some(0));
    Ok(())
}

async fn page_offsets_are_parsed_loosely(backend: Backend) -> Result<()> {
    let server =
        TestServer::start(Options::from(backend).with("LLM_PROVIDER", "extractive")).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let question = json!({ "message": "hello", "mode": "query" });
    admin.post("/v1/workspace/alpha/chat", question).await?.ok()?;
    for (offset, chats, more) in [
        (json!(null), 1, false),
        (json!("0"), 1, false),
        (json!(0.04), 1, false),
        (json!(true), 0, false),
        (json!(-1), 0, true),
        (json!("abc"), 0, false),
        (json!(1e300), 0, false),
    ] {
        let page =
            admin.post("/api/v1/admin/workspace-chats", json!({ "offset": offset })).await?.ok()?;
        let found = page["chats"].as_array().map(Vec::len);
        assert_eq!((found, &page["hasPages"]), (Some(chats), &json!(more)), "{offset}");
    }
    let page = admin.post("/api/v1/admin/workspace-chats", json!({})).await?.ok()?;
    let chat = &page["chats"][0];
    assert_eq!(
        (&chat["workspace"]["slug"], &chat["user"]["username"]),
        (&json!("alpha"), &json!("unknown user"))
    );
    assert!(chat["response"].as_str().is_some_and(|text| text.starts_with('{')), "{chat}");
    for (query, named_types) in
        [("type=CSV", "CSV"), ("type=csv&type=json", "csv,json"), ("type[]=csv", "csv")]
    {
        let refused = admin.get(&format!("/api/v1/system/export-chats?{query}")).await?;
        let message = format!(
            "Invalid export type: {named_types}. Must be one of json, csv, jsonl, jsonAlpaca"
        );
        assert_eq!((refused.status, refused.body), (400, json!({ "message": message })));
    }
    Ok(())
}

async fn settings_are_refused_with_200_and_shown_as_text(backend: Backend) -> Result<()> {
    let server = multi_user(backend).await?;
    let admin = server.admin();
    let change = |body: Value| admin.post("/api/v1/system/update-env", body);
    for (body, new, error) in [
        (json!({ "NotASetting": "x" }), json!({}), json!(false)),
        (json!({ "OpenAiKey": "sk-1" }), json!({ "OpenAiKey": "******" }), json!(false)),
        (
            json!({ "OpenAiModelPref": "a", "OpenAiKey": "x" }),
            json!({}),
            json!("OpenAI Key must start with sk-"),
        ),
        (
            json!({ "GenericOpenAiTokenLimit": "8192" }),
            json!({ "GenericOpenAiTokenLimit": "8192" }),
            json!(false),
        ),
    ] {
        assert_eq!(change(body).await?.ok()?, json!({ "newValues": new, "error": error }));
    }
    let refused = change(json!({ "OpenAiModelPref": 5 })).await?;
    assert_eq!((refused.status, &refused.body["newValues"]), (400, &json!({})));
    let listed = admin.get("/api/v1/system").await?.ok()?;
    let settings = &listed["settings"];
    assert_eq!(
        (&settings["GenericOpenAiTokenLimit"], &settings["OpenAiKey"]),
        (&json!("8192"), &json!(true))
    );
    assert_eq!(
        (&settings["ModelRouterId"], &settings["MultiUserMode"]),
        (&json!(null), &json!(true))
    );
    for body in [json!({ "nope": 1 }), json!({ "text_splitter_chunk_size": "x" }), json!({})] {
        let done = admin.post("/api/v1/admin/preferences", body).await?.ok()?;
        assert_eq!(done, json!({ "success": true, "error": null }));
    }
    let dumped = admin.anonymous().get("/api/v1/system/env-dump").await?;
    assert_eq!(dumped.ok()?, "OK");
    Ok(())
}

async fn a_token_signs_in_once(backend: Backend) -> Result<()> {
    let closed = multi_user(backend).await?;
    let refused = closed.admin().get("/api/v1/users/1/issue-auth-token").await?;
    assert_eq!(refused.status, 403);
    assert!(
        refused
            .body
            .as_str()
            .is_some_and(|message| message.starts_with("Simple SSO is not enabled"))
    );
    let server = multi_user(Options::from(backend).with("SIMPLE_SSO_ENABLED", "1")).await?;
    let admin = server.admin();
    let unknown = admin.get("/api/v1/users/99/issue-auth-token").await?;
    assert_eq!((unknown.status, unknown.body), (404, json!({ "error": "User not found" })));
    let mut tokens = Vec::new();
    for mount in ["/v1", "/api/v1"] {
        let issued = admin.get(&format!("{mount}/users/1/issue-auth-token")).await?.ok()?;
        let token = issued["token"].as_str().unwrap_or_default().to_owned();
        assert_eq!(issued["loginPath"], format!("/sso/simple?token={token}"));
        tokens.push(token);
    }
    let (old, new) = (&tokens[0], &tokens[1]);
    let redeem = |token: String| {
        let browser = admin.anonymous();
        async move { browser.get(&format!("/api/request-token/sso/simple?token={token}")).await }
    };
    for (token, status) in [(old, 401), (new, 200), (new, 401)] {
        let answer = redeem(token.clone()).await?;
        assert_eq!((answer.status, &answer.body["valid"]), (status, &json!(status == 200)));
        if status == 200 {
            let set = answer.header("set-cookie");
            assert!(set.contains("; HttpOnly; SameSite=Strict"), "{set}");
            let cookie = set.split(';').next().unwrap_or_default();
            let session = admin.anonymous().request(Method::GET, "/v1/session");
            assert_eq!(send(session.header("cookie", cookie)).await?.ok()?["user"]["id"], 1);
        }
    }
    let bob = json!({ "username": "bob", "password": "correct horse" });
    admin.post("/v1/admin/users/new", bob).await?.ok()?;
    let issued = admin.get("/v1/users/2/issue-auth-token").await?.ok()?;
    for (suspended, status) in [(1, 401), (0, 200)] {
        let change = json!({ "suspended": suspended });
        admin.post("/v1/admin/users/2", change).await?.ok()?;
        let token = match suspended {
            // A token that was issued earlier.
            1 => issued["token"].clone(),
            _ => admin.get("/v1/users/2/issue-auth-token").await?.ok()?["token"].clone(),
        };
        let answer = redeem(token.as_str().unwrap_or_default().to_owned()).await?;
        assert_eq!((answer.status, &answer.body["valid"]), (status, &json!(status == 200)));
        assert_eq!(answer.header("set-cookie").is_empty(), suspended == 1, "{answer:?}");
    }
    let token = admin.get("/api/v1/users/1/issue-auth-token").await?.ok()?["token"].clone();
    let database = tokio::fs::read(server.storage().join("carrel.db")).await.unwrap_or_default();
    let token = token.as_str().unwrap_or_default();
    assert!(!database.windows(token.len()).any(|text| text == token.as_bytes()));
    Ok(())
}

#[tokio::test]
async fn the_directory_exists_only_in_multi_user_mode() -> Result<()> {
    let single = TestServer::start(Backend::Sqlite).await?;
    let message = "Instance is not in Multi-User mode. Permission denied.";
    let refused = single.admin().get("/api/v1/users").await?;
    assert_eq!((refused.status, refused.body), (401, json!(message)));
    let refused = single.admin().get("/v1/users").await?;
    assert_eq!((refused.status, refused.body), (401, json!({ "error": message })));
    let server = multi_user(Backend::Sqlite).await?;
    let users = json!({ "users": [{ "id": 1, "username": "main-admin", "role": "admin" }] });
    assert_eq!(server.admin().get("/api/v1/users").await?.ok()?, users);
    assert_eq!(server.admin().anonymous().get("/api/v1/users").await?.status, 403);
    Ok(())
}

#[tokio::test]
async fn addresses_and_bodies_may_be_spelled_in_many_ways() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    for (path, status) in
        [("/API/V1/Auth", 200), ("/api/v1/auth/", 200), ("/V1/auth", 404), ("/v1/auth/", 404)]
    {
        assert_eq!(admin.get(path).await?.status, status, "{path}");
    }
    assert_eq!(admin.anonymous().get("/api/ping").await?.ok()?, json!({ "online": true }));
    let chats = |kind: &str, body: &str| {
        let request = admin.request(Method::POST, "/api/v1/admin/workspace-chats");
        send(request.header("content-type", kind).body(body.to_owned()))
    };
    for (kind, body, status) in [
        ("text/plain", "{\"offset\":-1}", 200),
        ("application/x-www-form-urlencoded", "offset=-1", 200),
        ("application/xml", "<a/>", 200),
        ("application/json", "[1,2]", 200),
        ("application/json", "5", 400),
        ("application/json", "[1,", 400),
        ("application/json", "{\"a\": ", 400),
        ("application/json; charset=foo", "{}", 400),
    ] {
        assert_eq!(chats(kind, body).await?.status, status, "{kind} {body}");
    }
    Ok(())
}

#[tokio::test]
async fn an_unchanged_response_is_not_sent_again() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let first = server.admin().get("/api/v1/auth").await?;
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with("W/\""), "{tag}");
    let again = server.admin().request(Method::GET, "/api/v1/auth").header("if-none-match", &tag);
    let again = send(again).await?;
    assert_eq!(
        (again.status, again.body, again.headers.contains_key("x-request-id")),
        (304, json!(""), true)
    );
    Ok(())
}
