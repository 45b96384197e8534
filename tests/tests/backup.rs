//! Backups of a running server, their restoration, and damaged archives.
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, Result};
use e2e::{Backend, Client, TestServer, on_both_databases, send};
use reqwest::Method;
use serde_json::{Value, json};

on_both_databases!(stored_data_is_consistent_until_it_is_tampered_with);

/// Adds a page of text to the workspace `alpha` and returns its location.
async fn add(client: &Client, number: usize) -> Result<String> {
    let body = json!({
        "textContent": format!("Page {number} tells of bees number {number}."),
        "addToWorkspaces": "alpha", "metadata": { "title": format!("page {number}") },
    });
    let added = client.post("/v1/document/raw-text", body).await?.ok()?;
    let location = added["documents"][0]["location"].as_str();
    location.map(str::to_owned).context("no location")
}

async fn locations(client: &Client) -> Result<BTreeSet<String>> {
    let found = client.get("/v1/workspace/alpha").await?.ok()?;
    let placed = found["workspace"][0]["documents"].as_array().cloned().unwrap_or_default();
    Ok(placed.iter().filter_map(|place| place["docpath"].as_str().map(str::to_owned)).collect())
}

/// Adds and removes documents until stopped.
fn keep_busy(client: &Client, stop: &Arc<AtomicBool>) -> tokio::task::JoinHandle<Result<usize>> {
    let (client, stop) = (client.clone(), stop.clone());
    tokio::spawn(async move {
        let mut number = 1000;
        while !stop.load(Ordering::Relaxed) {
            let added = add(&client, number).await?;
            let removed = add(&client, number + 1).await?;
            client
                .delete("/v1/system/remove-documents", json!({ "names": [removed] }))
                .await?
                .ok()?;
            if number % 4 == 0 {
                let names = json!({ "names": [added] });
                client.delete("/v1/system/remove-documents", names).await?.ok()?;
            }
            number += 2;
        }
        Ok(number)
    })
}

/// Downloads a backup.
async fn download(server: &TestServer, to: &Path) -> Result<PathBuf> {
    let answer = server.admin().request(Method::POST, "/v1/system/backup").send().await?;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/x-tar");
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let file = to.join("downloaded.tar");
    std::fs::write(&file, answer.bytes().await?)?;
    Ok(file)
}

/// Replaces the server's storage by a backup and starts it again.
async fn restore(server: &mut TestServer, archive: &Path) -> Result<()> {
    server.kill()?;
    std::fs::remove_dir_all(server.storage())?;
    let restored = server.carrel().run(&["restore", &archive.display().to_string()])?;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    // Without its key, the seal of the audit log cannot be checked.
    if restored.stderr.contains("no secret key") {
        let verified = server.carrel().run(&["audit", "verify"])?;
        assert!(verified.stderr.contains("made with another secret key"), "{verified:?}");
        assert_eq!(server.carrel().run(&["audit", "seal"])?.code, Some(0));
    }
    let verified = server.carrel().run(&["verify"])?;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    server.run().await
}

async fn seeded() -> Result<(TestServer, BTreeSet<String>)> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let secret = json!({ "OpenAiKey": "sk-of-the-tests-0123456789" });
    admin.post("/v1/system/update-env", secret).await?.ok()?;
    let mut acknowledged = BTreeSet::new();
    for number in 0..8 {
        acknowledged.insert(add(admin, number).await?);
    }
    let ask = json!({ "message": "What do bees do?", "mode": "query" });
    admin.post("/v1/workspace/alpha/chat", ask).await?.ok()?;
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    Ok((server, acknowledged))
}

async fn assert_there(server: &TestServer, acknowledged: &BTreeSet<String>) -> Result<()> {
    let admin = server.admin();
    // The backup may contain a stored document whose job had not ended.
    admin.jobs_end().await?;
    let placed = locations(admin).await?;
    assert!(placed.is_superset(acknowledged), "{placed:?} lacks some of {acknowledged:?}");
    let files: BTreeSet<_> = server.document_files()?.into_iter().collect();
    let root = server.storage().join("documents");
    let known: BTreeSet<_> = placed.iter().map(|location| root.join(location)).collect();
    assert_eq!(files, known);
    let chats = admin.get("/v1/workspace/alpha/chats").await?.ok()?;
    assert_eq!(chats["history"].as_array().map(Vec::len), Some(2));
    let users = admin.get("/v1/users").await?.ok()?;
    assert_eq!(users["users"][0]["username"], "main-admin");
    let query = json!({ "query": "bees number 3", "topN": 100, "scoreThreshold": 0 });
    let found = admin.post("/v1/workspace/alpha/vector-search", query).await?.ok()?;
    assert!(found["results"].as_array().is_some_and(|found| found.len() >= acknowledged.len()));
    Ok(())
}

