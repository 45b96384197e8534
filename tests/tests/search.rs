//! Searches by meaning, by words, and by both; within selected documents; never beyond a workspace.
use std::collections::BTreeMap;

use anyhow::Result;
use e2e::{Backend, Client, Mode, Options, TestServer, in_both_modes};
use serde_json::{Value, json};

in_both_modes!(
    a_passage_has_its_position_in_the_text,
    every_search_mode_finds_passages_within_its_workspace_only,
    words_are_found_in_every_script_and_never_parsed_as_syntax,
    a_filter_is_applied_before_the_limit,
    removed_and_replaced_documents_are_not_found
);

const MODES: [&str; 5] = ["default", "vector", "lexical", "hybrid", "rerank"];

async fn add(admin: &Client, workspace: &str, title: &str, text: &str) -> Result<Value> {
    let metadata = json!({ "title": title, "docAuthor": format!("author of {title}") });
    let body = json!({ "textContent": text, "metadata": metadata, "addToWorkspaces": workspace });
    let added = admin.post("/v1/document/raw-text", body).await?.ok()?;
    Ok(added["documents"][0]["location"].clone())
}

async fn library(server: &TestServer) -> Result<()> {
    let admin = server.admin();
    for name in ["Alpha", "Beta"] {
        admin.post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    for (title, text) in [
        ("pumps", "The infusion pump IP-2100 shows E300 when its flow cannot be held."),
        ("lamps", "The examination lamp EL-2648 shows E368 when its light cannot be held."),
        ("bees", "Bees live in hives. They collect nectar and make honey from it."),
        ("planets", "Mars has two moons, Phobos and Deimos."),
    ] {
        add(admin, "alpha", title, text).await?;
    }
    add(admin, "beta", "secret", "The secret pump IP-2100 makes honey on Mars: E300.").await?;
    Ok(())
}

async fn search(admin: &Client, body: Value) -> Result<Vec<Value>> {
    let found = admin.post("/v1/workspace/alpha/vector-search", body).await?.ok()?;
    Ok(found["results"].as_array().cloned().unwrap_or_default())
}

fn titles(results: &[Value]) -> Vec<&str> {
    let title = |result: &'_ Value| result["metadata"]["title"].as_str().map(str::len);
    assert!(results.iter().all(|result| title(result).is_some()));
    results.iter().filter_map(|result| result["metadata"]["title"].as_str()).collect()
}

async fn every_search_mode_finds_passages_within_its_workspace_only(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    library(&server).await?;
    let admin = server.admin();
    for mode in MODES {
        let set = json!({ "vectorSearchMode": mode });
        let set = admin.post("/v1/workspace/alpha/update", set).await?.ok()?;
        assert_eq!(set["workspace"]["vectorSearchMode"], mode);
        let wide = json!({ "query": "what makes honey?", "topN": 100, "scoreThreshold": 0 });
        let found = search(admin, wide).await?;
        assert_eq!(titles(&found)[0], "bees", "{mode}");
        assert!(!titles(&found).contains(&"secret"), "{mode}");
        let why = &found[0]["why"];
        assert_eq!(why["vectorRank"].is_number(), mode != "lexical", "{mode}: {why}");
        assert_eq!(why["lexicalRank"].is_number(), mode != "vector", "{mode}: {why}");
        assert_eq!(why["rerankScore"].is_number(), mode == "rerank", "{mode}: {why}");
        assert!(found[0]["metadata"]["documentId"].is_string());
        let score = |result: &Value| result["score"].as_f64().unwrap_or(-1.0);
        assert!(found.iter().all(|result| (0.0..=1.0).contains(&score(result))), "{mode}");
        let strict = json!({ "query": "what makes honey?", "scoreThreshold": 0.3 });
        let strict = search(admin, strict).await?;
        assert!(strict.iter().all(|result| score(result) >= 0.3), "{mode}");
        let one = json!({ "query": "E368", "topN": 1, "scoreThreshold": 0 });
        let one = search(admin, one).await?;
        assert_eq!((one.len(), titles(&one)[0]), (1, "lamps"), "{mode}");
    }
    let body = json!({ "query": "E368", "searchMode": "lexical" });
    assert_eq!(titles(&search(admin, body).await?), ["lamps"]);
    let other = json!({ "query": "Phobos", "searchMode": "lexical" });
    let other = admin.post("/v1/workspace/beta/vector-search", other).await?.ok()?;
    assert_eq!(other["results"], json!([]));
    Ok(())
}

async fn words_are_found_in_every_script_and_never_parsed_as_syntax(
    backend: Backend,
    mode: Mode,
) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    library(&server).await?;
    let admin = server.admin();
    add(admin, "alpha", "東京の案内", "上野動物園にはパンダがいる。").await?;
    add(admin, "alpha", "Čaj", "Šálek čaje stojí třicet korun.").await?;
    for (query, title) in [("動物園", "東京の案内"), ("東京", "東京の案内"), ("SALEK CAJE", "Čaj")]
    {
        let body = json!({ "query": query, "searchMode": "lexical", "scoreThreshold": 0 });
        assert_eq!(titles(&search(admin, body).await?), [title], "{query}");
    }
    let long = "honey ".repeat(100_000);
    for query in [
        "\"",
        "honey\" OR \"x",
        "*",
        "honey*",
        "NEAR(honey, 2)",
        "-honey",
        "words:honey",
        "^",
        "honey AND",
        "'; DROP TABLE chunks; --",
        "honey | !nectar & <-> ''",
        "\\",
        "\u{0}honey",
        "1_honey",
        "(((",
        "🐝",
        &long,
    ] {
        for mode in MODES {
            let body = json!({ "query": query, "searchMode": mode, "scoreThreshold": 0 });
            let answer = admin.post("/v1/workspace/alpha/vector-search", body).await?;
            assert_eq!(answer.status, 200, "{mode} {query:.40}: {}", answer.body);
        }
    }
    let body = json!({ "query": "NEAR(honey* OR", "searchMode": "lexical", "scoreThreshold": 0 });
    assert_eq!(titles(&search(admin, body).await?), ["bees"]);
    Ok(())
}

