//! Recorded installations answer as before after an import.
use anyhow::{Context, Result};
use e2e::import_check::{Comparison, Fixture, compare, installations};
use e2e::{Backend, Client, TestServer, model_server};
use serde_json::json;

use super::import;
use crate::embeds::ask;

/// Imports a recorded installation next to the clone, if it exists.
async fn import_recorded(name: &str) -> Result<()> {
    let folder = installations().join(name);
    if !folder.is_dir() {
        return Ok(());
    }
    let fixture = Fixture::read(&folder)?;
    let mut server = TestServer::start(Backend::Sqlite).await?;
    let output = import(&mut server, &fixture.storage, &[]).await?;
    assert_eq!(output.code, Some(0), "{output:?}");
    let client = server.admin().with_key(&fixture.key);
    client.get("/api/v1/auth").await?.ok()?;
    // The responses of some installations are reserved for acceptance tests.
    let compared = match fixture.expected.is_dir() {
        true => compare(&client, &fixture.expected).await?,
        false => Comparison::default(),
    };
    assert!(compared.different.is_empty(), "{name}: {:#?}", compared.different);
    widgets_answer(&client).await.with_context(|| format!("the widgets of {name}"))?;
    for (name, password) in &fixture.users {
        let body = json!({ "username": name, "password": password });
        let session = client.anonymous().post("/v1/session", body).await?;
        assert_eq!(session.status, 200, "{name}: {session:?}");
    }
    let verified = server.carrel().run(&["verify"])?;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    Ok(())
}

/// Each widget that is on answers on the pages that it allows.
async fn widgets_answer(client: &Client) -> Result<()> {
    let model = model_server::start().await?;
    let changes = json!({
        "LLMProvider": "generic-openai",
        "GenericOpenAiBasePath": model.base_url(),
        "GenericOpenAiKey": "a key",
        "GenericOpenAiModelPref": "echo",
        "EmbeddingEngine": "generic-openai",
        "EmbeddingBasePath": model.base_url(),
        "GenericOpenAiEmbeddingApiKey": "a key",
    });
    let changed = client.post("/api/v1/system/update-env", changes).await?.ok()?;
    assert_eq!(changed["error"], false, "{changed}");
    let listed = client.get("/api/v1/embed").await?.ok()?;
    let listed = listed["embeds"].as_array().filter(|listed| !listed.is_empty());
    for embed in listed.context("no widgets are imported")? {
        let uuid = embed["uuid"].as_str().context("no uuid")?;
        let allowed = embed["allowlist_domains"].as_str().unwrap_or("[]");
        let allowed: Vec<String> = serde_json::from_str(allowed)?;
        let body = json!({
            "sessionId": "3f1f3d3e-7c52-4c7e-9d0e-2a4f4b0e7d11", "message": "Hello?",
        });
        let answer = ask(client, uuid, allowed.first().map(String::as_str), body).await?;
        let text = answer.body.as_str().unwrap_or_default();
        let is_answered = answer.status == 200 && text.contains("textResponseChunk");
        assert_eq!(is_answered, embed["enabled"] == true, "{embed}: {answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_recorded_team_answers_as_before() -> Result<()> {
    import_recorded("multi").await
}

#[tokio::test]
async fn a_recorded_person_answers_as_before() -> Result<()> {
    import_recorded("single").await
}

#[tokio::test]
async fn a_recorded_installation_of_2024_answers_as_before() -> Result<()> {
    import_recorded("old").await
}
