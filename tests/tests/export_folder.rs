//! The export to AnythingLLM: `carrel export anythingllm` beside a running server, and its
//! documents imported again by `carrel import anythingllm`.
mod compare;
mod source;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::{Backend, Client, Output, TestServer, on_both_databases};
use serde_json::{Value, json};

use compare::{files_beneath, folder_is_as_the_server_tells, known_documents, lines};
use e2e::import_check::installations;
use source::folder_is_as_the_source_was;

on_both_databases!(
    data_created_here_is_exported_as_the_api_returns_it,
    imported_data_is_exported_and_imported_again
);

const PICTURE: &str = "data:image/png;base64,iVBORw0KGgo=";

/// More than a portion.
const EXCHANGES: usize = 120;

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("import/storage")
}

fn export(server: &TestServer, folder: &Path) -> Result<Output> {
    server.carrel().run(&["export", "anythingllm", &folder.display().to_string()])
}

/// Returns the number that the command prints for a file.
fn count_of(output: &Output, name: &str) -> Option<usize> {
    let line = output.stdout.lines().find(|line| line.split(' ').next() == Some(name))?;
    line.split_whitespace().last()?.parse().ok()
}

/// Creates two workspaces with documents, a team, threads, sessions, pictures, ratings and reset
/// conversations.
async fn fill(admin: &Client) -> Result<()> {
    for name in ["Alpha", "Bücher"] {
        admin.post("/v1/workspace/new", json!({ "name": name })).await?.ok()?;
    }
    let settings =
        json!({ "openAiTemp": 0.3, "topN": 7, "chatMode": "chat", "openAiPrompt": "Be\nbrief." });
    admin.post("/v1/workspace/alpha/update", settings).await?.ok()?;
    admin.post("/v1/document/create-folder", json!({ "name": "empty folder" })).await?.ok()?;
    for (title, workspaces) in [("bees", "alpha"), ("図書館のご案内", ""), ("moons", "alpha")]
    {
        let mut body = json!({
            "textContent": format!("About {title}:\n\n\"quoted\" and 😀."),
            "metadata": { "title": title, "shelf": "B7" },
        });
        if !workspaces.is_empty() {
            body["addToWorkspaces"] = workspaces.into();
        }
        admin.post("/v1/document/raw-text", body).await?.ok()?;
    }
    let first = json!({ "username": "main-admin", "password": "correct horse" });
    admin.post("/v1/admin/enable-multi-user", first).await?.ok()?;
    let sam = json!({ "username": "sam", "password": "correct horse", "role": "default" });
    let sam = admin.post("/v1/admin/users/new", sam).await?.ok()?["user"]["id"].clone();
    let members = json!({ "userIds": [sam] });
    admin.post("/v1/admin/workspaces/1/update-users", members).await?.ok()?;
    let thread = json!({ "name": "Tides", "slug": "tides", "userId": sam });
    admin.post("/v1/workspace/alpha/thread/new", thread).await?.ok()?;
    for number in 0..EXCHANGES {
        let picture = json!([{ "name": "a.png", "mime": "image/png", "contentString": PICTURE }]);
        let (path, body) = match number % 4 {
            0 => ("/v1/workspace/alpha/chat", json!({ "message": format!("{number} bees?") })),
            1 => ("/v1/workspace/alpha/chat", json!({ "message": "x", "sessionId": "s \"1\"" })),
            2 => (
                "/v1/workspace/alpha/thread/tides/chat",
                json!({ "message": "two\nlines", "userId": sam }),
            ),
            _ => ("/v1/workspace/alpha/chat", json!({ "message": "Look", "attachments": picture })),
        };
        let answer = admin.post(path, body).await?.ok()?;
        if number % 10 == 0 {
            let path = format!("/v1/workspace/alpha/chat-feedback/{}", answer["chatId"]);
            admin.post(&path, json!({ "feedback": number % 20 == 0 })).await?.ok()?;
        }
    }
    admin.jobs_end().await
}

