//! Vectors in a real vector database: questions, removals, kills, and changing the database while
//! the server runs.
use std::hash::{BuildHasher, RandomState};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use e2e::{Backend, Client, Options, TestServer, on_both_databases};
use serde_json::{Value, json};

on_both_databases!(
    answers_come_from_chroma_and_deleted_documents_are_removed_from_it,
    answers_come_from_pgvector_and_deleted_documents_are_removed_from_it,
    changes_missed_by_a_store_because_of_a_kill_are_synced
);

/// The maximum time for a change to reach a store, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// More passages than any test stores, so that none is omitted because of equal distances.
const MAX_RESULTS: usize = 100;

/// A vector database.
enum Store {
    Chroma { address: String },
    PgVector { url: String, table: String },
}

/// Returns a store started by `cargo xtask test`; `None` if it is skipped.
fn named(variable: &str) -> Result<Option<String>> {
    let named = std::env::var(variable)
        .with_context(|| format!("{variable} is not set; `cargo xtask test` sets it"))?;
    if named == "skip" {
        eprintln!("NOT TESTED: {variable} is `skip`");
        return Ok(None);
    }
    Ok(Some(named))
}

impl Store {
    fn chroma() -> Result<Option<Self>> {
        Ok(named("CARREL_TEST_CHROMA")?.map(|address| Self::Chroma { address }))
    }

    fn pgvector() -> Result<Option<Self>> {
        let table = format!("e2e_{:016x}", RandomState::new().hash_one(0));
        Ok(named("CARREL_TEST_PGVECTOR")?.map(|url| Self::PgVector { url, table }))
    }

    /// Returns public names, values, and the variables for a process.
    fn settings(&self) -> Vec<(&'static str, &'static str, &str)> {
        match self {
            Self::Chroma { address } => vec![
                ("VectorDB", "VECTOR_DB", "chroma"),
                ("ChromaEndpoint", "CHROMA_ENDPOINT", address),
            ],
            Self::PgVector { url, table } => vec![
                ("VectorDB", "VECTOR_DB", "pgvector"),
                ("PGVectorConnectionString", "PGVECTOR_CONNECTION_STRING", url),
                ("PGVectorTableName", "PGVECTOR_TABLE_NAME", table),
            ],
        }
    }

    async fn start(&self, backend: Backend) -> Result<TestServer> {
        let options = self
            .settings()
            .iter()
            .fold(Options::from(backend), |options, setting| options.with(setting.1, setting.2));
        TestServer::start(options).await
    }

    /// Returns the number of a server's vectors in the store.
    async fn stored_count(&self, server: &TestServer) -> Result<u64> {
        match self {
            Self::Chroma { address } => {
                let prefix = format!("carrel-{}-", name_of(server).await?);
                let store = Client::new(address, None)?;
                let base = "/api/v2/tenants/default_tenant/databases/default_database/collections";
                let all = store.get(&format!("{base}?limit=10000")).await?.ok()?;
                let mut stored = 0;
                for collection in all.as_array().context("no list")? {
                    let name = collection["name"].as_str().unwrap_or_default();
                    if name.starts_with(&prefix) && !name.ends_with("-marks") {
                        let id = collection["id"].as_str().unwrap_or_default();
                        let counted = store.get(&format!("{base}/{id}/count")).await?;
                        // The collection may have been deleted meanwhile.
                        stored += counted.body.as_u64().unwrap_or_default();
                    }
                }
                Ok(stored)
            }
            Self::PgVector { url, table } => {
                let query = format!("SELECT COUNT(*) FROM {table}");
                let counted = Command::new("psql").args([url, "-qXAtc", &query]).output()?;
                let counted = String::from_utf8(counted.stdout)?;
                Ok(counted.trim().parse().unwrap_or_default())
            }
        }
    }

