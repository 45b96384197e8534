//! A full disk, and a read-only database.
use anyhow::{Context, Result};
use e2e::disk::SmallDisk;
use e2e::visitor::Visitor;
use e2e::{Answer, Backend, Carrel, Client, Mode, Options, TestServer};
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

/// Returns a text of about a quarter of a megabyte.
fn page(number: usize) -> Value {
    let text = format!("Page {number} tells of honey. ").repeat(10_000);
    json!({ "textContent": text, "metadata": { "title": format!("page {number}") } })
}

/// Adds pages until one is refused. Returns the locations of the others, and the refusal.
async fn fill(admin: &Client) -> Result<(Vec<String>, Answer)> {
    let mut locations = Vec::new();
    for number in 0..1000 {
        let answer = admin.post("/v1/document/raw-text", page(number)).await?;
        if answer.status != 200 {
            return Ok((locations, answer));
        }
        let location = answer.body["documents"][0]["location"].as_str().context("no location")?;
        locations.push(location.to_owned());
    }
    anyhow::bail!("the disk was never full")
}

fn assert_says_why(answer: &Answer, why: &str) {
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.body.to_string().contains(why), "{}", answer.body);
}

#[tokio::test]
async fn a_full_disk_is_reported_and_loses_nothing() -> Result<()> {
    let Some(disk) = SmallDisk::new(24)? else { return Ok(()) };
    let ballast = disk.path_in_namespace().join("ballast");
    std::fs::write(&ballast, vec![7; 6 << 20])?;
    let mut server = TestServer::start(Options::from(Backend::Sqlite).on(disk)).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let (mut stored, refused) = fill(admin).await?;
    assert_says_why(&refused, "its disk is full");
    assert!(stored.len() > 10, "{}", stored.len());

    // Until there is space, each change is made or refused with the reason, and nobody gets access
    // who should not have it.
    let large = vec![b'x'; 4 << 20];
    assert_says_why(&admin.upload("large.txt", &large, &[]).await?, "its disk is full");
    let mut refusals = 0;
    for number in 0..300 {
        let name = format!("{number} {}", "x".repeat(200));
        let setting = json!({ "OllamaLLMModelPref": "y".repeat(20_000) });
        let question = json!({ "message": "Is there honey?", "mode": "chat" });
        for answer in [
            admin.post("/v1/workspace/new", json!({ "name": name })).await?,
            admin.post("/v1/system/update-env", setting).await?,
            admin.post("/v1/workspace/alpha/chat", question).await?,
            admin.post("/v1/system/backup", json!(null)).await?,
        ] {
            assert!([200, 503].contains(&answer.status), "{} {}", answer.status, answer.body);
            refusals += usize::from(answer.status == 503);
        }
        assert_eq!(admin.with_key("wrong").get("/v1/workspaces").await?.status, 403);
        if refusals > 20 {
            break;
        }
    }
    assert!(refusals > 0, "a full disk refused nothing");
    assert_eq!(admin.get("/v1/workspaces").await?.status, 200);
    assert_eq!(server.carrel().run(&["backup", "/dev/shm/never.tar"])?.code, Some(1));

    let log = server.log()?;
    assert!(log.contains(" WARN ") && !log.contains(" ERROR "), "{log}");
    std::fs::remove_file(&ballast)?;
    let added = admin.post("/v1/document/raw-text", page(2000)).await?.ok()?;
    stored.push(added["documents"][0]["location"].as_str().context("no location")?.to_owned());
    server.kill()?;
    let verified = server.carrel().run(&["verify"])?;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    server.run().await?;
    let removed = json!({ "names": stored });
    let removed = server.admin().delete("/v1/system/remove-documents", removed).await?.ok()?;
    assert!(!removed["message"].to_string().contains("not"), "{removed}");
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    Ok(())
}

#[tokio::test]
async fn a_read_only_storage_is_refused_at_the_start() -> Result<()> {
    let Some(disk) = SmallDisk::new(16)? else { return Ok(()) };
    let carrel = Carrel::new(&disk.path().join("storage"))?.within(&disk.runner());
    assert_eq!(carrel.run(&["api-key", "create"])?.code, Some(0));
    disk.protect()?;
    let refused = carrel.run(&["serve", "--listen", "127.0.0.1:0"])?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.lines().count() == 1, "{refused:?}");
    assert!(refused.stderr.contains("Read-only file system"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_database_that_becomes_read_only_is_reported_and_recovers() -> Result<()> {
    if !Backend::Postgres.is_wanted() {
        return Ok(());
    }
    let server = TestServer::start(Backend::Postgres).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let read_only = |on: &str| -> Result<()> {
        let set = format!("ALTER DATABASE {{}} SET default_transaction_read_only = {on}");
        server.database().administer(&set)?;
        // Connections keep the settings of the time they were opened.
        server.database().administer(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{}'",
        )
    };
    read_only("on")?;
    let mut statuses = Vec::new();
    for number in 0..20 {
        let name = json!({ "name": format!("n{number}") });
        let answer = admin.post("/v1/workspace/new", name).await?;
        assert_eq!(answer.status, 503, "{}", answer.body);
        statuses.push(admin.get("/v1/workspaces").await?.status);
        assert_eq!(admin.with_key("wrong").get("/v1/workspaces").await?.status, 403);
    }
    assert_eq!(statuses.last(), Some(&200), "{statuses:?}");
    assert!(statuses.iter().all(|status| [200, 503].contains(status)), "{statuses:?}");
    read_only("off")?;
    for _ in 0..20 {
        admin.get("/v1/workspaces").await?;
    }
    admin.post("/v1/workspace/new", json!({ "name": "Beta" })).await?.ok()?;
    Ok(())
}

#[tokio::test]
async fn a_full_disk_is_reported_in_the_browser_too() -> Result<()> {
    let Some(disk) = SmallDisk::new(24)? else { return Ok(()) };
    let ballast = disk.path_in_namespace().join("ballast");
    let server = TestServer::start(Options::from(Backend::Sqlite).on(disk)).await?;
    let mut owner = Visitor::first(&server, Mode::Owner).await?;
    let created = owner.post("/workspaces/new", &[("name", "Alpha")]).await?;
    assert_eq!(created.status, 303, "{}", created.text);
    // Enough space for the database's writes, but not for a file.
    let mut size = 24;
    while std::fs::write(&ballast, vec![7; size << 20]).is_err() {
        size -= 1;
    }
    std::fs::write(&ballast, vec![7; (size - 1) << 20])?;
    for path in ["/documents/upload", "/w/alpha/documents/upload"] {
        let file = Part::bytes(vec![b'x'; 6 << 20]).file_name("large.txt");
        let form = Form::new().part("file", file);
        let sent = owner.send(owner.request(Method::POST, path).multipart(form)).await?;
        assert_eq!(sent.status, 503, "{path}: {}", sent.text);
        assert!(sent.says("disk is full"), "{path}: {}", sent.text);
    }
    assert_eq!(std::fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    Ok(())
}
