//! Archives: a server moves from SQLite to PostgreSQL and back, and answers as before.
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::{Backend, Client, Options, Output, TestServer};
use serde_json::{Value, json};

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("import/storage")
}

/// The compared data: people, keys, workspaces, conversations, documents, widgets, invites,
/// prompts.
const ASKED: &[&str] = &[
    "/v1/users",
    "/v1/admin/invites",
    "/v1/admin/workspaces/1/users",
    "/v1/workspaces",
    "/v1/documents",
    "/v1/embed",
    "/v1/admin/browser-extension-keys",
    "/v1/system/prompt-variables",
    "/v1/admin/slash-commands",
    "/api/v1/workspaces",
    "/api/v1/documents",
    "/api/v1/workspace/harbour",
    "/api/v1/workspace/harbour/chats?limit=100",
    "/api/v1/workspace/harbour/thread/tides-thread/chats",
    "/api/v1/system/export-chats?type=json",
    "/api/v1/system/vector-count",
];

async fn answers(server: &TestServer) -> Result<Vec<(&'static str, u16, Value)>> {
    let mut answers = Vec::new();
    for path in ASKED {
        let answer = server.admin().get(path).await?;
        let mut body = answer.body.clone();
        without_changes(&mut body);
        answers.push((*path, answer.status, body));
    }
    let search = json!({ "query": "harbour tides", "topN": 4 });
    let found = server.admin().post("/api/v1/workspace/harbour/vector-search", search).await?;
    answers.push(("vector-search", found.status, found.body));
    Ok(answers)
}

/// Removes the last use of keys, which changes with each request.
fn without_changes(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields
                .retain(|name, _| !name.starts_with("lastUsed") && !name.starts_with("last_used"));
            fields.values_mut().for_each(without_changes);
        }
        Value::Array(items) => items.iter_mut().for_each(without_changes),
        _ => {}
    }
}

/// Stops a server, runs a command on its storage, and starts it again.
async fn with_server_stopped(server: &mut TestServer, arguments: &[&str]) -> Result<Output> {
    server.stop().await?;
    let output = server.carrel().run(arguments)?;
    server.run().await?;
    Ok(output)
}

/// The secret key of all servers, so that each can use the provider keys and continue the audit
/// log.
const SECRET_KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

async fn started(backend: Backend) -> Result<TestServer> {
    // The imported installation names a vector database that does not exist.
    let options = Options::from(backend).with("VECTOR_DB", "lancedb");
    TestServer::start(options.with("CARREL_SECRET_KEY", SECRET_KEY)).await
}

