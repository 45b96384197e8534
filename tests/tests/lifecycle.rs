//! Starting, stopping and killing the server.
use std::time::Duration;

use anyhow::Result;
use e2e::{Backend, Options, TestServer, on_both_databases};
use serde_json::json;

on_both_databases!(a_restart_keeps_everything, documents_reported_as_added_survive_a_kill);

async fn a_restart_keeps_everything(backend: Backend) -> Result<()> {
    let mut server = TestServer::start(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    admin.upload("a.txt", b"Bees make honey.", &[("addToWorkspaces", "alpha")]).await?.ok()?;
    assert_eq!(server.stop().await?, Some(0));
    server.run().await?;
    let found = json!({ "query": "honey" });
    let found = server.admin().post("/v1/workspace/alpha/vector-search", found).await?.ok()?;
    assert_eq!(found["results"][0]["metadata"]["title"], "a.txt");
    Ok(())
}

/// Checks that the storage contains everything acknowledged and nothing unfinished.
async fn assert_whole(server: &TestServer, acknowledged: &[String]) -> Result<()> {
    server.admin().jobs_end().await?;
    let found = server.admin().get("/v1/workspace/crash").await?.ok()?;
    let placed = found["workspace"][0]["documents"].as_array().cloned().unwrap_or_default();
    let mut paths: Vec<_> = placed.iter().filter_map(|place| place["docpath"].as_str()).collect();
    paths.sort_unstable();
    for location in acknowledged {
        assert!(paths.contains(&location.as_str()), "{location} was lost");
    }
    let root = server.storage().join("documents");
    let files = server.document_files()?;
    let files: Vec<_> =
        files.iter().filter_map(|file| file.strip_prefix(&root).ok()?.to_str()).collect();
    // On PostgreSQL an unfinished file is kept for a minute, because the server may have other
    // clients; on SQLite a process that is alone cleans up at once.
    match server.backend() {
        Backend::Sqlite => assert_eq!(files, paths, "files and documents differ"),
        Backend::Postgres => assert!(paths.iter().all(|path| files.contains(path))),
    }
    let vectors = server.admin().get("/v1/system/vector-count").await?.ok()?;
    assert_eq!(vectors["vectorCount"], json!(paths.len()));
    for location in acknowledged {
        let number = location.split(['-', '.']).find_map(|part| part.parse::<u32>().ok());
        let query = json!({ "query": format!("the secret of page {}", number.unwrap_or_default()), "topN": 300, "scoreThreshold": 0 });
        let found = server.admin().post("/v1/workspace/crash/vector-search", query).await?.ok()?;
        let results = found["results"].as_array().cloned().unwrap_or_default();
        assert!(
            results.iter().any(|result| result["metadata"]["location"] == json!(location)),
            "{location}"
        );
    }
    Ok(())
}

async fn documents_reported_as_added_survive_a_kill(backend: Backend) -> Result<()> {
    use std::io::{BufRead, BufReader};
    use std::process::Stdio;
    let mut server = TestServer::start(backend).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Crash" })).await?.ok()?;
    server.stop().await?;
    let pages = tempfile::tempdir()?;
    let mut arguments = vec!["add".to_owned(), "crash".to_owned()];
    for number in 0..200 {
        let page = pages.path().join(format!("page-{number}.txt"));
        std::fs::write(&page, format!("This is the secret of page {number}."))?;
        arguments.push(page.display().to_string());
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    let mut acknowledged = Vec::new();
    for enough in [5, 40] {
        let mut command = server.carrel().command(&arguments);
        let mut adding = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let lines =
            BufReader::new(adding.stdout.take().ok_or_else(|| anyhow::anyhow!("no output"))?)
                .lines();
        let before = acknowledged.len();
        for line in lines {
            let line = line?;
            if let Some((_, location)) = line.rsplit_once(" as ") {
                acknowledged.push(location.trim().to_owned());
            }
            if acknowledged.len() == before + enough {
                adding.kill()?;
            }
        }
        adding.wait()?;
        assert!(acknowledged.len() >= before + enough, "only {} were added", acknowledged.len());
        server.run().await?;
        assert_whole(&server, &acknowledged).await?;
        server.stop().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_kill_of_the_server_loses_nothing_it_acknowledged() -> Result<()> {
    let mut server = TestServer::start(Backend::Sqlite).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Crash" })).await?.ok()?;
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let uploads: Vec<_> = (0..40)
            .map(|number| {
                let admin = server.admin().clone();
                let number = round * 40 + number;
                tokio::spawn(async move {
                    let text = format!("This is the secret of page {number}.");
                    let into = [("addToWorkspaces", "crash")];
                    admin.upload(&format!("page-{number}.txt"), text.as_bytes(), &into).await
                })
            })
            .collect();
        tokio::time::sleep(Duration::from_millis(150 * (round + 1))).await;
        server.kill()?;
        for upload in uploads {
            if let Ok(answer) = upload.await? {
                let added = answer.ok()?;
                let location = added["documents"][0]["location"].as_str().unwrap_or_default();
                acknowledged.push(location.to_owned());
            }
        }
        server.run().await?;
        assert_whole(&server, &acknowledged).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_request_in_progress_is_finished_before_a_stop() -> Result<()> {
    let mut server = TestServer::start(Backend::Sqlite).await?;
    let admin = server.admin().clone();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    let text = "The quick brown fox jumps over the lazy dog. ".repeat(1000);
    let upload = tokio::spawn(async move {
        admin.upload("long.txt", text.as_bytes(), &[("addToWorkspaces", "alpha")]).await
    });
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.stop().await?, Some(0));
    upload.await??.ok()?;
    Ok(())
}

#[tokio::test]
async fn without_a_key_all_requests_are_refused_and_the_log_explains_how_to_create_one()
-> Result<()> {
    let server = TestServer::start(Options::from(Backend::Sqlite).without_key()).await?;
    let stranger = server.admin().anonymous();
    for path in ["/v1/auth", "/v1/workspaces", "/api/workspaces", "/api/v1/workspaces"] {
        assert!([403, 404].contains(&stranger.get(path).await?.status), "{path}");
    }
    server.wait_for_log("carrel api-key create").await?;
    let made = server.carrel().run(&["api-key", "create"])?;
    let admin = server.admin().with_key(made.stdout.trim());
    assert_eq!(admin.get("/v1/auth").await?.status, 200);
    Ok(())
}

#[tokio::test]
async fn the_key_in_the_environment_replaces_the_previous_one() -> Result<()> {
    let mut server = TestServer::start(Backend::Sqlite).await?;
    server.stop().await?;
    let other = server.carrel().clone().with("CARREL_API_KEY", "another-key-of-the-operator");
    let checked = other.run(&["config", "check"])?;
    assert_eq!(checked.code, Some(0), "{checked:?}");
    assert!(!checked.stdout.contains("another-key"), "{}", checked.stdout);
    let short = server.carrel().clone().with("CARREL_API_KEY", "too-short");
    let refused = short.run(&["serve", "--listen", "127.0.0.1:0"])?;
    assert_eq!(refused.code, Some(1));
    assert!(
        refused.stderr.contains("CARREL_API_KEY") && !refused.stderr.contains("too-short"),
        "{refused:?}"
    );
    Ok(())
}