async fn a_filter_is_applied_before_the_limit(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    library(&server).await?;
    let admin = server.admin();
    let place = add(admin, "alpha", "orchards", "Apples and honey cake in autumn.").await?;
    for mode in MODES {
        let ask = |filter: Value| {
            json!({ "query": "honey and the pump E300", "topN": 1, "scoreThreshold": 0,
                    "searchMode": mode, "filter": filter })
        };
        for (filter, expected) in [
            (json!({ "documents": [place] }), vec!["orchards"]),
            (json!({ "documents": [place, "custom-documents/none.json"] }), vec!["orchards"]),
            (json!({ "documents": [] }), vec![]),
            (json!({ "documents": ["nothing"] }), vec![]),
            (json!({ "metadata": { "title": "bees" } }), vec!["bees"]),
            (json!({ "metadata": { "docAuthor": ["author of bees", "x"] } }), vec!["bees"]),
            (json!({ "metadata": { "title": "secret" } }), vec![]),
            (json!({ "metadata": { "unheard": { "gte": 1 } } }), vec![]),
            (json!({ "documents": [place], "metadata": { "title": "bees" } }), vec![]),
        ] {
            let found = search(admin, ask(filter.clone())).await?;
            assert_eq!(titles(&found), expected, "{mode} {filter}");
        }
    }
    for wrong in [json!("a"), json!({ "docs": [] }), json!({ "metadata": { "a": { "is": 1 } } })] {
        let body = json!({ "query": "honey", "filter": wrong });
        for mount in ["/v1", "/api/v1"] {
            let path = format!("{mount}/workspace/alpha/vector-search");
            let refused = admin.post(&path, body.clone()).await?;
            assert_eq!(refused.status, 400, "{mount} {body}");
            assert!(refused.body.to_string().contains("filter"), "{}", refused.body);
        }
    }
    let wrong = json!({ "query": "honey", "searchMode": "magic" });
    assert_eq!(admin.post("/v1/workspace/alpha/vector-search", wrong).await?.status, 400);
    Ok(())
}

