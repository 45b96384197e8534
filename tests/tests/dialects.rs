//! Names of documents in both contracts: at `/v1` the given title, at `/api/v1` the file.
use anyhow::Result;
use e2e::{Backend, TestServer, on_both_databases};
use serde_json::{Value, json};

on_both_databases!(
    sources_are_named_like_documents_in_each_dialect,
    limits_of_searches_are_parsed_loosely
);

/// Creates a workspace with a text that has a title and a web address.
async fn library(server: &TestServer) -> Result<Value> {
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let raw = json!({
        "textContent": "Mars has two moons, Phobos and Deimos.",
        "metadata": { "title": "Two Moons", "url": "http://Moons.test/" },
        "addToWorkspaces": "alpha",
    });
    let added = admin.post("/v1/document/raw-text", raw).await?.ok()?;
    Ok(added["documents"][0]["location"].clone())
}

async fn sources_are_named_like_documents_in_each_dialect(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let location = library(&server).await?;
    let admin = server.admin();
    let question = json!({ "message": "Which moons does Mars have?", "mode": "chat" });
    for (mount, title, address) in [
        ("/v1", "Two Moons", "http://Moons.test/"),
        ("/api/v1", "two-moons.txt", "web://http://moons.test/.website"),
    ] {
        let workspace = format!("{mount}/workspace/alpha");
        let answer = admin.post(&format!("{workspace}/chat"), question.clone()).await?.ok()?;
        let source = &answer["sources"][0];
        let head = format!("<document_metadata>\nsourceDocument: {title}\npublished: ");
        let is_number = |id: &Value| id.as_str().is_some_and(|id| id.parse::<u64>().is_ok());
        let check = |source: &Value| {
            assert_eq!((&source["title"], &source["url"]), (&json!(title), &json!(address)));
            assert!(
                source["text"].as_str().is_some_and(|text| text.starts_with(&head)),
                "{source}"
            );
            assert_eq!(is_number(&source["id"]), mount == "/v1", "{source}");
        };
        check(source);
        let history = admin.get(&format!("{workspace}/chats")).await?.ok()?;
        check(&history["history"][1]["sources"][0]);
        let query = json!({ "query": "moons of Mars" });
        let found = admin.post(&format!("{workspace}/vector-search"), query).await?.ok()?;
        let found = &found["results"][0];
        assert_eq!(found["metadata"]["title"], title);
        assert_eq!(found["metadata"]["url"], address);
        assert_eq!(found["id"], source["id"]);
        assert!(found["text"].as_str().is_some_and(|text| text.starts_with(&head)), "{found}");
        let details = admin.get(&workspace).await?.ok()?;
        let placed = admin
            .post(&format!("{workspace}/update-embeddings"), json!({ "adds": [location] }))
            .await?
            .ok()?;
        for document in
            [&details["workspace"][0]["documents"][0], &placed["workspace"]["documents"][0]]
        {
            let known = document["metadata"].as_str().unwrap_or_default();
            let known: Value = serde_json::from_str(known)?;
            assert_eq!((&known["title"], &known["url"]), (&json!(title), &json!(address)));
        }
    }
    let log = admin.post("/api/v1/admin/workspace-chats", json!({})).await?.ok()?;
    let stored_text = log["chats"][0]["response"].as_str().unwrap_or_default();
    let stored_response: Value = serde_json::from_str(stored_text)?;
    assert_eq!(stored_response["sources"][0]["title"], "two-moons.txt");
    Ok(())
}

async fn limits_of_searches_are_parsed_loosely(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    library(&server).await?;
    let admin = server.admin();
    let milk = json!({ "textContent": "Cows give milk.", "metadata": { "title": "Milk" },
                       "addToWorkspaces": "alpha" });
    admin.post("/v1/document/raw-text", milk).await?.ok()?;
    let path = "/api/v1/workspace/alpha/vector-search";
    for (more, expected) in [
        (json!({ "topN": "1", "scoreThreshold": "0" }), 1),
        (json!({ "topN": 100_000, "scoreThreshold": 0 }), 2),
        (json!({ "topN": "x", "scoreThreshold": "0.0 or so" }), 2),
        (json!({ "topN": -3, "scoreThreshold": 0 }), 2),
        (json!({ "topN": [], "scoreThreshold": "1" }), 0),
    ] {
        let mut body = more.clone();
        body["query"] = json!("Which moons does Mars have?");
        let found = admin.post(path, body.clone()).await?.ok()?;
        assert_eq!(found["results"].as_array().map(Vec::len), Some(expected), "{more}");
        let native = admin.post(&path[4..], body).await?;
        assert_eq!(native.status, 400, "{more}");
    }
    // Every query of a list counts, in any order.
    for query in [json!(["Which moons does Mars have?", "x"]), json!(["x", "moons of Mars?"])] {
        let several = json!({ "query": query, "topN": 1 });
        let found = admin.post(path, several.clone()).await?.ok()?;
        assert_eq!(found["results"][0]["metadata"]["title"], "two-moons.txt", "{query}");
        assert_eq!(admin.post(&path[4..], several).await?.status, 400);
    }
    for query in [json!([]), json!([5]), json!(5), json!({}), json!("")] {
        let refused = admin.post(path, json!({ "query": query })).await?;
        let message = json!({ "message": "Query parameter cannot be empty." });
        assert_eq!((refused.status, refused.body), (400, message));
    }
    Ok(())
}