async fn data_created_here_is_exported_as_the_api_returns_it(backend: Backend) -> Result<()> {
    let server = TestServer::start(backend).await?;
    fill(server.admin()).await?;
    let directory = tempfile::tempdir()?;
    let folder = directory.path().join("out");
    let output = export(&server, &folder)?;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(count_of(&output, "documents/"), Some(3), "{output:?}");
    assert_eq!(count_of(&output, "chats.jsonl"), Some(EXCHANGES), "{output:?}");
    folder_is_as_the_server_tells(&server, &folder).await?;
    assert!(folder.join("documents/empty folder").is_dir());
    let pictures = fs::read_to_string(folder.join("chats.jsonl"))?.matches(PICTURE).count();
    assert_eq!(pictures, EXCHANGES / 4);
    let events = server.admin().get("/v1/admin/event-logs?limit=1").await?.ok()?;
    assert_eq!(events["events"][0]["event"], "data_exported", "{events}");
    refused_folders(&server, directory.path(), &folder)
}

/// Checks that an export refuses a folder that is not empty.
fn refused_folders(server: &TestServer, directory: &Path, folder: &Path) -> Result<()> {
    let before = files_beneath(directory)?;
    let again = export(server, folder)?;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("is not an empty folder"), "{again:?}");
    let broken_off = directory.join("next.partial");
    fs::create_dir(&broken_off)?;
    let refused = export(server, &directory.join("next"))?;
    assert_eq!(refused.code, Some(1), "{refused:?}");
    assert!(refused.stderr.contains("next.partial exists"), "{refused:?}");
    assert_eq!(files_beneath(directory)?, before);
    fs::remove_dir(&broken_off)?;
    fs::create_dir(directory.join("next"))?;
    let output = export(server, &directory.join("next"))?;
    assert_eq!(output.code, Some(0), "an empty folder is refused: {output:?}");
    assert!(directory.join("next/README.md").is_file() && !broken_off.exists());
    Ok(())
}

async fn import(server: &mut TestServer, source: &Path) -> Result<()> {
    server.stop().await?;
    let output = server.carrel().run(&["import", "anythingllm", &source.display().to_string()])?;
    assert_eq!(output.code, Some(0), "{output:?}");
    server.run().await
}

async fn imported_data_is_exported_and_imported_again(backend: Backend) -> Result<()> {
    let mut first = TestServer::start(backend).await?;
    import(&mut first, &fixture()).await?;
    let directory = tempfile::tempdir()?;
    let folder = directory.path().join("out");
    let output = export(&first, &folder)?;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(count_of(&output, "chats.jsonl"), Some(12), "{output:?}");
    folder_is_as_the_server_tells(&first, &folder).await?;
    folder_is_as_the_source_was(&fixture(), &folder)?;
    assert_eq!(count_of(&output, "generated-files/"), Some(1), "{output:?}");
    assert_eq!(count_of(&output, "assets/"), Some(2), "{output:?}");
    assert!(
        folder.join("assets/logo.png").is_file() && folder.join("assets/pfp/harbour.png").is_file()
    );
    assert!(output.stderr.contains("not exported: users.password (3)"), "{output:?}");
    // An installation with these documents and another one's database.
    fs::copy(fixture().join("anythingllm.db"), folder.join("anythingllm.db"))?;
    let mut second = TestServer::start(backend).await?;
    import(&mut second, &folder).await?;
    let (there, here) =
        (known_documents(first.admin()).await?, known_documents(second.admin()).await?);
    assert_eq!(there.len(), 5);
    assert_eq!(there, here);
    Ok(())
}

#[tokio::test]
async fn documents_that_cannot_be_read_are_named_and_the_rest_is_exported() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    for title in ["one", "two", "three"] {
        let body = json!({ "textContent": "Some text.", "metadata": { "title": title } });
        server.admin().post("/v1/document/raw-text", body).await?.ok()?;
    }
    let files = server.document_files()?;
    fs::remove_file(&files[0])?;
    fs::write(&files[1], "{\"pageContent\":")?;
    let directory = tempfile::tempdir()?;
    let folder = directory.path().join("out");
    let output = export(&server, &folder)?;
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stderr.contains("2 documents cannot be read"), "{output:?}");
    assert_eq!(count_of(&output, "documents/"), Some(1), "{output:?}");
    let lines = fs::read_to_string(folder.join("left-out.jsonl"))?;
    let lines: Vec<Value> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    let mut named: Vec<_> = lines.iter().filter_map(|line| line["docpath"].as_str()).collect();
    named.sort_unstable();
    let damaged = files[..2].iter().map(|file| {
        let name = file.file_name().context("no name")?;
        Ok(format!("custom-documents/{}", name.to_string_lossy()))
    });
    assert_eq!(named, damaged.collect::<Result<Vec<_>>>()?);
    Ok(())
}

