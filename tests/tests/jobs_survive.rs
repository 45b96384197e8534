//! `kill -9` while documents are being embedded.
use anyhow::Result;
use e2e::{Backend, Client, TestServer, model_server, on_both_databases};
use serde_json::{Value, json};

use crate::jobs::{documents, embedding_with, is_over, place_later, until};

on_both_databases!(
    a_job_continues_after_a_kill,
    work_that_a_client_waited_for_is_completed_after_a_kill,
    a_refresh_of_documents_survives_a_kill,
);

const PAGES: usize = 200;

async fn pages(admin: &Client) -> Result<Vec<String>> {
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let texts: Vec<_> = (0..PAGES).map(|number| format!("This is page number{number}.")).collect();
    documents(admin, &texts.iter().map(String::as_str).collect::<Vec<_>>()).await
}

/// Checks that every document is placed once, has one passage, and is found.
async fn assert_whole(admin: &Client, adds: &[String]) -> Result<Value> {
    let found = admin.get("/v1/workspace/alpha").await?.ok()?;
    let places = found["workspace"][0]["documents"].clone();
    let paths = places.as_array().into_iter().flatten();
    let mut paths: Vec<_> = paths.filter_map(|place| place["docpath"].as_str()).collect();
    paths.sort_unstable();
    let mut expected: Vec<_> = adds.iter().map(String::as_str).collect();
    expected.sort_unstable();
    assert_eq!(paths, expected);
    let vectors = admin.get("/v1/system/vector-count").await?.ok()?;
    assert_eq!(vectors["vectorCount"], json!(adds.len()));
    for number in [0, 7, PAGES / 2, PAGES - 1] {
        let query = json!({ "query": format!("page number{number}"), "topN": 1 });
        let found = admin.post("/v1/workspace/alpha/vector-search", query).await?.ok()?;
        let text = found["results"][0]["text"].as_str().unwrap_or_default();
        assert!(text.ends_with(&format!("This is page number{number}.")), "{text}");
    }
    Ok(places)
}

fn some_done(job: &Value, at_least: u64) -> bool {
    job["progress"]["done"].as_u64() >= Some(at_least)
}

async fn a_job_continues_after_a_kill(backend: Backend) -> Result<()> {
    let model = model_server::start().await?;
    let options = embedding_with(backend, &model.base_url(), "slow");
    let mut server = TestServer::start(options).await?;
    let adds = pages(server.admin()).await?;
    let job = place_later(server.admin(), "alpha", &adds).await?;
    for done in [1, 100] {
        until(server.admin(), &job["id"], |job| some_done(job, done)).await?;
        server.kill()?;
        server.run().await?;
    }
    let over = until(server.admin(), &job["id"], is_over).await?;
    assert_eq!(
        (&over["job"]["state"], &over["job"]["progress"]["done"]),
        (&json!("done"), &json!(PAGES))
    );
    assert_whole(server.admin(), &adds).await?;
    // Texts embedded before the kill are cached, except for those in progress.
    assert!(model.embedded().len() < PAGES + 150, "{}", model.embedded().len());
    Ok(())
}

async fn work_that_a_client_waited_for_is_completed_after_a_kill(backend: Backend) -> Result<()> {
    let model = model_server::start().await?;
    let options = embedding_with(backend, &model.base_url(), "slow");
    let mut server = TestServer::start(options).await?;
    let adds = pages(server.admin()).await?;
    let (admin, body) = (server.admin().clone(), json!({ "adds": adds }));
    let waiting =
        tokio::spawn(
            async move { admin.post("/v1/workspace/alpha/update-embeddings", body).await },
        );
    let newest = loop {
        let listed = server.admin().get("/v1/jobs").await?.ok()?;
        if listed["jobs"][0]["id"].is_number() {
            break listed["jobs"][0]["id"].clone();
        }
    };
    until(server.admin(), &newest, |job| some_done(job, 1)).await?;
    server.kill()?;
    assert!(waiting.await?.is_err(), "nothing was acknowledged");
    server.run().await?;
    let over = until(server.admin(), &newest, is_over).await?;
    assert_eq!(over["job"]["state"], "done");
    assert_whole(server.admin(), &adds).await.map(drop)
}

async fn a_refresh_of_documents_survives_a_kill(backend: Backend) -> Result<()> {
    let (one, other) = (model_server::start().await?, model_server::start().await?);
    let mut server = TestServer::start(backend).await?;
    let provider = |base: String, model: &str| {
        json!({
            "EmbeddingEngine": "generic-openai",
            "EmbeddingBasePath": base,
            "EmbeddingModelPref": model,
        })
    };
    let settings = provider(one.base_url(), "echo");
    server.admin().post("/v1/system/update-env", settings).await?.ok()?;
    let adds = pages(server.admin()).await?;
    let body = json!({ "adds": adds });
    server.admin().post("/v1/workspace/alpha/update-embeddings", body).await?.ok()?;
    let before = assert_whole(server.admin(), &adds).await?;
    let settings = provider(other.base_url(), "slow");
    server.admin().post("/v1/system/update-env", settings).await?.ok()?;
    let newest = loop {
        let listed = server.admin().get("/v1/jobs?kind=refresh-embeddings").await?.ok()?;
        if listed["jobs"][0]["id"].is_number() {
            break listed["jobs"][0]["id"].clone();
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    until(server.admin(), &newest, |job| some_done(job, 1)).await?;
    server.kill()?;
    server.run().await?;
    let over = until(server.admin(), &newest, is_over).await?;
    assert_eq!(
        (&over["job"]["state"], &over["job"]["progress"]["done"]),
        (&json!("done"), &json!(PAGES))
    );
    let after = assert_whole(server.admin(), &adds).await?;
    let keys = |places: &Value| -> Vec<String> {
        let places = places.as_array().into_iter().flatten();
        let mut keys: Vec<_> = places.map(|place| place["docId"].to_string()).collect();
        keys.sort();
        keys
    };
    assert_eq!(keys(&after), keys(&before));
    Ok(())
}
