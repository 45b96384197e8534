//! Attacks on the audit log: by a person who can write the database, and by strangers who fill it.
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use e2e::{Backend, TestServer, on_both_databases};
use serde_json::json;

on_both_databases!(guessing_passwords_does_not_fill_the_log);

/// Runs SQL on the database, as an attacker can who has the file but not the key.
fn forge(database: &Path, sql: &str) -> Result<()> {
    const RUN: &str = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); c.executescript(sys.argv[2]); c.commit()";
    let done = Command::new("python3").args(["-c", RUN]).arg(database).arg(sql).status()?;
    anyhow::ensure!(done.success(), "{sql}");
    Ok(())
}

async fn changed(server: &TestServer, names: std::ops::Range<u32>) -> Result<()> {
    for number in names {
        let name = format!("Workspace {number}");
        server.admin().post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    Ok(())
}

fn head(server: &TestServer) -> Result<String> {
    let output = server.carrel().run(&["audit", "head"])?;
    anyhow::ensure!(output.code == Some(0) && !output.stderr.contains("warning"), "{output:?}");
    Ok(output.stdout.trim().to_owned())
}

/// Returns the head once the metrics agree with it: a server that has just started may still write
/// events.
async fn measured_head(server: &TestServer) -> Result<String> {
    for _ in 0..100 {
        let anchor = head(server)?;
        let (id, digest) = anchor.split_once(':').context("no anchor")?;
        let short = u64::from_str_radix(&digest[..12], 16)?;
        let expected = [
            format!("carrel_audit_head_id {id}"),
            format!("carrel_audit_head_digest {short}"),
            "carrel_audit_head_sealed 1".to_owned(),
        ];
        let figures = server.admin().get("/metrics").await?.body;
        let metrics: Vec<_> = figures.as_str().unwrap_or_default().lines().collect();
        if expected.iter().all(|figure| metrics.contains(&figure.as_str())) {
            return Ok(anchor);
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    anyhow::bail!("the metrics never tell the head")
}

/// The fault that `carrel audit verify` reports, if any.
fn fault(server: &TestServer, anchor: Option<&str>) -> Result<String> {
    let anchor = anchor.map(|anchor| ["--anchor", anchor]);
    let arguments: Vec<_> =
        ["audit", "verify"].into_iter().chain(anchor.into_iter().flatten()).collect();
    let output = server.carrel().run(&arguments)?;
    match output.code {
        Some(0) => Ok(String::new()),
        Some(1) => Ok(output.stderr),
        _ => anyhow::bail!("{output:?}"),
    }
}

#[tokio::test]
async fn a_truncated_or_replaced_log_is_detected() -> Result<()> {
    let mut server = TestServer::start(Backend::Sqlite).await?;
    let database = server.storage().join("carrel.db");
    changed(&server, 0..3).await?;
    server.stop().await?;
    let early = std::fs::read(&database)?;
    server.run().await?;
    changed(&server, 3..6).await?;
    let anchor = measured_head(&server).await?;
    server.stop().await?;
    assert_eq!(fault(&server, Some(&anchor))?, "");
    let whole = std::fs::read(&database)?;

    // Truncate the log and adjust the record of its end.
    forge(
        &database,
        "DELETE FROM events WHERE id > 3;
         UPDATE audit_head SET last_id = 3, digest = (SELECT digest FROM events WHERE id = 3);",
    )?;
    assert!(fault(&server, None)?.contains("its end was cut off"));
    // Remove every trace of a seal.
    forge(&database, "UPDATE audit_head SET seal = NULL, sealed_id = NULL, sealed_digest = NULL;")?;
    server.run().await?;
    changed(&server, 10..12).await?;
    server.stop().await?;
    assert!(fault(&server, None)?.contains("its seal was removed"));
    let verified = server.carrel().run(&["verify"])?;
    assert_eq!(verified.code, Some(1), "{verified:?}");
    assert!(verified.stdout.contains("the audit log is broken"), "{verified:?}");

    // Restore the complete earlier database: its seal fits, and only an anchor kept elsewhere
    // reveals it.
    std::fs::write(&database, early)?;
    assert_eq!(fault(&server, None)?, "");
    assert!(fault(&server, Some(&anchor))?.contains("its end was cut off"));
    let elsewhere = server.storage().with_file_name("heads");
    std::fs::write(&elsewhere, format!("1:000000000000\n{anchor}\n"))?;
    assert!(fault(&server, elsewhere.to_str())?.contains("its end was cut off"));
    std::fs::remove_file(&elsewhere)?;

    // Another key does not seal the log until the operator seals it explicitly.
    std::fs::write(&database, whole)?;
    std::fs::remove_file(server.storage().join("secret.key"))?;
    assert!(fault(&server, None)?.contains("made with another secret key"));
    let sealed = server.carrel().run(&["audit", "seal"])?;
    assert_eq!(sealed.code, Some(0), "{sealed:?}");
    assert_eq!(fault(&server, Some(&anchor))?, "");
    assert_ne!(head(&server)?, anchor, "who vouched for it is in the log");
    Ok(())
}

async fn guessing_passwords_does_not_fill_the_log(backend: Backend) -> Result<()> {
    let mut server = TestServer::start(backend).await?;
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    server.admin().post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let stranger = server.admin().anonymous();
    let guess = json!({ "username": "main-admin", "password": "wrong horse" });
    for _ in 0..8 {
        assert_eq!(stranger.post("/v1/session", guess.clone()).await?.status, 401);
    }
    let failures = async |server: &TestServer| -> Result<Vec<(String, String)>> {
        let logged = server.admin().get("/v1/admin/event-logs?limit=100").await?.ok()?;
        let events = logged["events"].as_array().cloned().unwrap_or_default();
        let text = |value: &serde_json::Value| value.to_string();
        let listed = events.iter().map(|event| (text(&event["event"]), text(&event["details"])));
        Ok(listed.filter(|(name, _)| name.contains("failed_login")).collect())
    };
    assert_eq!(failures(&server).await?.len(), 1);
    // Counted sign-ins are recorded when the server stops.
    server.stop().await?;
    server.run().await?;
    let recorded = failures(&server).await?;
    assert_eq!(recorded.len(), 2, "{recorded:?}");
    assert!(recorded[0].0.contains("failed_logins_repeated"), "{recorded:?}");
    assert!(
        recorded[0].1.contains("\"times\":7") && recorded[0].1.contains("main-admin"),
        "{recorded:?}"
    );
    Ok(())
}
