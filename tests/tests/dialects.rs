//! One document, as each dialect knows it: natively by the title it was given, at `/api/v1` by its file.
use anyhow::Result;
use e2e::{Backend, TestServer, on_both_databases};
use serde_json::{Value, json};

on_both_databases!(sources_are_named_as_each_dialect_names_documents, bounds_of_searches_are_loose);

/// A workspace with a text that was given a title and a web address.
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

async fn sources_are_named_as_each_dialect_names_documents(backend: Backend) -> Result<()> {
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
    let kept = log["chats"][0]["response"].as_str().unwrap_or_default();
    let kept: Value = serde_json::from_str(kept)?;
    assert_eq!(kept["sources"][0]["title"], "two-moons.txt");
    Ok(())
}

async fn bounds_of_searches_are_loose(backend: Backend) -> Result<()> {
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
    let several = json!({ "query": ["Which moons does Mars have?", "x"], "topN": 1 });
    let found = admin.post(path, several.clone()).await?.ok()?;
    assert_eq!(found["results"][0]["metadata"]["title"], "two-moons.txt");
    assert_eq!(admin.post(&path[4..], several).await?.status, 400);
    for query in [json!([]), json!([5]), json!(5), json!({}), json!("")] {
        let refused = admin.post(path, json!({ "query": query })).await?;
        let said = json!({ "message": "Query parameter cannot be empty." });
        assert_eq!((refused.status, refused.body), (400, said));
    }
    Ok(())
}
