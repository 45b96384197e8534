//! OpenAI's own client for Node, unmodified, against the real server.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use e2e::{KEY, TestServer, model_server, on_both_databases};
use serde_json::json;

use crate::speech;

on_both_databases!(the_node_client_works_unmodified, the_node_client_hears_and_speaks);

const SCRIPT: &str = include_str!("client.mjs");
const SPEECH: &str = include_str!("speech.mjs");

/// Returns the directory of the client; `None` without Node.js.
fn packages() -> Option<PathBuf> {
    let packages = std::env::var_os("CARREL_TEST_NODE_PACKAGES").map(PathBuf::from);
    if packages.is_none() {
        eprintln!(
            "left out: CARREL_TEST_NODE_PACKAGES is not set. `cargo xtask test` installs OpenAI's \
             client for Node and sets it where Node and npm are there."
        );
    }
    packages
}

fn run(packages: &Path, script: &str, server: &TestServer) -> Result<()> {
    let base = format!("http://{}/v1/openai", server.admin().address());
    let mut client = Command::new("node");
    client.args(["--input-type=module", "-e", script, "--", &base, KEY]).arg(packages);
    let output =
        client.env("NO_PROXY", "127.0.0.1").output().context("failed to run the client")?;
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

async fn the_node_client_works_unmodified(backend: e2e::Backend) -> Result<()> {
    let Some(packages) = packages() else { return Ok(()) };
    let server = TestServer::start(backend).await?;
    let admin = server.admin();
    admin.post("/v1/workspace/new", json!({ "name": "Alpha" })).await?.ok()?;
    admin.upload("bees.md", b"Bees make honey.", &[("addToWorkspaces", "alpha")]).await?.ok()?;
    tokio::task::spawn_blocking(move || run(&packages, SCRIPT, &server)).await?
}

async fn the_node_client_hears_and_speaks(backend: e2e::Backend) -> Result<()> {
    let Some(packages) = packages() else { return Ok(()) };
    let model = model_server::start().await?;
    let server = TestServer::start(speech::configured(backend, &model)).await?;
    tokio::task::spawn_blocking(move || run(&packages, SPEECH, &server)).await?
}
