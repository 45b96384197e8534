//! No text is embedded twice, and documents are embedded again when they must be.
use anyhow::{Context, Result};
use e2e::{Backend, Client, TestServer, model_server, on_both_databases};
use serde_json::{Value, json};

use crate::jobs::{documents, embedding_with, is_over, until};

on_both_databases!(
    a_text_is_embedded_once_wherever_it_is_placed,
    a_change_of_the_provider_embeds_everything_again,
);

async fn place(admin: &Client, slug: &str, adds: &[String]) -> Result<Value> {
    let path = format!("/v1/workspace/{slug}/update-embeddings");
    let done = admin.post(&path, json!({ "adds": adds })).await?.ok()?;
    assert_eq!(done["failedToEmbed"], json!([]));
    Ok(done)
}

/// Waits for the newest refresh job to end and returns it.
async fn refreshed(admin: &Client, after: &Value) -> Result<Value> {
    for _ in 0..600 {
        let listed = admin.get("/v1/jobs?kind=refresh-embeddings").await?.ok()?;
        let newest = &listed["jobs"][0]["id"];
        if newest.as_i64() > after.as_i64() {
            return Ok(until(admin, newest, is_over).await?["job"].clone());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("nothing was embedded anew")
}

/// Returns the text of the passage nearest to a query, without its header.
async fn found(admin: &Client, query: &str) -> Result<String> {
    let query = json!({ "query": query, "topN": 1, "scoreThreshold": 0 });
    let found = admin.post("/v1/workspace/alpha/vector-search", query).await?.ok()?;
    let text = found["results"][0]["text"].as_str().context("nothing was found")?;
    Ok(text.lines().last().unwrap_or_default().to_owned())
}

async fn a_text_is_embedded_once_wherever_it_is_placed(backend: Backend) -> Result<()> {
    let model = model_server::start().await?;
    let server = TestServer::start(embedding_with(backend, &model.base_url(), "echo")).await?;
    let admin = server.admin();
    for name in ["Alpha", "Beta"] {
        admin.post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    let adds = documents(admin, &["Bees make honey.", "Mars has two moons."]).await?;
    place(admin, "alpha", &adds).await?;
    assert_eq!(model.embedded(), ["Bees make honey.", "Mars has two moons."]);
    // Again, in another workspace, under another name, and after it was removed.
    place(admin, "alpha", &adds).await?;
    place(admin, "beta", &adds).await?;
    let same = documents(admin, &["Bees make honey."]).await?;
    place(admin, "alpha", &same).await?;
    admin.upload("copy.txt", b"Mars has two moons.", &[("addToWorkspaces", "beta")]).await?.ok()?;
    let names = json!({ "names": adds });
    admin.delete("/v1/system/remove-documents", names).await?.ok()?;
    place(admin, "beta", &documents(admin, &["Bees make honey."]).await?).await?;
    assert_eq!(model.embedded().len(), 2, "{:?}", model.embedded());
    assert_eq!(found(admin, "honey").await?, "Bees make honey.");
    Ok(())
}

async fn a_change_of_the_provider_embeds_everything_again(backend: Backend) -> Result<()> {
    let (one, other) = (model_server::start().await?, model_server::start().await?);
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    let provider = async |base: String| -> Result<()> {
        let settings = json!({
            "EmbeddingEngine": "generic-openai",
            "EmbeddingBasePath": base,
            "EmbeddingModelPref": "echo",
        });
        admin.post("/v1/system/update-env", settings).await?.ok().map(drop)
    };
    provider(one.base_url()).await?;
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let adds = documents(admin, &["Bees make honey.", "Mars has two moons."]).await?;
    let before = place(admin, "alpha", &adds).await?["workspace"]["documents"].clone();
    assert_eq!((one.embedded().len(), other.embedded().len()), (2, 0));

    provider(other.base_url()).await?;
    let job = refreshed(admin, &json!(0)).await?;
    assert_eq!((&job["state"], &job["progress"]["done"]), (&json!("done"), &json!(2)));
    assert_eq!(job["createdBy"], "server");
    assert_eq!((one.embedded().len(), other.embedded().len()), (2, 2));
    let after = admin.get("/v1/workspace/alpha").await?.ok()?["workspace"][0]["documents"].clone();
    let keys = |places: &Value| -> Vec<String> {
        let places = places.as_array().into_iter().flatten();
        places.map(|place| place["docId"].to_string()).collect()
    };
    assert_eq!(keys(&after), keys(&before), "they are the same places to clients");
    assert_eq!(found(admin, "honey").await?, "Bees make honey.");

    // Other splitter settings split them again; these are short, so their chunks do not change.
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let preferences = json!({ "text_splitter_chunk_size": 500 });
    admin.post("/v1/admin/preferences", preferences).await?.ok()?;
    let embedded = other.embedded().len();
    let job = refreshed(admin, &job["id"]).await?;
    assert_eq!((&job["state"], &job["progress"]["done"]), (&json!("done"), &json!(2)));
    let passages = other.embedded().split_off(embedded);
    assert!(passages.iter().all(|text| !text.contains('.')), "{passages:?}");
    Ok(())
}