async fn removed_and_replaced_documents_are_not_found(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    library(&server).await?;
    let admin = server.admin();
    let place = add(admin, "alpha", "wax", "Beeswax candles for the altar.").await?;
    let ask = |mode: &str| json!({ "query": "beeswax candles", "searchMode": mode, "topN": 1 });
    let adds = json!({ "adds": [place] });
    admin.post("/v1/workspace/alpha/update-embeddings", adds).await?.ok()?;
    for mode in MODES {
        let found = search(admin, ask(mode)).await?;
        assert_eq!(titles(&found), ["wax"], "{mode}");
    }
    let deletes = json!({ "deletes": [place] });
    admin.post("/v1/workspace/alpha/update-embeddings", deletes).await?.ok()?;
    for mode in MODES {
        let found = search(admin, ask(mode)).await?;
        assert!(!titles(&found).contains(&"wax"), "{mode}");
    }
    Ok(())
}

#[tokio::test]
async fn searching_needs_no_language_model() -> Result<()> {
    let options = Options::from(Backend::Sqlite).with("LLM_PROVIDER", "openai");
    let server = TestServer::start(options).await?;
    library(&server).await?;
    let found = search(server.admin(), json!({ "query": "Which moons does Mars have?" })).await?;
    assert_eq!(titles(&found)[0], "planets");
    Ok(())
}

#[tokio::test]
async fn both_databases_rank_alike() -> Result<()> {
    let mut answers = Vec::new();
    for backend in [Backend::Sqlite, Backend::Postgres] {
        if !backend.is_wanted() {
            return Ok(());
        }
        let server = TestServer::start(backend).await?;
        library(&server).await?;
        let mut found = Vec::new();
        for (query, mode) in
            [("the light of the pump", "lexical"), ("honey on Mars", "hybrid"), ("hives", "rerank")]
        {
            let body = json!({ "query": query, "searchMode": mode, "scoreThreshold": 0 });
            for result in search(server.admin(), body).await? {
                let (title, why) = (result["metadata"]["title"].clone(), result["why"].clone());
                found.push((title, result["score"].clone(), why));
            }
        }
        answers.push(found);
    }
    assert_eq!(answers[0], answers[1]);
    Ok(())
}

async fn a_passage_has_its_position_in_the_text(backend: Backend, mode: Mode) -> Result<()> {
    let server = TestServer::start_for(backend, mode).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha", "topN": 10 })).await?.ok()?;
    // Characters of one to four bytes, and paragraphs that repeat.
    let text =
        "Łódź hat 日本語 und 😀.\n\nThe ferry leaves at noon from the old pier.\n\n".repeat(90);
    let into = [("addToWorkspaces", "alpha")];
    let added = admin.upload("ferry.txt", text.as_bytes(), &into).await?.ok()?;
    let id = added["documents"][0]["id"].as_str().unwrap_or_default();
    let whole = admin.get(&format!("/v1/document/id/{id}?content=true")).await?.ok()?;
    let whole: Vec<char> =
        whole["document"]["pageContent"].as_str().unwrap_or_default().chars().collect();
    let position_matches = |at: &Value, shown: &Value| {
        let place = |name: &str| at[name].as_u64().map(|place| place as usize);
        let (start, end) = (place("start")?, place("end")?);
        let part: String = whole.get(start..end)?.iter().collect();
        let passage_text = shown.as_str()?.rsplit("</document_metadata>\n\n").next()?;
        Some((start, part == passage_text))
    };
    for mode in ["vector", "lexical", "hybrid", "rerank"] {
        let query =
            json!({ "query": "ferry at noon 日本語", "searchMode": mode, "scoreThreshold": 0.0 });
        let found = admin.post("/v1/workspace/alpha/vector-search", query).await?.ok()?;
        let found = found["results"].as_array().cloned().unwrap_or_default();
        let places = found.iter().map(|hit| position_matches(&hit["metadata"], &hit["text"]));
        let places: BTreeMap<_, _> = places.map(Option::unwrap_or_default).collect();
        assert!(places.len() > 3 && places.values().all(|right| *right), "{mode}: {found:?}");
    }
    let question = json!({ "message": "When does the ferry leave?", "mode": "query" });
    let answer = admin.post("/v1/workspace/alpha/chat", question).await?.ok()?;
    let source = &answer["sources"][0];
    assert!(position_matches(source, &source["text"]).is_some_and(|(_, right)| right), "{source}");
    Ok(())
}