    /// Waits until the store has as many vectors as the server reports.
    async fn agrees(&self, server: &TestServer) -> Result<u64> {
        let started = Instant::now();
        loop {
            let counted = server.admin().get("/v1/system/vector-count").await?.ok()?;
            let counted = counted["vectorCount"].as_u64().context("no count")?;
            let stored = self.stored_count(server).await?;
            if stored == counted {
                return Ok(stored);
            }
            let log = server.log()?;
            ensure!(started.elapsed() < PATIENCE, "{stored} of {counted} are held:\n{log}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Returns the name under which a server stores its vectors.
async fn name_of(server: &TestServer) -> Result<String> {
    server.wait_for_log("vectors are kept in").await?;
    let log = server.log()?;
    let (_, rest) = log.rsplit_once("name=\"").context("the log names no store")?;
    Ok(rest.split('"').next().unwrap_or_default().to_owned())
}

async fn add(admin: &Client, title: &str, text: &str) -> Result<String> {
    let metadata = json!({ "title": title });
    let body = json!({ "textContent": text, "metadata": metadata, "addToWorkspaces": "alpha" });
    let added = admin.post("/v1/document/raw-text", body).await?.ok()?;
    Ok(added["documents"][0]["location"].as_str().context("no location")?.to_owned())
}

async fn found(admin: &Client, query: &str) -> Result<Vec<String>> {
    let query = json!({
        "query": query, "searchMode": "vector", "scoreThreshold": 0.2, "topN": MAX_RESULTS,
    });
    let found = admin.post("/v1/workspace/alpha/vector-search", query).await?.ok()?;
    let results = found["results"].as_array().cloned().unwrap_or_default();
    let title = |result: &Value| Some(result["metadata"]["title"].as_str()?.to_owned());
    Ok(results.iter().filter_map(title).collect())
}

async fn answers_come_from_chroma_and_deleted_documents_are_removed_from_it(
    backend: Backend,
) -> Result<()> {
    let Some(store) = Store::chroma()? else { return Ok(()) };
    answers_come_from(store, backend).await
}

async fn answers_come_from_pgvector_and_deleted_documents_are_removed_from_it(
    backend: Backend,
) -> Result<()> {
    let Some(store) = Store::pgvector()? else { return Ok(()) };
    answers_come_from(store, backend).await
}

async fn answers_come_from(store: Store, backend: Backend) -> Result<()> {
    let server = store.start(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let planets = add(admin, "planets", "Mars has two moons, Phobos and Deimos.").await?;
    add(admin, "bees", "Bees live in hives. They collect nectar and make honey.").await?;
    let question = json!({ "message": "Which moons does Mars have?", "mode": "query" });
    let answer = admin.post("/v1/workspace/alpha/chat", question).await?.ok()?;
    assert_eq!(answer["sources"][0]["title"], "planets");
    assert_eq!(found(admin, "Which moons does Mars have?").await?[0], "planets");
    assert_eq!(store.agrees(&server).await?, 2);

    let gone = json!({ "names": [planets] });
    admin.delete("/v1/system/remove-documents", gone).await?.ok()?;
    assert!(!found(admin, "Which moons does Mars have?").await?.contains(&"planets".to_owned()));
    assert_eq!(store.agrees(&server).await?, 1);
    let log = server.log()?;
    assert!(!log.contains("index inside this server is used"), "the store did not answer:\n{log}");
    admin.delete("/v1/workspace/alpha", json!({})).await?;
    assert_eq!(store.agrees(&server).await?, 0);
    Ok(())
}

async fn changes_missed_by_a_store_because_of_a_kill_are_synced(backend: Backend) -> Result<()> {
    let store = match backend {
        Backend::Sqlite => Store::chroma()?,
        Backend::Postgres => Store::pgvector()?,
    };
    let Some(store) = store else { return Ok(()) };
    let mut server = store.start(backend).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let uploads: Vec<_> = (0..30)
            .map(|number| {
                let (admin, number) = (server.admin().clone(), round * 30 + number);
                tokio::spawn(async move {
                    let title = format!("page-{number}");
                    let text = format!("This is the secret of page {number}.");
                    Some((add(&admin, &title, &text).await.ok()?, title, text))
                })
            })
            .collect();
        let mut acknowledged_count = 0;
        for upload in uploads {
            let Some(added) = upload.await? else { continue };
            acknowledged.push(added);
            acknowledged_count += 1;
            if acknowledged_count == 10 {
                // One document is deleted while others are added, and the server is killed before
                // the store is synced.
                let (location, ..) = acknowledged.swap_remove(0);
                let gone = json!({ "names": [location] });
                server.admin().delete("/v1/system/remove-documents", gone).await?.ok()?;
                server.kill()?;
            }
        }
        server.run().await?;
    }
    let stored = store.agrees(&server).await?;
    assert!(stored >= acknowledged.len() as u64);
    for (_, title, text) in acknowledged.iter().step_by(5) {
        let titles = found(server.admin(), text).await?;
        assert!(titles.contains(title), "{title} is not among {titles:?}");
    }
    Ok(())
}

#[tokio::test]
async fn stores_are_switched_while_the_server_runs() -> Result<()> {
    let (Some(chroma), Some(pgvector)) = (Store::chroma()?, Store::pgvector()?) else {
        return Ok(());
    };
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    add(admin, "planets", "Mars has two moons, Phobos and Deimos.").await?;
    for store in [&chroma, &pgvector, &chroma] {
        let settings = store.settings().into_iter();
        let settings = settings.map(|(name, _, value)| (name.to_owned(), json!(value)));
        let changed = Value::Object(settings.collect());
        let changed = admin.post("/v1/system/update-env", changed).await?.ok()?;
        assert_eq!(changed["error"], json!(null), "{changed}");
        assert_eq!(found(admin, "moons of Mars").await?, ["planets"], "searches go on");
        assert_eq!(store.agrees(&server).await?, 1);
    }
    // An unreachable store: the built-in index answers, and the log reports it.
    let nobody = json!({ "ChromaEndpoint": "http://127.0.0.1:9" });
    admin.post("/v1/system/update-env", nobody).await?.ok()?;
    server.wait_for_log("http://127.0.0.1:9/ cannot be reached").await?;
    add(admin, "bees", "Bees live in hives.").await?;
    assert_eq!(found(admin, "Where do bees live?").await?[0], "bees");
    let back = json!({ "VectorDB": "lancedb" });
    admin.post("/v1/system/update-env", back).await?.ok()?;
    assert_eq!(found(admin, "Where do bees live?").await?[0], "bees");
    Ok(())
}

#[tokio::test]
async fn without_memory_for_the_fallback_a_search_reports_the_failure() -> Result<()> {
    let options = Options::from(Backend::Sqlite)
        .with("VECTOR_DB", "qdrant")
        .with("QDRANT_ENDPOINT", "http://127.0.0.1:9")
        .with("CARREL_VECTOR_CACHE", "1");
    let server = TestServer::start(options).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    add(admin, "bees", "Bees live in hives.").await?;
    let query = json!({ "query": "bees" });
    let refused = admin.post("/v1/workspace/alpha/vector-search", query).await?;
    assert_eq!(refused.status, 503);
    let message = refused.body.to_string();
    assert!(
        message.contains("Qdrant is unavailable") && message.contains("QDRANT_ENDPOINT"),
        "{message}"
    );
    // A word search does not query the store.
    let query = json!({ "query": "bees", "searchMode": "lexical" });
    let found = admin.post("/v1/workspace/alpha/vector-search", query).await?.ok()?;
    assert_eq!(found["results"][0]["metadata"]["title"], "bees");
    Ok(())
}
