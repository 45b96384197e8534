//! OpenAI's own client for Python, unmodified, against the real server.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use e2e::{KEY, TestServer, model_server, on_both_databases};
use serde_json::json;

use crate::speech;

on_both_databases!(the_python_client_works_unmodified, the_python_client_hears_and_speaks);

const SCRIPT: &str = include_str!("client.py");
const SPEECH: &str = include_str!("speech.py");

/// Returns the Python that has the client. A test that cannot run must not pass.
fn python() -> Result<PathBuf> {
    let python = std::env::var_os("CARREL_TEST_PYTHON").context(
        "CARREL_TEST_PYTHON is not set: `cargo xtask test` installs OpenAI's client for Python and \
         sets it; `cargo xtask fetch-clients` installs it and prints the path to set it to",
    )?;
    let python = PathBuf::from(python);
    anyhow::ensure!(python.is_file(), "{} is not there: {FETCH}", python.display());
    Ok(python)
}

const FETCH: &str = "`cargo xtask fetch-clients` installs it";

fn run(python: &Path, script: &str, server: &TestServer) -> Result<()> {
    let base = format!("http://{}/v1/openai", server.admin().address());
    let mut client = Command::new(python);
    client.args(["-c", script, &base, KEY]).env("NO_PROXY", "127.0.0.1");
    let output = client.output().context("failed to run the client")?;
    let (stdout, stderr) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(
        output.status.success() && stdout.trim_end().ends_with("all is well"),
        "{stdout}{stderr}"
    );
    Ok(())
}

async fn the_python_client_works_unmodified(backend: e2e::Backend) -> Result<()> {
    let python = python()?;
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    admin.upload("bees.md", b"Bees make honey.", &[("addToWorkspaces", "alpha")]).await?.ok()?;
    tokio::task::spawn_blocking(move || run(&python, SCRIPT, &server)).await?
}

async fn the_python_client_hears_and_speaks(backend: e2e::Backend) -> Result<()> {
    let python = python()?;
    let model = model_server::start().await?;
    let server = TestServer::start(speech::configured(backend, &model)).await?;
    tokio::task::spawn_blocking(move || run(&python, SPEECH, &server)).await?
}
