//! Imports of AnythingLLM: the small installation of `tests/import`, which `make.py` there writes,
//! and recorded ones beside the clone if they are present.
mod imported;
mod kept_vectors;
mod recorded;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, Result};
use e2e::visitor::Visitor;
use e2e::{Backend, Output, TestServer, on_both_databases};
use serde_json::{Value, json};

use self::imported::{
    conversations_are_where_they_were, documents_are_found_by_words_at_once,
    extensions_are_connected, people_are_who_they_were, pictures_and_files_of_threads_came,
    settings_and_secrets_came, the_report_tells_of_everything,
};

on_both_databases!(everything_is_imported_or_reported);

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("import/storage")
}

/// Stops a server, imports into its storage, and starts it again.
async fn import(server: &mut TestServer, source: &Path, more: &[&str]) -> Result<Output> {
    server.stop().await?;
    let source = source.display().to_string();
    let arguments = [&["import", "anythingllm", source.as_str()], more].concat();
    let output = server.carrel().run(&arguments)?;
    server.run().await?;
    Ok(output)
}

fn report(server: &TestServer) -> Result<Value> {
    let file = server.storage().join("imported/anythingllm/report.json");
    Ok(serde_json::from_slice(&fs::read(file)?)?)
}

/// Returns the content of every file in a folder, sorted by name.
fn content(folder: &Path) -> Result<Vec<(PathBuf, Vec<u8>)>> {
    let (mut pending, mut files) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            match path.is_dir() {
                true => pending.push(path),
                false => files.push((path.clone(), fs::read(path)?)),
            }
        }
    }
    files.sort();
    Ok(files)
}

async fn everything_is_imported_or_reported(backend: Backend) -> Result<()> {
    let mut server = TestServer::start(backend).await?;
    let before = content(&fixture())?;
    let output = import(&mut server, &fixture(), &[]).await?;
    assert_eq!(output.code, Some(0), "{output:?}");
    assert!(content(&fixture())? == before, "the source is changed");
    people_are_who_they_were(&server).await?;
    conversations_are_where_they_were(&server).await?;
    documents_are_found_by_words_at_once(&server).await?;
    settings_and_secrets_came(&server).await?;
    extensions_are_connected(&server).await?;
    pictures_and_files_of_threads_came(&server).await?;
    the_report_tells_of_everything(&report(&server)?)?;
    let again = import(&mut server, &fixture(), &[]).await?;
    assert_eq!(again.code, Some(0), "{again:?}");
    assert!(again.stderr.contains("nothing to do"), "{again:?}");
    let verified = server.carrel().run(&["verify"])?;
    assert_eq!(verified.code, Some(0), "{verified:?}");
    Ok(())
}

#[tokio::test]
async fn a_dry_run_reports_the_same_and_changes_nothing() -> Result<()> {
    let mut server = TestServer::start(Backend::Sqlite).await?;
    let output = import(&mut server, &fixture(), &["--dry-run", "--json"]).await?;
    assert_eq!(output.code, Some(0), "{output:?}");
    let planned: Value = serde_json::from_str(&output.stdout)?;
    let users = server.admin().get("/v1/system").await?.ok()?;
    assert_eq!(users["settings"]["MultiUserMode"], false);
    assert!(!server.storage().join("imported").exists());
    assert_eq!(fs::read_dir(server.storage().join("tmp"))?.count(), 0);
    assert_eq!(server.document_files()?.len(), 0);
    import(&mut server, &fixture(), &[]).await?;
    let done = report(&server)?;
    for part in ["tables", "left_out", "changed"] {
        assert_eq!(planned[part], done[part], "{part}");
    }
    Ok(())
}

#[tokio::test]
async fn a_killed_import_leaves_the_database_unchanged_or_complete() -> Result<()> {
    let mut server = TestServer::start(Backend::Sqlite).await?;
    server.stop().await?;
    let source = fixture().display().to_string();
    let arguments = ["import", "anythingllm", source.as_str()];
    let mut complete = false;
    for delay in (0..30).map(|step| Duration::from_millis(step * 20)) {
        let mut child = server.carrel().command(&arguments).stdout(Stdio::null()).spawn()?;
        tokio::time::sleep(delay).await;
        child.kill()?;
        child.wait()?;
        let listed = server.carrel().run(&["audit", "list"])?;
        let imported = listed.stdout.contains("data_imported");
        assert!(imported || !complete, "an import is gone");
        complete = imported;
        let verified = server.carrel().run(&["verify"])?;
        assert_eq!(verified.code, Some(0), "after {delay:?}: {verified:?}");
        let documents = if imported { 5 } else { 0 };
        assert_eq!(server.document_files()?.len(), documents, "after {delay:?}");
    }
    let last = server.carrel().run(&arguments)?;
    assert_eq!(last.code, Some(0), "{last:?}");
    server.run().await?;
    people_are_who_they_were(&server).await?;
    conversations_are_where_they_were(&server).await
}

#[tokio::test]
async fn a_server_in_use_is_not_imported_into() -> Result<()> {
    let mut server = TestServer::start(Backend::Sqlite).await?;
    server.admin().post("/v1/workspace/new", json!({ "name": "Mine" })).await?.ok()?;
    let refused = import(&mut server, &fixture(), &[]).await?;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("this server is in use and has 1 workspaces"), "{refused:?}");
    let own = server.storage();
    let refused = import(&mut server, &own, &[]).await?;
    assert!(refused.stderr.contains("own storage directory"), "{refused:?}");
    let empty = tempfile::tempdir()?;
    let refused = import(&mut server, empty.path(), &[]).await?;
    assert!(refused.stderr.contains("there is no anythingllm.db"), "{refused:?}");
    fs::write(empty.path().join("anythingllm.db"), "no database")?;
    let refused = server.carrel().run(&[
        "import",
        "anythingllm",
        &empty.path().display().to_string(),
        "--dry-run",
    ])?;
    assert!(refused.code == Some(1) && !refused.stderr.contains("panicked"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn old_addresses_lead_to_the_new_pages() -> Result<()> {
    let server = TestServer::start(Backend::Sqlite).await?;
    let mut visitor = Visitor::new(server.admin())?;
    for (old, new) in [
        ("/login", "/sign-in"),
        ("/accept-invite/A-B%20C", "/invite/A-B%20C"),
        ("/workspace/harbour", "/w/harbour"),
        ("/workspace/harbour/t/tides-thread", "/w/harbour/t/tides-thread"),
        ("/workspace/harbour/settings/general-appearance", "/w/harbour/settings"),
        ("/settings/llm-preference", "/admin/models/language"),
        ("/settings/users", "/admin/users"),
        ("/settings/community-hub/trending", "/admin"),
        ("/settings", "/admin"),
    ] {
        let page = visitor.get(old).await?;
        assert_eq!((page.status, page.leads_to()), (303, new), "{old}");
    }
    Ok(())
}

#[tokio::test]
async fn an_installation_on_postgresql_is_imported_like_one_on_sqlite() -> Result<()> {
    if !Backend::Postgres.is_wanted() {
        return Ok(());
    }
    let database = Backend::Postgres.create()?;
    database.run_file(&fixture().with_file_name("postgres.sql"))?;
    let url = database.url().context("no URL")?;
    let mut server = TestServer::start(Backend::Sqlite).await?;
    let output = import(&mut server, &fixture(), &["--source-database", &url]).await?;
    assert_eq!(output.code, Some(0), "{output:?}");
    people_are_who_they_were(&server).await?;
    conversations_are_where_they_were(&server).await?;
    documents_are_found_by_words_at_once(&server).await?;
    the_report_tells_of_everything(&report(&server)?)
}