#[tokio::test]
async fn an_invalid_pin_status_changes_nothing() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let location = library(&server).await?;
    let admin = server.admin();
    for status in [json!("yes"), json!("false"), json!(1), json!([]), json!({})] {
        let pin = json!({ "docPath": location, "pinStatus": status });
        assert_eq!(admin.post("/v1/workspace/alpha/update-pin", pin.clone()).await?.status, 400);
        let answer = admin.post("/api/v1/workspace/alpha/update-pin", pin).await?.ok()?;
        assert_eq!(answer, json!({ "message": "Pin status updated successfully" }), "{status}");
        let found = admin.get("/v1/workspace/alpha").await?.ok()?;
        assert_eq!(found["workspace"][0]["documents"][0]["pinned"], false, "{status}");
        let absent = json!({ "docPath": "custom-documents/none.json", "pinStatus": status });
        let refused = admin.post("/api/v1/workspace/alpha/update-pin", absent).await?;
        assert_eq!(refused.status, 404, "{status}");
    }
    Ok(())
}

#[tokio::test]
async fn a_path_that_is_not_text_is_a_bad_request() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    for path in ["workspace/%E0%A4%A", "workspace/%FF/chats", "workspace/a%2", "document/%zz"] {
        for mount in ["/v1", "/api/v1"] {
            let answer = admin.get(&format!("{mount}/{path}")).await?;
            assert_eq!(answer.status, 400, "{mount}/{path}: {}", answer.body);
        }
    }
    assert_eq!(admin.get("/v1/workspace/caf%C3%A9").await?.status, 404);
    Ok(())
}

#[tokio::test]
async fn an_automatic_chat_is_logged_as_a_chat() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    library(&server).await?;
    let admin = server.admin();
    for (mode, kind) in [("automatic", "chat"), ("chat", "chat"), ("query", "query")] {
        let ask = json!({ "message": "Which moons does Mars have?", "mode": mode });
        admin.post("/api/v1/workspace/alpha/chat", ask).await?.ok()?;
        let log = admin.get("/api/v1/workspace/alpha/chats").await?.ok()?;
        let last = log["history"].as_array().and_then(|all| all.last()).cloned();
        assert_eq!(last.unwrap_or_default()["type"], kind, "{mode}");
    }
    Ok(())
}

#[tokio::test]
async fn a_missing_model_is_refused_when_it_is_set() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    for mount in ["/v1", "/api/v1"] {
        let update = format!("{mount}/workspace/alpha/update");
        for provider in ["no-such-provider", "openai", "ollama"] {
            let set = json!({ "chatProvider": provider, "chatModel": "m", "name": "Changed" });
            let refused = admin.post(&update, set.clone()).await?;
            assert_eq!(refused.status, 400, "{update} {provider}: {}", refused.body);
            assert!(refused.body.to_string().contains("chatProvider"), "{}", refused.body);
            assert_eq!(admin.post(&format!("{mount}/workspace/new"), set).await?.status, 400);
        }
        for provider in [json!(null), json!("default"), json!("extractive")] {
            admin.post(&update, json!({ "chatProvider": provider })).await?.ok()?;
        }
    }
    let listed = admin.get("/v1/workspaces").await?.ok()?;
    assert_eq!(listed["workspaces"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["workspaces"][0]["name"], "Alpha");
    Ok(())
}

#[tokio::test]
async fn refusals_are_sentences() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    let settings = admin.get("/v1/system").await?.ok()?["settings"].take();
    assert_eq!(settings["DisableTelemetry"], "false");
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    admin.post("/v1/admin/enable-multi-user", first.clone()).await?.ok()?;
    let again = admin.post("/v1/admin/enable-multi-user", first).await?;
    assert_eq!(
        (again.status, again.body["error"].as_str()),
        (409, Some("multi-user mode is already on"))
    );
    Ok(())
}