/// Waits until the documents of an import are embedded, which starts some seconds after the server.
async fn is_embedded(admin: &Client) -> Result<()> {
    for _ in 0..600 {
        let count = admin.get("/api/v1/system/vector-count").await?.ok()?;
        if count["vectorCount"].as_u64() > Some(0) {
            return admin.jobs_end().await;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    anyhow::bail!("nothing is embedded")
}

/// Moves everything to a new server.
async fn moved(from: &TestServer, to: Backend, folder: &Path) -> Result<TestServer> {
    let shown = folder.display().to_string();
    let exported = from.carrel().run(&["export", "archive", &shown])?;
    assert_eq!(exported.code, Some(0), "{exported:?}");
    let mut server = started(to).await?;
    let imported = with_server_stopped(&mut server, &["import", "archive", &shown]).await?;
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert!(!imported.stderr.contains("warning"), "{imported:?}");
    let again = with_server_stopped(&mut server, &["import", "archive", &shown]).await?;
    assert!(again.code == Some(1) && again.stderr.contains("is in use"), "{again:?}");
    Ok(server)
}

#[tokio::test]
async fn a_server_moves_to_another_database_and_back_and_answers_as_before() -> Result<()> {
    if !Backend::Postgres.is_wanted() {
        return Ok(());
    }
    let directory = tempfile::tempdir()?;
    let mut first = started(Backend::Sqlite).await?;
    let source = fixture().display().to_string();
    let output = with_server_stopped(&mut first, &["import", "anythingllm", &source]).await?;
    assert_eq!(output.code, Some(0), "{output:?}");
    is_embedded(first.admin()).await?;
    let before = answers(&first).await?;

    let second = moved(&first, Backend::Postgres, &directory.path().join("one")).await?;
    assert_eq!(answers(&second).await?, before);
    let third = moved(&second, Backend::Sqlite, &directory.path().join("two")).await?;
    assert_eq!(answers(&third).await?, before);
    for server in [&second, &third] {
        let system = server.admin().get("/v1/system").await?.ok()?;
        assert_eq!(system["settings"]["OpenAiKey"], true, "a secret is lost");
        for number in 1..=4 {
            let key = format!("KEY{number}AAA-BBBBBBB-CCCCCCC-DDDDDDD");
            let key = server.admin().with_key(&key);
            key.get("/api/v1/auth").await?.ok().with_context(|| format!("key {number}"))?;
        }
        let credentials = json!({ "username": "keeper", "password": "harbour-pass-1" });
        let signed_in = server.admin().anonymous().post("/v1/session", credentials).await?;
        assert_eq!(signed_in.status, 200, "{signed_in:?}");
        let verified = server.carrel().run(&["verify"])?;
        assert_eq!(verified.code, Some(0), "{verified:?}");
    }
    let mut stranger = TestServer::start(Backend::Sqlite).await?;
    let one = directory.path().join("one").display().to_string();
    let imported = with_server_stopped(&mut stranger, &["import", "archive", &one]).await?;
    assert_eq!(imported.code, Some(0), "{imported:?}");
    assert!(imported.stderr.contains("OPEN_AI_KEY cannot be opened"), "{imported:?}");
    let verified = stranger.carrel().run(&["verify"])?;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    archives_are_equal(&directory.path().join("one"), &directory.path().join("two"))
}

/// Checks that two archives contain the same rows and files.
fn archives_are_equal(one: &Path, other: &Path) -> Result<()> {
    let sums = |folder: &Path| -> Result<Vec<String>> {
        let text = fs::read_to_string(folder.join("SHA256SUMS"))?;
        let lines = text.lines().filter(|line| line.contains("  documents/"));
        let mut lines: Vec<_> = lines.map(str::to_owned).collect();
        lines.sort();
        Ok(lines)
    };
    assert!(!sums(one)?.is_empty());
    assert_eq!(sums(one)?, sums(other)?);
    for table in ["users", "chats", "chunks", "vectors", "embeds", "embed_chats", "workspaces"] {
        let name = format!("tables/{table}.jsonl");
        let rows = |folder: &Path| -> Result<usize> {
            Ok(fs::read_to_string(folder.join(&name))?.lines().count())
        };
        assert!(rows(one)? > 0, "{table} is empty");
        assert_eq!(rows(one)?, rows(other)?, "{table}");
    }
    Ok(())
}

#[tokio::test]
async fn a_damaged_archive_changes_nothing() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let folder = directory.path().join("out");
    let shown = folder.display().to_string();
    let first = TestServer::start(Backend::Sqlite).await?;
    let made = json!({ "textContent": "About tides.", "metadata": { "title": "tides" } });
    first.admin().post("/v1/document/raw-text", made).await?.ok()?;
    let exported = first.carrel().run(&["export", "archive", &shown, "--without-audit-log"])?;
    assert_eq!(exported.code, Some(0), "{exported:?}");
    assert!(!folder.join("tables/events.jsonl").exists());

    let mut server = TestServer::start(Backend::Sqlite).await?;
    let damages: [(&str, &str); 3] = [
        ("tables/documents.jsonl", "differs from the archived file"),
        ("SHA256SUMS", "differs from the archived file"),
        ("archive.json", "cannot be read"),
    ];
    for (name, why) in damages {
        let whole = fs::read(folder.join(name))?;
        fs::write(folder.join(name), [b"x", whole.as_slice()].concat())?;
        let refused = with_server_stopped(&mut server, &["import", "archive", &shown]).await?;
        assert!(refused.code == Some(1) && refused.stderr.contains(why), "{name}: {refused:?}");
        fs::write(folder.join(name), whole)?;
        let documents = server.admin().get("/v1/documents").await?.ok()?;
        assert!(!documents.to_string().contains("tides"), "{documents}");
    }
    let imported = with_server_stopped(&mut server, &["import", "archive", &shown]).await?;
    assert_eq!(imported.code, Some(0), "{imported:?}");
    let documents = server.admin().get("/v1/documents").await?.ok()?;
    assert!(documents.to_string().contains("tides"), "{documents}");
    Ok(())
}
