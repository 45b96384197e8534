//! Questions and searches within selected documents, by name and by metadata.
use anyhow::Result;
use e2e::{Backend, Client, Mode, TestServer, in_both_modes};
use serde_json::{Value, json};

in_both_modes!(
    documents_are_selected_by_custom_metadata,
    a_question_is_answered_from_the_chosen_documents_only,
    an_unknown_filter_is_refused_with_a_reason
);

/// Adds four documents about prices and returns their locations.
async fn library(server: &TestServer) -> Result<Vec<Value>> {
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let mut places = Vec::new();
    for (name, price, metadata) in [
        ("north", "ten", json!({ "team": "sales", "year": 2023, "tags": ["a", "b"] })),
        ("south", "twenty", json!({ "team": "legal", "year": 2024, "tags": ["b"], "draft": true })),
        ("east", "thirty", json!({ "team": "sales", "year": 2025, "due": "2026-02-01" })),
        ("west", "forty", json!({})),
    ] {
        let text = format!("The price of a lamp in the {name} is {price} crowns.");
        let metadata = metadata.to_string();
        let fields = [("addToWorkspaces", "alpha"), ("metadata", &metadata)];
        let added = admin.upload(&format!("{name}.txt"), text.as_bytes(), &fields).await?.ok()?;
        places.push(added["documents"][0]["location"].clone());
    }
    Ok(places)
}

async fn searched(admin: &Client, filter: &Value) -> Result<Vec<String>> {
    let body = json!({ "query": "the price of a lamp", "scoreThreshold": 0, "topN": 10,
                       "filter": filter });
    let found = admin.post("/v1/workspace/alpha/vector-search", body).await?.ok()?;
    let results = found["results"].as_array().cloned().unwrap_or_default();
    let titles = results.iter().map(|hit| hit["metadata"]["title"].as_str().unwrap_or_default());
    let mut titles: Vec<_> = titles.map(str::to_owned).collect();
    titles.sort();
    Ok(titles)
}

async fn documents_are_selected_by_custom_metadata(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    library(&server).await?;
    let admin = server.admin();
    for (metadata, expected) in [
        (json!({ "team": "sales" }), "east north"),
        (json!({ "team": ["legal", "none"] }), "south"),
        (json!({ "year": { "gte": 2024 } }), "east south"),
        (json!({ "year": { "gt": 2023, "lt": 2025 } }), "south"),
        (json!({ "team": "sales", "year": { "lte": 2024 } }), "north"),
        (json!({ "tags": "b" }), "north south"),
        (json!({ "tags": ["a", "c"] }), "north"),
        (json!({ "draft": true }), "south"),
        (json!({ "draft": null }), "east north west"),
        (json!({ "due": { "gte": "2026-01-01", "lt": "2026-03-01" } }), "east"),
        (json!({ "year": "2024" }), ""),
        (json!({ "unheard": "x" }), ""),
        (json!({ "title": "west.txt" }), "west"),
        (json!({ "title": ["west.txt", "east.txt"], "team": null }), "west"),
        (json!({ "a%_\\\"'; --": "x" }), ""),
    ] {
        let filter = json!({ "metadata": metadata });
        let expected = expected.split_whitespace().map(|name| format!("{name}.txt"));
        assert_eq!(searched(admin, &filter).await?, expected.collect::<Vec<_>>(), "{metadata}");
    }
    Ok(())
}

async fn sources(admin: &Client, path: &str, body: &Value) -> Result<Vec<String>> {
    let answer = admin.post(path, body.clone()).await?.ok()?;
    let sources = answer["sources"].as_array().cloned().unwrap_or_default();
    let titles = sources.iter().map(|source| source["title"].as_str().unwrap_or_default());
    Ok(titles.map(str::to_owned).collect())
}

async fn a_question_is_answered_from_the_chosen_documents_only(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let places = library(&server).await?;
    let admin = server.admin();
    let pin = json!({ "docPath": places[3], "pinStatus": true });
    admin.post("/v1/workspace/alpha/update-pin", pin).await?.ok()?;
    admin.post("/v1/workspace/alpha/thread/new", json!({ "slug": "t" })).await?.ok()?;
    let message = "What is the price of a lamp?";
    for chat in ["chat", "thread/t/chat"] {
        for mount in ["/v1", "/api/v1"] {
            let path = format!("{mount}/workspace/alpha/{chat}");
            let ask =
                |filter: Value| json!({ "message": message, "mode": "chat", "filter": filter });
            // A pinned document comes first and once, and only if it is selected. Earlier answers,
            // which used all documents, bring none of them back.
            let all = sources(admin, &path, &ask(json!(null))).await?;
            assert_eq!((all.len(), &*all[0]), (4, "west.txt"), "{path}");
            assert_eq!(all.iter().filter(|title| *title == "west.txt").count(), 1);
            let legal = ask(json!({ "metadata": { "team": "legal" } }));
            assert_eq!(sources(admin, &path, &legal).await?, ["south.txt"]);
            let named = ask(json!({ "documents": [places[3], places[0]] }));
            assert_eq!(sources(admin, &path, &named).await?, ["west.txt", "north.txt"]);
            let none = json!({ "message": message, "mode": "query",
                               "filter": { "documents": [] } });
            let refused = admin.post(&path, none).await?.ok()?;
            assert_eq!(refused["sources"], json!([]), "{path}");
            let answer_text = refused["textResponse"].as_str().unwrap_or_default();
            assert!(answer_text.starts_with("There is no relevant information"), "{answer_text}");
        }
    }
    let completion = json!({ "model": "alpha", "messages": [{ "role": "user", "content": message }],
                        "filter": { "metadata": { "year": 2025 } } });
    let answer = sources(admin, "/v1/openai/chat/completions", &completion).await?;
    assert_eq!(answer, ["east.txt"]);
    Ok(())
}

async fn an_unknown_filter_is_refused_with_a_reason(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    library(&server).await?;
    let admin = server.admin();
    for (filter, place) in [
        (json!("team"), "filter"),
        (json!({ "document": ["a"] }), "filter"),
        (json!({ "documents": "a" }), "filter.documents"),
        (json!({ "metadata": { "team": { "is": "x" } } }), "filter.metadata.team"),
        (json!({ "metadata": { "team": [] } }), "filter.metadata.team"),
    ] {
        for mount in ["/v1", "/api/v1"] {
            for (path, mut body) in [
                ("workspace/alpha/vector-search", json!({ "query": "lamp" })),
                ("workspace/alpha/chat", json!({ "message": "lamp" })),
                ("workspace/alpha/stream-chat", json!({ "message": "lamp" })),
            ] {
                body["filter"] = filter.clone();
                let refused = admin.post(&format!("{mount}/{path}"), body).await?;
                assert_eq!(refused.status, 400, "{mount}/{path} {filter}");
                assert!(refused.body.to_string().contains(place), "{}", refused.body);
            }
        }
    }
    let history = admin.get("/v1/workspace/alpha/chats").await?.ok()?;
    assert_eq!(history["history"], json!([]));
    Ok(())
}
