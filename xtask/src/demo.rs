//! The demo: builds the program, fetches its model, adds sample documents and asks a question.
use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use crate::surroundings;

const LISTEN: &str = "127.0.0.1:3001";
const WORKSPACE: &str = "samples";
const QUESTION: &str = "How long do the batteries of the reserve lamp last?";

/// Runs the demo, and finally becomes the server, which runs until it is stopped.
pub fn run(sh: &Shell) -> Result<()> {
    cmd!(sh, "cargo build --profile demo -p carrel-server --bin carrel").run()?;
    let carrel = surroundings::built(sh, "demo")?.join("carrel");
    let storage = surroundings::root().join(".carrel");
    fs::create_dir_all(&storage)?;
    cmd!(sh, "{carrel} model fetch --storage {storage}").run()?;
    let key = key(sh, &carrel, &storage)?;
    add_samples(sh, &carrel, &storage)?;

    println!("\nQuestion: {QUESTION}\n");
    cmd!(sh, "{carrel} ask {WORKSPACE} {QUESTION} --storage {storage}").quiet().run()?;
    println!(
        "\nThe server starts now; Ctrl-C stops it. Ask it from another terminal:\n\n  \
         curl http://{LISTEN}/v1/workspace/{WORKSPACE}/chat \\\n    \
         -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \\\n    \
         -d '{{\"message\": \"{QUESTION}\"}}'\n"
    );
    let mut server = Command::new(&carrel);
    server.args(["serve", "--listen", LISTEN, "--storage"]).arg(&storage);
    Err(server.exec()).with_context(|| format!("failed to start {}", carrel.display()))
}

/// Returns the API key of an earlier demo, or creates one.
fn key(sh: &Shell, carrel: &Path, storage: &Path) -> Result<String> {
    let file = storage.join("demo-key");
    if let Ok(key) = fs::read_to_string(&file) {
        return Ok(key.trim().to_owned());
    }
    let create = cmd!(sh, "{carrel} api-key create --name demo --storage {storage}");
    // Its messages besides the key are meant for people who created a key themselves.
    let created = create.ignore_status().output()?;
    ensure!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr).trim());
    let key = String::from_utf8(created.stdout)?.trim().to_owned();
    let mut options = fs::OpenOptions::new();
    let mut opened = options.write(true).create_new(true).mode(0o600).open(&file)?;
    writeln!(opened, "{key}")?;
    Ok(key)
}

/// Returns the sample documents.
pub fn samples(sh: &Shell) -> Result<Vec<PathBuf>> {
    let mut samples = sh.read_dir("docs/samples")?;
    samples.retain(|sample| !sample.ends_with("README.md"));
    samples.sort();
    ensure!(!samples.is_empty(), "there are no documents in docs/samples");
    Ok(samples)
}

/// Adds the sample documents that earlier demos have not added.
fn add_samples(sh: &Shell, carrel: &Path, storage: &Path) -> Result<()> {
    let list = storage.join("demo-samples");
    let mut added = fs::read_to_string(&list).unwrap_or_default();
    let mut samples = samples(sh)?;
    samples.retain(|sample| !added.lines().any(|line| Path::new(line) == sample));
    if !samples.is_empty() {
        let new = &samples;
        cmd!(sh, "{carrel} add {WORKSPACE} {new...} --storage {storage}").run()?;
        samples.iter().for_each(|sample| added.push_str(&format!("{}\n", sample.display())));
        fs::write(&list, added)?;
    }
    Ok(())
}