#[tokio::test]
async fn a_backup_under_load_contains_every_acknowledged_change() -> Result<()> {
    let (mut server, acknowledged) = seeded().await?;
    let scratch = tempfile::tempdir()?;
    let stop = Arc::new(AtomicBool::new(false));
    let busy = [keep_busy(server.admin(), &stop), keep_busy(server.admin(), &stop)];
    let own_backup = scratch.path().join("mine.tar");
    let carrel = server.carrel().clone();
    let file = own_backup.display().to_string();
    let made = tokio::task::spawn_blocking(move || carrel.run(&["backup", &file])).await??;
    assert_eq!(made.code, Some(0), "{made:?}");
    let downloaded = download(&server, scratch.path()).await?;
    stop.store(true, Ordering::Relaxed);
    for busy in busy {
        busy.await??;
    }
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    let verified = server.carrel().run(&["verify"])?;
    assert_eq!(verified.code, Some(0), "{verified:?}");

    restore(&mut server, &own_backup).await?;
    assert_there(&server, &acknowledged).await?;
    let shown = server.admin().get("/v1/system").await?.ok()?;
    assert_eq!(shown["settings"]["OpenAiKey"], true);

    // A backup downloaded over the network does not contain the secret key.
    restore(&mut server, &downloaded).await?;
    assert_there(&server, &acknowledged).await?;
    let shown = server.admin().get("/v1/system").await?.ok()?;
    assert_eq!(shown["settings"]["OpenAiKey"], false);
    let bytes = std::fs::read(&downloaded)?;
    let contains = |text: &str| bytes.windows(text.len()).any(|window| window == text.as_bytes());
    assert!(!contains("secret.key") && !contains("sk-of-the-tests") && !contains(".env"));
    Ok(())
}

#[tokio::test]
async fn a_damaged_backup_is_refused_and_leaves_nothing() -> Result<()> {
    let (server, _) = seeded().await?;
    let scratch = tempfile::tempdir()?;
    let archive = download(&server, scratch.path()).await?;
    let whole = std::fs::read(&archive)?;
    let target = scratch.path().join("target");
    let elsewhere = e2e::Carrel::new(&target)?;
    let refused = |bytes: &[u8]| -> Result<String> {
        std::fs::write(&archive, bytes)?;
        let refused = elsewhere.run(&["restore", &archive.display().to_string()])?;
        assert_eq!(refused.code, Some(1), "{refused:?}");
        assert!(!target.exists(), "{refused:?}");
        assert_eq!(std::fs::read_dir(scratch.path())?.count(), 1, "{refused:?}");
        Ok(refused.stderr)
    };
    for length in [0, 100, 512, whole.len() / 2, whole.len() - 4096] {
        let message = refused(&whole[..length])?;
        assert!(message.contains("cannot be used"), "{length}: {message}");
    }
    // In the header of a file, in the middle of the database, and in the digests.
    let named = |window: &[u8]| window == b"SHA256SUMS";
    let digests = whole.windows(10).position(named).context("no digests")? + 512;
    for place in [600, whole.len() / 2, digests + 10] {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        let message = refused(&changed)?;
        assert!(message.contains("cannot be used"), "{place}: {message}");
    }
    refused(b"no archive at all")?;
    std::fs::write(&archive, &whole)?;
    let arguments = ["restore", &archive.display().to_string()];
    assert_eq!(elsewhere.run(&arguments)?.code, Some(0));
    let again = elsewhere.run(&arguments)?;
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("already exists"), "{again:?}");
    let verified = server.carrel().run(&["verify"])?;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    Ok(())
}

#[tokio::test]
async fn an_archive_cannot_lead_outside() -> Result<()> {
    let scratch = tempfile::tempdir()?;
    let canary = scratch.path().join("canary");
    std::fs::write(&canary, "still here")?;
    let about = "{\"format\": 1}";
    for name in
        ["../canary", "/tmp/carrel-canary", "a/../../canary", "./x", "documents/../../canary"]
    {
        let mut archive = entry("carrel-backup.json", about, b'0');
        archive.extend(entry(name, "overwritten", b'0'));
        let file = scratch.path().join("evil.tar");
        std::fs::write(&file, archive)?;
        let target = scratch.path().join("target");
        let refused = e2e::Carrel::new(&target)?.run(&["restore", &file.display().to_string()])?;
        assert_eq!(refused.code, Some(1), "{name}: {refused:?}");
        assert!(!target.exists() && std::fs::read_to_string(&canary)? == "still here", "{name}");
    }
    for kind in [b'1', b'2', b'3', b'S'] {
        let mut archive = entry("carrel-backup.json", about, b'0');
        archive.extend(entry("documents/a", "", kind));
        let file = scratch.path().join("evil.tar");
        std::fs::write(&file, archive)?;
        let target = scratch.path().join("target");
        let refused = e2e::Carrel::new(&target)?.run(&["restore", &file.display().to_string()])?;
        assert_eq!(refused.code, Some(1), "{kind}: {refused:?}");
        assert!(!target.exists(), "{kind}");
    }
    Ok(())
}

