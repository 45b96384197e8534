//! Recorded installations answer as before after an import.
use anyhow::Result;
use e2e::import_check::{Comparison, Fixture, compare, installations};
use e2e::{Backend, TestServer};
use serde_json::json;

use super::import;

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
    for (name, password) in &fixture.users {
        let body = json!({ "username": name, "password": password });
        let session = client.anonymous().post("/v1/session", body).await?;
        assert_eq!(session.status, 200, "{name}: {session:?}");
    }
    let verified = server.carrel().run(&["verify"])?;
    assert_eq!(verified.code, Some(0), "{verified:?}");
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
