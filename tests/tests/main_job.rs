//! The main task: add a document, ask, and get an answer that cites it.
use anyhow::Result;
use e2e::{Backend, Options, TestServer, model_server, on_both_databases};
use serde_json::{Value, json};

on_both_databases!(an_answer_cites_the_document, workspaces_are_isolated);

const PLANETS: &[u8] = b"Mars is the fourth planet. It has two moons, Phobos and Deimos.";
const BEES: &[u8] = b"Bees live in hives. They collect nectar and make honey from it.";

async fn library(server: &TestServer) -> Result<()> {
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    for (name, text) in [("planets.txt", PLANETS), ("bees.md", BEES)] {
        let added = admin.upload(name, text, &[("addToWorkspaces", "alpha")]).await?.ok()?;
        assert_eq!(added.get("warnings"), None);
    }
    Ok(())
}

async fn an_answer_cites_the_document(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    library(&server).await?;
    let question = json!({ "message": "Which moons does Mars have?", "mode": "query" });
    let answer = server.admin().post("/v1/workspace/alpha/chat", question).await?.ok()?;
    assert_eq!(
        (&answer["type"], &answer["close"], &answer["error"]),
        (&json!("textResponse"), &json!(true), &json!(null))
    );
    let text = answer["textResponse"].as_str().unwrap_or_default();
    assert!(text.contains("Phobos and Deimos") && text.contains("planets.txt"), "{text}");
    let source = &answer["sources"][0];
    assert_eq!(source["title"], "planets.txt");
    assert!(source["text"].as_str().is_some_and(|text| text.contains("Phobos")));
    assert!(source["score"].as_f64().is_some_and(|score| score > 0.4 && score <= 1.0));
    assert!(answer["chatId"].is_number() && answer["metrics"]["total_tokens"].is_number());
    let found = json!({ "query": "Who makes honey?", "topN": 1 });
    let found = server.admin().post("/v1/workspace/alpha/vector-search", found).await?.ok()?;
    assert_eq!(found["results"].as_array().map(Vec::len), Some(1));
    assert_eq!(found["results"][0]["metadata"]["title"], "bees.md");
    let unrelated = json!({ "query": "compiler optimisation", "scoreThreshold": 0.6 });
    let unrelated =
        server.admin().post("/v1/workspace/alpha/vector-search", unrelated).await?.ok()?;
    assert_eq!(unrelated["results"], json!([]));
    Ok(())
}

async fn workspaces_are_isolated(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    library(&server).await?;
    let admin = server.admin();
    admin
        .post("/v1/workspace/new", json!({ "name": "Beta", "queryRefusalResponse": "No." }))
        .await?
        .ok()?;
    let question = json!({ "message": "Which moons does Mars have?", "mode": "query" });
    let refused = admin.post("/v1/workspace/beta/chat", question.clone()).await?.ok()?;
    assert_eq!((&refused["textResponse"], &refused["sources"]), (&json!("No."), &json!([])));
    assert_eq!(refused["metrics"], json!({}));
    admin
        .upload("secret.txt", b"Mars has a secret third moon.", &[("addToWorkspaces", "beta")])
        .await?
        .ok()?;
    let answer = admin.post("/v1/workspace/alpha/chat", question).await?.ok()?;
    assert!(!answer.to_string().contains("secret"));
    Ok(())
}

#[tokio::test]
async fn a_language_model_gets_the_passages_and_the_conversation() -> Result<()> {
    let model = model_server::start().await?;
    let options = Options::with_model(model.base_url(), "echo", "4096")
        .with("GENERIC_OPEN_AI_API_KEY", "a-secret-for-the-model");
    let server = TestServer::start(options).await?;
    library(&server).await?;
    let admin = server.admin();
    for message in ["Which moons does Mars have?", "And which is larger?"] {
        let question = json!({ "message": message, "mode": "chat", "sessionId": "s-1" });
        let answer = admin.post("/v1/workspace/alpha/chat", question).await?.ok()?;
        assert_eq!(answer["metrics"]["model"], "echo");
    }
    let requests = model.requests();
    let chats: Vec<&Value> =
        requests.iter().filter(|request| request.get("messages").is_some()).collect();
    assert_eq!(chats.len(), 2);
    let system = chats[0]["messages"][0]["content"].as_str().unwrap_or_default().to_owned();
    assert!(system.contains("[CONTEXT 0]:") && system.contains("Phobos and Deimos"), "{system}");
    assert!(!system.contains("{datetime}"));
    let turns = chats[1]["messages"].as_array().cloned().unwrap_or_default();
    assert_eq!(turns.len(), 4, "system, question, answer, question");
    assert_eq!(turns[1]["content"], "Which moons does Mars have?");
    assert!(!server.log()?.contains("a-secret-for-the-model"));
    Ok(())
}

#[tokio::test]
async fn an_unavailable_language_model_is_reported() -> Result<()> {
    let options = Options::from(Backend::Sqlite)
        .with("LLM_PROVIDER", "generic-openai")
        .with("GENERIC_OPEN_AI_BASE_PATH", "http://127.0.0.1:9/v1")
        .with("GENERIC_OPEN_AI_MODEL_PREF", "echo")
        .with("GENERIC_OPEN_AI_API_KEY", "a-secret-for-the-model");
    let server = TestServer::start(options).await?;
    library(&server).await?;
    let question = json!({ "message": "Which moons does Mars have?" });
    let answer = server.admin().post("/v1/workspace/alpha/chat", question.clone()).await?;
    assert_eq!((answer.status, &answer.body["type"]), (503, &json!("abort")));
    assert!(
        answer.body["error"].as_str().is_some_and(|error| error.contains("the language model"))
    );
    assert!(!answer.body.to_string().contains("a-secret-for-the-model"));
    let answer = server.admin().post("/api/v1/workspace/alpha/chat", question).await?;
    assert_eq!((answer.status, &answer.body["type"]), (500, &json!("abort")));
    Ok(())
}

#[tokio::test]
async fn without_the_embedding_model_a_document_is_kept_with_a_warning() -> Result<()> {
    let empty = tempfile::tempdir()?;
    let options = Options::from(Backend::Sqlite);
    let options = options.with("CARREL_MODEL_DIR", empty.path().display().to_string());
    let server = TestServer::start(options).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let added = admin.upload("a.txt", b"text", &[("addToWorkspaces", "alpha")]).await?.ok()?;
    let warning = added["warnings"][0].as_str().unwrap_or_default();
    assert!(warning.contains("carrel model fetch"), "{warning}");
    assert_eq!(server.document_files()?.len(), 1);
    let place = added["documents"][0]["location"].clone();
    let done = admin
        .post("/v1/workspace/alpha/update-embeddings", json!({ "adds": [place] }))
        .await?
        .ok()?;
    assert_eq!(done["workspace"]["documents"], json!([]));
    assert_eq!(done["failedToEmbed"], json!([place]));
    Ok(())
}
