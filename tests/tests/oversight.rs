//! The chat log, exports, settings and the audit log.
use anyhow::Result;
use e2e::{Backend, Mode, Options, TestServer, in_both_modes};
use serde_json::{Value, json};

in_both_modes!(
    the_chat_log_pages_and_filters,
    exports_contain_every_exchange,
    every_change_is_in_the_audit_log,
    settings_are_stored_and_applied_live,
    documents_are_embedded_again_by_another_embedder
);

async fn with_chats(backend: Backend, mode: Mode, count: usize) -> Result<TestServer> {
    let server = TestServer::start_for(backend, mode).await?;
    for name in ["Alpha", "Beta"] {
        server.admin().post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    for number in 0..count {
        let slug = if number % 5 == 0 { "beta" } else { "alpha" };
        let question = json!({ "message": format!("Question {number}, \"quoted\""), "sessionId": format!("s{}", number % 2) });
        server.admin().post(&format!("/v1/workspace/{slug}/chat"), question).await?.ok()?;
    }
    Ok(server)
}

async fn the_chat_log_pages_and_filters(backend: Backend, mode: Mode) -> Result<()> {
    let server = with_chats(backend, mode, 45).await?;
    let admin = server.admin();
    let page = async |body: Value| -> Result<(Vec<Value>, Value)> {
        let page = admin.post("/v1/admin/workspace-chats", body).await?.ok()?;
        Ok((page["chats"].as_array().cloned().unwrap_or_default(), page["has_pages"].clone()))
    };
    let mut listed = Vec::new();
    for (offset, length, more) in [(0, 20, true), (1, 20, true), (2, 5, false), (3, 0, false)] {
        let (chats, has_pages) = page(json!({ "offset": offset })).await?;
        assert_eq!((chats.len(), has_pages), (length, json!(more)), "page {offset}");
        listed.extend(chats.iter().filter_map(|chat| chat["id"].as_i64()));
    }
    assert!(listed.windows(2).all(|pair| pair[0] > pair[1]) && listed.len() == 45);
    let (newest, _) = page(json!({})).await?;
    assert_eq!(newest[0]["prompt"], "Question 44, \"quoted\"");
    assert!(newest[0]["response"].as_str().is_some_and(|text| !text.starts_with('{')));
    for (filter, count) in [
        (json!({ "workspace": "beta" }), 9),
        (json!({ "workspace": "beta", "api_session_id": "s0" }), 5),
        (json!({ "from": "2020-01-01", "to": "2021-01-01T00:00:00Z" }), 0),
        (json!({ "user_id": 1 }), 0),
    ] {
        assert_eq!(page(filter.clone()).await?.0.len(), count, "{filter}");
    }
    for wrong in [json!({ "offset": -1 }), json!({ "offset": "x" }), json!({ "from": "yesterday" })]
    {
        assert_eq!(admin.post("/v1/admin/workspace-chats", wrong).await?.status, 400);
    }
    assert_eq!(
        admin.post("/v1/admin/workspace-chats", json!({ "workspace": "nope" })).await?.status,
        404
    );
    Ok(())
}

async fn exports_contain_every_exchange(backend: Backend, mode: Mode) -> Result<()> {
    let server = with_chats(backend, mode, 250).await?;
    let admin = server.admin();
    let json = admin.get("/v1/system/export-chats?type=json").await?;
    assert!(json.header("content-disposition").starts_with("attachment; filename=\"chats-"));
    let records = json.ok()?;
    assert_eq!(records.as_array().map(Vec::len), Some(250));
    assert_eq!(records[0]["prompt"], "Question 0, \"quoted\"");
    let csv = admin.get("/v1/system/export-chats?type=csv&workspace=beta").await?;
    assert!(csv.header("content-type").starts_with("text/csv"));
    let text = csv.ok()?.as_str().unwrap_or_default().to_owned();
    assert_eq!(text.matches("\"\"quoted\"\"").count(), 50);
    let lines = admin.get("/v1/system/export-chats").await?;
    assert!(lines.header("content-type").starts_with("application/jsonl"));
    let lines = lines.ok()?.as_str().unwrap_or_default().to_owned();
    let turns: usize = lines.lines().map(|line| line.matches("\"role\":\"user\"").count()).sum();
    assert_eq!((lines.lines().count(), turns), (4, 250), "two workspaces with two sessions each");
    for wrong in ["type=xml", "type=CSV", "rating=5", "from=x", "group_by=day", "redact=maybe"] {
        let refused = admin.get(&format!("/v1/system/export-chats?{wrong}")).await?;
        assert_eq!((refused.status, refused.body.get("error").is_some()), (400, true), "{wrong}");
    }
    let empty = admin.get("/v1/system/export-chats?type=json&to=2020-01-01").await?.ok()?;
    assert_eq!(empty, json!([]));
    Ok(())
}

async fn every_change_is_in_the_audit_log(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    admin.upload("a.txt", b"Bees make honey.", &[("addToWorkspaces", "alpha")]).await?.ok()?;
    admin.post("/v1/workspace/alpha/chat", json!({ "message": "Honey?" })).await?.ok()?;
    admin.post("/v1/admin/api-keys", json!({ "name": "robot" })).await?.ok()?;
    admin.delete("/v1/workspace/alpha", json!(null)).await?.ok()?;
    let page = admin.get("/v1/admin/event-logs?limit=3").await?.ok()?;
    assert_eq!(
        (page["events"].as_array().map(Vec::len), &page["has_more"]),
        (Some(3), &json!(true))
    );
    let before = page["events"][2]["id"].clone();
    let rest = admin.get(&format!("/v1/admin/event-logs?before={before}")).await?.ok()?;
    let names: Vec<_> = [&page, &rest]
        .iter()
        .flat_map(|page| page["events"].as_array().into_iter().flatten())
        .filter_map(|event| event["event"].as_str())
        .collect();
    for name in [
        "api_workspace_created",
        "api_document_uploaded",
        "api_sent_chat",
        "api_key_created",
        "api_workspace_deleted",
    ] {
        assert!(names.contains(&name), "{name} is missing in {names:?}");
    }
    let newest = &page["events"][0];
    assert_eq!(
        (&newest["event"], &newest["address"]),
        (&json!("api_workspace_deleted"), &json!("127.0.0.1"))
    );
    assert!(newest["actor"].as_str().is_some_and(|actor| actor.starts_with("key:")));
    let verified = server.carrel().run(&["audit", "verify"])?;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    Ok(())
}

async fn settings_are_stored_and_applied_live(backend: Backend, mode: Mode) -> Result<()> {
    let model = e2e::model_server::start().await?;
    let mut server = TestServer::start_for(backend, mode).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let change = json!({
        "LLMProvider": "generic-openai", "GenericOpenAiBasePath": model.base_url(),
        "GenericOpenAiModelPref": "echo", "GenericOpenAiTokenLimit": 4096,
        "GenericOpenAiKey": "canary-of-a-secret",
    });
    let done = server.admin().post("/v1/system/update-env", change).await?.ok()?;
    assert_eq!(
        (&done["error"], &done["newValues"]["LLMProvider"]),
        (&json!(null), &json!("generic-openai"))
    );
    assert!(!done.to_string().contains("canary"));
    for round in 0..2 {
        let answer = server
            .admin()
            .post("/v1/workspace/alpha/chat", json!({ "message": "Hi", "mode": "chat" }))
            .await?
            .ok()?;
        assert_eq!(answer["metrics"]["model"], "echo", "round {round}");
        let system = server.admin().get("/v1/system").await?.ok()?;
        assert_eq!(
            (&system["settings"]["GenericOpenAiKey"], &system["settings"]["LLMProvider"]),
            (&json!(true), &json!("generic-openai"))
        );
        assert!(!system.to_string().contains("canary"));
        assert_eq!(server.stop().await?, Some(0));
        server.run().await?;
    }
    let before = server.admin().get("/v1/system").await?.ok()?;
    for wrong in [
        json!({ "LLMProvider": "nope" }),
        json!({ "GenericOpenAiBasePath": "not a url", "GenericOpenAiModelPref": "other" }),
        json!({ "GenericOpenAiModelPref": "a\nNODE_OPTIONS=x" }),
        json!({ "GenericOpenAiModelPref": "a\u{2028}b" }),
        json!({ "GenericOpenAiTokenLimit": -1 }),
        json!({ "OpenAiKey": "no-prefix" }),
        json!({ "Nothing": "known" }),
        json!({ "LLMProvider": { "set": "openai" } }),
        json!({}),
    ] {
        let refused = server.admin().post("/v1/system/update-env", wrong.clone()).await?;
        assert_eq!((refused.status, refused.body["error"].is_string()), (400, true), "{wrong}");
    }
    assert_eq!(server.admin().get("/v1/system").await?.ok()?, before);
    server.stop().await?;
    assert!(!server.log()?.contains("canary"));
    if backend == Backend::Sqlite {
        let database = std::fs::read(server.storage().join("carrel.db"))?;
        assert!(!database.windows(6).any(|window| window == b"canary"));
    }
    Ok(())
}

async fn documents_are_embedded_again_by_another_embedder(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let model = e2e::model_server::start().await?;
    let server = TestServer::start_for(backend, mode).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    for (name, text) in [("a.txt", "Bees make honey."), ("b.txt", "Mars has two moons.")] {
        admin.upload(name, text.as_bytes(), &[("addToWorkspaces", "alpha")]).await?.ok()?;
    }
    let places = async || -> Result<Vec<Value>> {
        let workspace = admin.get("/v1/workspace/alpha").await?.ok()?;
        let documents =
            workspace["workspace"][0]["documents"].as_array().cloned().unwrap_or_default();
        let place = |row: &Value| json!([row["docId"], row["docpath"], row["createdAt"]]);
        Ok(documents.iter().map(place).collect())
    };
    let both_are_found = async || -> Result<bool> {
        let query = json!({ "query": "bees honey", "scoreThreshold": 0 });
        let found = admin.post("/v1/workspace/alpha/vector-search", query).await?.ok()?;
        let hits = found["results"].as_array().cloned().unwrap_or_default();
        Ok(hits.len() == 2 && hits[0]["metadata"]["title"] == "a.txt")
    };
    let before = places().await?;
    assert!(before.len() == 2 && before.iter().all(|place| place[0].is_string()), "{before:?}");
    assert!(both_are_found().await?);
    let other = json!({
        "EmbeddingEngine": "generic-openai", "EmbeddingBasePath": model.base_url(),
        "EmbeddingModelPref": "words", "EmbeddingModelMaxChunkLength": 500,
    });
    let done = admin.post("/v1/system/update-env", other).await?.ok()?;
    assert_eq!(done["error"], json!(null));
    let mut patience = 3_000;
    while !both_are_found().await? {
        patience -= 1;
        anyhow::ensure!(patience > 0, "nothing was embedded anew:\n{}", server.log()?);
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert_eq!(places().await?, before, "every place is there once, with its id");
    let times_embedded =
        |text: &str| model.embedded().iter().filter(|embedded_text| *embedded_text == text).count();
    assert_eq!((times_embedded("Bees make honey."), times_embedded("Mars has two moons.")), (1, 1));
    Ok(())
}

#[tokio::test]
async fn the_dump_is_written_in_production_only() -> Result<()> {
    for (environment, written) in [("development", false), ("production", true)] {
        let server =
            TestServer::start(Options::from(Backend::Sqlite).with("APP_ENV", environment)).await?;
        let file = server.storage().join(".env");
        let answer = server.admin().anonymous().get("/v1/system/env-dump").await?;
        assert_eq!((answer.status, answer.body), (200, json!("")));
        assert_eq!(file.exists(), written, "{environment}");
    }
    Ok(())
}

#[tokio::test]
async fn a_changed_byte_breaks_the_audit_log() -> Result<()> {
    let mut server = TestServer::start(Backend::Sqlite).await?;
    for number in 0..5 {
        let name = format!("Workspace {number}");
        server.admin().post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    server.stop().await?;
    let database = server.storage().join("carrel.db");
    let forge = "UPDATE events SET details = replace(details, 'Workspace 2', 'Workspace 9')";
    let forged = std::process::Command::new("python3")
        .args(["-c", "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"])
        .arg(&database)
        .arg(forge)
        .status()?;
    assert!(forged.success());
    let verified = server.carrel().run(&["audit", "verify"])?;
    assert_eq!(verified.code, Some(1), "{verified:?}");
    Ok(())
}

#[tokio::test]
async fn preferences_are_an_allow_list() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let done = admin
        .post("/v1/admin/preferences", json!({ "support_email": "help@example.com" }))
        .await?
        .ok()?;
    assert_eq!(done, json!({ "success": true, "error": null }));
    for wrong in [
        json!({ "multi_user_mode": false }),
        json!({ "nope": 1 }),
        json!({}),
        json!({ "__proto__": {} }),
    ] {
        assert_eq!(
            admin.post("/v1/admin/preferences", wrong.clone()).await?.status,
            400,
            "{wrong}"
        );
    }
    assert_eq!(
        admin.get("/v1/admin/is-multi-user-mode").await?.ok()?,
        json!({ "isMultiUser": true })
    );
    let prompt = json!({ "default_system_prompt": "Answer like a pirate." });
    admin.post("/v1/admin/preferences", prompt).await?.ok()?;
    let made = admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    assert_eq!(made["workspace"]["openAiPrompt"], "Answer like a pirate.");
    Ok(())
}