/// Returns an entry of a tar file.
fn entry(name: &str, content: &str, kind: u8) -> Vec<u8> {
    let mut head = [0u8; 512];
    head[..name.len()].copy_from_slice(name.as_bytes());
    let fields = [(100, "0000600\0"), (108, "0000000\0"), (116, "0000000\0"), (257, "ustar  \0")];
    let size = format!("{:011o}\0", content.len());
    let time = format!("{:011o}\0", 0);
    for (at, text) in fields.into_iter().chain([(124, &*size), (136, &*time)]) {
        head[at..at + text.len()].copy_from_slice(text.as_bytes());
    }
    head[156] = kind;
    if kind == b'1' || kind == b'2' {
        head[157..163].copy_from_slice(b"../../");
    }
    head[148..156].fill(b' ');
    let sum: u32 = head.iter().map(|byte| u32::from(*byte)).sum();
    head[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut entry = head.to_vec();
    entry.extend(content.as_bytes());
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

async fn stored_data_is_consistent_until_it_is_tampered_with(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let (one, two) = (add(admin, 1).await?, add(admin, 2).await?);
    let verify = || server.carrel().run(&["verify"]);
    let sound = verify()?;
    assert_eq!(sound.code, Some(0), "{sound:?}");
    assert!(sound.stdout.contains("2 documents"), "{sound:?}");

    let root = server.storage().join("documents");
    let text = std::fs::read_to_string(root.join(&one))?;
    std::fs::write(root.join(&one), text.replace("bees", "wasps"))?;
    std::fs::remove_file(root.join(&two))?;
    std::fs::write(root.join("custom-documents/stray.json"), "{}")?;
    let found = verify()?;
    assert_eq!(found.code, Some(1), "{found:?}");
    for fault in [
        format!("the text in the file {one} differs from the document's"),
        format!("the file {two} is missing"),
        "the file custom-documents/stray.json belongs to no document".to_owned(),
    ] {
        assert!(found.stdout.contains(&fault), "{fault}: {found:?}");
    }
    Ok(())
}

#[tokio::test]
async fn on_postgres_only_files_are_backed_up_with_a_note() -> Result<()> {
    if !Backend::Postgres.is_wanted() {
        return Ok(());
    }
    let server = TestServer::start(Backend::Postgres).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let location = add(admin, 1).await?;
    let scratch = tempfile::tempdir()?;
    let file = scratch.path().join("files.tar").display().to_string();
    let made = server.carrel().run(&["backup", &file])?;
    assert_eq!(made.code, Some(0), "{made:?}");
    assert!(made.stderr.contains("pg_dump"), "{made:?}");
    let again = server.carrel().run(&["backup", &file])?;
    assert!(again.code == Some(1) && again.stderr.contains("exists already"), "{again:?}");
    let target = scratch.path().join("target");
    let restored = e2e::Carrel::new(&target)?.run(&["restore", &file])?;
    assert_eq!(restored.code, Some(0), "{restored:?}");
    for remedy in ["pg_restore", "vector_name"] {
        assert!(restored.stderr.contains(remedy), "{restored:?}");
    }
    assert!(target.join("documents").join(location).exists() && !target.join("carrel.db").exists());
    Ok(())
}

#[tokio::test]
async fn backups_run_one_at_a_time_and_stop_when_the_client_disconnects() -> Result<()> {
    let (server, _) = seeded().await?;
    let admin = server.admin();
    let answers = futures_util::future::join_all(
        (0..4).map(|_| send(admin.request(Method::POST, "/v1/system/backup"))),
    );
    let statuses: Vec<_> =
        answers.await.into_iter().map(|answer| answer.map(|a| a.status)).collect::<Result<_>>()?;
    assert!(statuses.contains(&200), "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 429].contains(status)), "{statuses:?}");
    // A disconnected client leaves nothing behind, and the next one is served.
    let request = admin.request(Method::POST, "/v1/system/backup");
    drop(request.send().await?);
    let mut last = Value::Null;
    for _ in 0..200 {
        let answer = send(admin.request(Method::POST, "/v1/system/backup")).await?;
        last = json!(answer.status);
        if answer.status == 200 {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(last, 200);
    while std::fs::read_dir(server.storage().join("tmp"))?.count() > 0 {
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    Ok(())
}