#[tokio::test]
async fn a_killed_export_is_recognised_by_its_name() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    for number in 0..200 {
        let title = format!("page {number}");
        let body = json!({ "textContent": "Some text.", "metadata": { "title": title } });
        server.admin().post("/v1/document/raw-text", body).await?.ok()?;
    }
    let directory = tempfile::tempdir()?;
    let mut broken_off = 0;
    for delay in (0..5).map(|step| Duration::from_millis(step * 10)) {
        let folder = directory.path().join(format!("out-{}", delay.as_millis()));
        let partial = directory.path().join(format!("out-{}.partial", delay.as_millis()));
        let name = folder.display().to_string();
        let mut command = server.carrel().command(&["export", "anythingllm", &name]);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        while !partial.exists() && !folder.exists() {
            assert!(child.try_wait()?.is_none(), "the export has ended and written nothing");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(delay).await;
        child.kill()?;
        child.wait()?;
        if folder.exists() {
            assert!(folder.join("README.md").is_file() && !partial.exists(), "after {delay:?}");
            let documents = fs::read_dir(folder.join("documents/custom-documents"))?.count();
            assert_eq!(documents, 200, "after {delay:?}");
            continue;
        }
        assert!(partial.exists(), "after {delay:?}");
        broken_off += 1;
        let refused = export(&server, &folder)?;
        assert!(refused.code == Some(1) && refused.stderr.contains(".partial"), "{refused:?}");
        fs::remove_dir_all(&partial)?;
        let again = export(&server, &folder)?;
        assert_eq!(again.code, Some(0), "{again:?}");
        assert_eq!(count_of(&again, "documents/"), Some(200), "{again:?}");
    }
    assert!(broken_off > 0, "none was killed half way");
    Ok(())
}

/// Exports a recorded installation next to the clone, if it exists.
#[tokio::test]
async fn a_recorded_team_is_exported_as_in_its_tables() -> Result<()> {
    let storage = installations().join("multi/storage");
    if !storage.is_dir() {
        return Ok(());
    }
    let mut server = TestServer::start(Backend::Sqlite).await?;
    import(&mut server, &storage).await?;
    let directory = tempfile::tempdir()?;
    let folder = directory.path().join("out");
    let output = export(&server, &folder)?;
    assert!(matches!(output.code, Some(0 | 1)), "{output:?}");
    folder_is_as_the_source_was(&storage, &folder)
}

#[tokio::test]
async fn files_of_threads_are_exported_with_their_texts() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let thread = json!({ "name": "Tides", "slug": "tides" });
    admin.post("/v1/workspace/alpha/thread/new", thread).await?.ok()?;
    // `The ferry sails at nine.`
    let content = "VGhlIGZlcnJ5IHNhaWxzIGF0IG5pbmUu";
    let file = json!({ "name": "ferry.txt", "mime": "text/plain", "content_string": content });
    admin.post("/v1/workspace/alpha/thread/tides/files", file).await?.ok()?;
    let directory = tempfile::tempdir()?;
    let folder = directory.path().join("out");
    let output = export(&server, &folder)?;
    assert_eq!(count_of(&output, "thread-files.jsonl"), Some(1), "{output:?}");
    let files = lines(&folder, "thread-files.jsonl")?;
    assert_eq!((&files[0]["thread"], &files[0]["title"]), (&json!("tides"), &json!("ferry.txt")));
    assert_eq!(files[0]["pageContent"], "The ferry sails at nine.");
    Ok(())
}
