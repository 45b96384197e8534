//! Recordings: transcribed if a model is installed, otherwise refused with a reason.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use e2e::{Backend, Options, TestServer};
use serde_json::json;

fn recording(name: &str) -> Result<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/recordings");
    std::fs::read(folder.join(name)).with_context(|| format!("failed to read {name}"))
}

/// Whether the model is in the directory of the tests' models.
fn has_model() -> bool {
    let models = std::env::var_os("CARREL_MODEL_DIR").map(PathBuf::from);
    let is_there = models
        .is_some_and(|models| models.with_file_name("whisper-base").join("config.json").exists());
    if !is_there {
        eprintln!("skipped: no model beside CARREL_MODEL_DIR (carrel model fetch whisper-base)");
    }
    is_there
}

#[tokio::test]
async fn a_recording_becomes_a_document_that_knows_its_seconds() -> Result<()> {
    if !has_model() {
        return Ok(());
    }
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    let types = admin.get("/v1/document/accepted-file-types").await?.ok()?;
    assert!(types["types"].get("audio/mpeg").is_some(), "{types}");
    admin.post("/v1/workspace/new", json!({ "name": "Talks" })).await?.ok()?;
    let into = [("addToWorkspaces", "talks")];
    let added = admin.upload("talk.webm", &recording("talk.webm")?, &into).await?.ok()?;
    assert!(added["documents"][0].get("warnings").is_none(), "{added}");
    let search = json!({ "query": "When does the meeting begin?", "topN": 1, "scoreThreshold": 0 });
    let found = admin.post("/v1/workspace/talks/vector-search", search).await?.ok()?;
    let first = &found["results"][0];
    let text = first["text"].as_str().unwrap_or_default();
    assert!(text.contains("[00:00:0") && text.contains("Monday"), "{found}");
    let second = first["metadata"]["time"].as_str().unwrap_or_default();
    assert!(second.starts_with("00:00:0"), "{found}");
    Ok(())
}

#[tokio::test]
async fn without_a_model_a_recording_is_refused_with_the_command() -> Result<()> {
    let nowhere = tempfile::tempdir()?;
    let models = nowhere.path().join("all-MiniLM-L6-v2");
    let models = models.to_str().context("no UTF-8")?;
    let options = Options::from(Backend::Sqlite).with("CARREL_MODEL_DIR", models);
    let server = TestServer::start(options).await?;
    let types = server.admin().get("/v1/document/accepted-file-types").await?.ok()?;
    assert!(types["types"].get("audio/mpeg").is_none(), "{types}");
    let refused = server.admin().upload("talk.mp3", &recording("talk.mp3")?, &[]).await?;
    assert_eq!(refused.status, 422);
    let reason = refused.body.to_string();
    assert!(reason.contains("carrel model fetch whisper-base"), "{reason}");
    Ok(())
}
