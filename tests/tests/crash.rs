//! Kills the server at random under load. Every acknowledged change must be there afterwards.
//!
//! `CARREL_CRASH_CYCLES` sets the number of kills, `CARREL_SEED` repeats a run. `cargo xtask crash
//! [n]` sets the first.
mod load;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use e2e::ledger::Ledger;
use e2e::random::Random;
use e2e::{Backend, Client, TestServer};
use serde_json::{Value, json};

/// The number of concurrent writers.
const WRITERS: usize = 4;

/// The workspace that exists at the start of every cycle.
const WORKSPACE: &str = "crash";

#[tokio::test]
async fn acknowledged_changes_survive_kills_on_sqlite() -> Result<()> {
    crash(Backend::Sqlite, cycles(50)).await
}

#[tokio::test]
async fn acknowledged_changes_survive_kills_on_postgres() -> Result<()> {
    match Backend::Postgres.is_wanted() {
        true => crash(Backend::Postgres, cycles(10)).await,
        false => Ok(()),
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

fn cycles(usual: u64) -> u64 {
    number("CARREL_CRASH_CYCLES").unwrap_or(usual)
}

async fn crash(backend: Backend, cycles: u64) -> Result<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?;
    let seed = number("CARREL_SEED").unwrap_or(now.subsec_nanos().into());
    let mut random = Random::new(seed);
    let mut server = TestServer::start(backend).await?;
    let ledger = Arc::new(Ledger::default());
    begin(&server, &ledger).await?;
    for cycle in 0..cycles {
        let writers = load::start(server.admin(), &ledger, WRITERS, &mut random);
        tokio::time::sleep(Duration::from_millis(30 + random.below(400))).await;
        server.kill()?;
        for writer in writers {
            writer.await?.with_context(|| format!("seed {seed}, cycle {cycle}"))?;
        }
        let verified = server.carrel().run(&["verify"])?;
        ensure!(verified.code == Some(0), "seed {seed}, cycle {cycle}: {verified:?}");
        server.run().await?;
        let found = everything(server.admin()).await?;
        ledger.reconcile(&found).with_context(|| format!("seed {seed}, cycle {cycle}"))?;
        let count = |kind: &str, state: &str| {
            found.iter().filter(|(name, is)| name.starts_with(kind) && *is == state).count()
        };
        let (claimed, guests) = (count("invite ", "claimed"), count("user guest-", "default"));
        ensure!(claimed == guests, "seed {seed}: {claimed} invites let {guests} guests in");
    }
    let (library, searchable) =
        (stored(server.admin()).await?, searchable_documents(server.admin()).await?);
    ensure!(searchable == library, "seed {seed}: {searchable:?} of {library:?}");
    println!("seed {seed}: {cycles} kills, {} things kept", ledger.len());
    ensure!(ledger.len() as u64 > cycles, "too little was done for this to show anything");
    Ok(())
}

async fn begin(server: &TestServer, ledger: &Ledger) -> Result<()> {
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": WORKSPACE })).await?.ok()?;
    ledger.record(&format!("workspace {WORKSPACE}"), Some("there".into()));
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    ledger.record("user main-admin", Some("admin".into()));
    Ok(())
}

/// Returns the titles of the documents in the library.
async fn stored(admin: &Client) -> Result<BTreeSet<String>> {
    let library = admin.get("/v1/documents").await?.ok()?;
    let folders = library["localFiles"]["items"].as_array().cloned().unwrap_or_default();
    let files = folders.iter().flat_map(|folder| folder["items"].as_array().into_iter().flatten());
    let path = |file: &Value| json!(format!("f/{}", file["name"].as_str().unwrap_or_default()));
    Ok(files.map(|file| load::title_in(&path(file))).collect())
}

/// Returns the titles of the documents in the workspace once no job is left, and of those that a
/// job has given up: four processes in a row ended while working on one.
async fn searchable_documents(admin: &Client) -> Result<BTreeSet<String>> {
    admin.jobs_end().await?;
    let found = admin.get(&format!("/v1/workspace/{WORKSPACE}")).await?.ok()?;
    let placed = found["workspace"][0]["documents"].as_array().cloned().unwrap_or_default();
    let mut searchable: BTreeSet<_> =
        placed.iter().map(|place| load::title_in(&place["docpath"])).collect();
    let jobs = admin.get("/v1/jobs?state=failed&limit=100").await?.ok()?;
    for job in jobs["jobs"].as_array().into_iter().flatten() {
        let failed = admin.get(&format!("/v1/jobs/{}?state=failed", job["id"])).await?.ok()?;
        for item in failed["items"].as_array().into_iter().flatten() {
            let reason = item["reason"].as_str().unwrap_or_default();
            ensure!(reason.contains("several times"), "{item}");
            searchable.insert(load::title_in(&item["path"]));
        }
    }
    Ok(searchable)
}

/// Returns everything that exists, by the names of the ledger.
async fn everything(admin: &Client) -> Result<BTreeMap<String, String>> {
    let mut found = BTreeMap::new();
    let mut add = |kind: &str, name: &Value, state: &str| {
        let name = name.as_str().unwrap_or("without a name");
        found.insert(format!("{kind} {name}"), state.to_owned());
    };
    let list = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let users = admin.get("/v1/admin/users").await?.ok()?;
    for user in list(&users["users"]) {
        add("user", &user["username"], user["role"].as_str().unwrap_or_default());
    }
    let workspaces = admin.get("/v1/workspaces").await?.ok()?;
    for workspace in list(&workspaces["workspaces"]) {
        add("workspace", &workspace["name"], "there");
    }
    let invites = admin.get("/v1/admin/invites").await?.ok()?;
    for invite in list(&invites["invites"]) {
        add("invite", &invite["code"], invite["status"].as_str().unwrap_or_default());
    }
    // A document of an interrupted request is stored completely or not at all, and indexed later.
    for title in stored(admin).await? {
        add("document", &json!(title), "there");
    }
    let settings = admin.get("/v1/system").await?.ok()?;
    for name in load::SETTINGS {
        if let Some(value) = settings["settings"][name].as_str() {
            add("setting", &json!(name), value);
        }
    }
    let chats = admin.get("/v1/system/export-chats?type=json").await?.ok()?;
    ensure!(chats.is_array(), "the export is not JSON");
    for chat in list(&chats) {
        let is_whole = chat["response"].as_str().is_some_and(|answer| !answer.is_empty());
        add("chat", &chat["prompt"], if is_whole { "answered" } else { "half" });
    }
    Ok(found)
}
