//! An import into a running server, over HTTP.
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::visitor::Visitor;
use e2e::{Backend, TestServer, on_both_databases};
use serde_json::{Value, json};

on_both_databases!(an_empty_server_imports_while_it_runs);

pub fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &to)?,
            false => fs::copy(entry.path(), to).map(drop)?,
        }
    }
    Ok(())
}

/// Waits for the import to end and returns it.
async fn ended(server: &TestServer) -> Result<Value> {
    let started = Instant::now();
    loop {
        let status = server.admin().get("/v1/system/import").await?.ok()?;
        if status["state"] != "running" {
            return Ok(status);
        }
        ensure!(started.elapsed() < Duration::from_secs(60), "the import does not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn an_empty_server_imports_while_it_runs(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let (admin, path) = (server.admin(), "/v1/system/import");
    let idle = admin.get(path).await?.ok()?;
    assert_eq!((&idle["state"], &idle["report"]), (&json!("idle"), &Value::Null));
    for source in ["old", "..", "../import/old", "/etc"] {
        let refused = admin.post(path, json!({ "source": source })).await?;
        assert_eq!(refused.status, 404, "{source}: {}", refused.body);
    }
    assert_eq!(admin.post(path, json!({ "source": 5 })).await?.status, 400);
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("import/storage");
    copy(&fixture, &server.storage().join("import/old"))?;

    let planned = admin.post(path, json!({ "source": "old" })).await?;
    assert_eq!(planned.status, 202, "{}", planned.body);
    let planned = ended(&server).await?;
    assert_eq!((&planned["state"], &planned["dry_run"]), (&json!("finished"), &json!(true)));
    assert_eq!(planned["report"]["tables"]["users"]["imported"], 3);
    assert_eq!(admin.get("/v1/workspaces").await?.ok()?, json!({ "workspaces": [] }));

    let started = admin.post(path, json!({ "source": "old", "dryRun": false })).await?;
    assert_eq!(started.status, 202, "{}", started.body);
    let done = ended(&server).await?;
    assert_eq!((&done["state"], &done["dry_run"]), (&json!("finished"), &json!(false)), "{done}");
    // The running server accepts the imported keys and users.
    let key = admin.with_key("KEY1AAA-BBBBBBB-CCCCCCC-DDDDDDD");
    key.get("/api/v1/auth").await?.ok()?;
    let commands = key.get("/v1/admin/slash-commands").await?.ok()?;
    let command = &commands["slash_commands"][0];
    assert_eq!((&command["command"], &command["user_id"]), (&json!("/tide"), &json!(1)));
    // A mode enabled by another process is noticed within a second.
    tokio::time::sleep(Duration::from_millis(1100)).await;
    let users = key.get("/v1/admin/users").await?.ok()?;
    let users = users["users"].as_array().context("no users")?;
    assert_eq!(users.len(), 3);
    let mut visitor = Visitor::new(admin)?;
    assert_eq!(visitor.get("/sign-in").await?.status, 200);

    // A second import reports that everything was imported already.
    let again = admin.post(path, json!({ "source": "old", "dry_run": false })).await?;
    assert_eq!(again.status, 202, "{}", again.body);
    assert_eq!(ended(&server).await?["report"], done["report"]);
    Ok(())
}

#[tokio::test]
async fn a_server_in_use_only_previews_an_import() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Mine" })).await?.ok()?;
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("import/storage");
    copy(&fixture, &server.storage().join("import/old"))?;
    let body = json!({ "source": "old", "dry_run": false });
    let refused = admin.post("/v1/system/import", body).await?;
    assert_eq!(refused.status, 422, "{}", refused.body);
    ensure!(refused.body["error"].as_str().is_some_and(|message| message.contains("1 workspaces")));
    admin.post("/v1/system/import", json!({ "source": "old", "dry_run": true })).await?;
    assert_eq!(ended(&server).await?["state"], "finished");
    Ok(())
}
