//! Runs every test, on both databases, with the real embedding model.
use std::io::{BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::postgres::Cluster;
use crate::stores::Stores;
use crate::tally::{Failed, Tally};
use crate::{clients, surroundings};

/// The PostgreSQL server the tests use; one that is named already is left to its owner.
const SERVER: &str = "CARREL_TEST_POSTGRES";
/// The certificate of the authority that has signed the server's, where the server encrypts.
const AUTHORITY: &str = "CARREL_TEST_POSTGRES_CA";

pub fn run(sh: &Shell, arguments: &[String]) -> Result<()> {
    run_with(sh, arguments, &[])
}

/// As [`run`], with variables that tests read.
pub fn run_with(sh: &Shell, arguments: &[String], variables: &[(&str, &str)]) -> Result<()> {
    let carrel = build(sh)?;
    let models = fetch_model(sh, &carrel)?;
    let (python, node) = (clients::fetch(sh)?, clients::fetch_for_node(sh)?);
    let cluster = match std::env::var_os(SERVER) {
        Some(_) => None,
        None => Some(Cluster::start().context("failed to start a PostgreSQL for the tests")?),
    };
    let stores = Stores::start(sh)?;
    let mut tests = runner(arguments);
    tests.current_dir(surroundings::root()).env("CARREL_PROGRAM", &carrel);
    tests.env("CARREL_MODEL_DIR", &models).env("CARREL_TEST_PYTHON", &python);
    tests.envs(node.map(|packages| ("CARREL_TEST_NODE_PACKAGES", packages)));
    tests.envs(variables.iter().copied()).envs(stores.variables());
    if let Some(cluster) = &cluster {
        tests.env(SERVER, cluster.url());
        tests.envs(cluster.authority().map(|certificate| (AUTHORITY, certificate)));
    }
    let (succeeded, tally) = watched(tests)?;
    drop((cluster, stores));
    if arguments.is_empty() && surroundings::has("cargo-nextest") {
        // The other runner leaves the examples of the documentation out.
        let documented =
            ["-p", "carrel-domain", "-p", "carrel-services", "-p", "carrel-persistence"];
        cmd!(sh, "cargo test --doc {documented...}").run()?;
    }
    let tally = tally.context("the tests could not be built or started")?;
    println!("carrel: {tally}");
    ensure!(tally.passed + tally.failed > 0, "no test was run");
    if tally.failed > 0 {
        bail!(Failed("not every test passed".to_owned()));
    }
    ensure!(succeeded, "the tests passed, and their runner failed");
    Ok(())
}

/// Builds the program; gives its path.
pub fn build(sh: &Shell) -> Result<PathBuf> {
    // As part of the whole workspace: its libraries are then built once for program and tests.
    cmd!(sh, "cargo build --workspace --bin carrel").run()?;
    Ok(surroundings::built(sh, "debug")?.join("carrel"))
}

/// Fetches the embedding model into the cache unless it is there; gives its directory.
pub fn fetch_model(sh: &Shell, carrel: &Path) -> Result<PathBuf> {
    let models = surroundings::cache()?.join("models/all-MiniLM-L6-v2");
    // The storage directory is looked at for settings, of which there are to be none.
    let storage = sh.create_temp_dir()?;
    let storage = storage.path();
    let fetch = cmd!(sh, "{carrel} model fetch --storage {storage}");
    let fetched = fetch.env("CARREL_MODEL_DIR", &models).run();
    fetched.context("failed to fetch the embedding model, without which the tests cannot run")?;
    // The tests of the multilingual model read it beside the other.
    let fetch = cmd!(sh, "{carrel} model fetch multilingual-e5-small --storage {storage}");
    let fetched = fetch.env("CARREL_MODEL_DIR", &models).run();
    fetched.context("failed to fetch the multilingual model, which tests of the embedder need")?;
    // Without them the tests of reading pictures, of recordings and of voices are left out, and say so.
    for name in ["ocr", "whisper-base", "piper"] {
        let fetch = cmd!(sh, "{carrel} model fetch {name} --storage {storage}");
        if let Err(error) = fetch.env("CARREL_MODEL_DIR", &models).run() {
            eprintln!("tests that need the model {name} are left out: {error}");
        }
    }
    Ok(models)
}

/// The test runner: `cargo nextest` where it is installed, `cargo test` elsewhere.
fn runner(arguments: &[String]) -> Command {
    let mut command = Command::new("cargo");
    if surroundings::has("cargo-nextest") {
        command.args(["nextest", "run", "--no-fail-fast"]);
    } else {
        command.args(["test", "--no-fail-fast"]);
    }
    let selects =
        |argument: &String| argument.starts_with("-p") || argument.starts_with("--package");
    if !arguments.iter().any(selects) {
        command.arg("--workspace");
    }
    if std::io::stdout().is_terminal() {
        command.env("CARGO_TERM_COLOR", "always");
    }
    command.args(arguments);
    command
}

/// Runs `command`, showing its output while counting what it reports. No tally when it reported
/// nothing.
fn watched(mut command: Command) -> Result<(bool, Option<Tally>)> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("failed to start {command:?}"))?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        bail!("the output of the tests cannot be read");
    };
    let (lines, received) = mpsc::channel();
    let other = lines.clone();
    let readers = [
        thread::spawn(move || shown(stdout, std::io::stdout(), &lines)),
        thread::spawn(move || shown(stderr, std::io::stderr(), &other)),
    ];
    let mut tally = Tally::default();
    let reports = received.iter().filter(|line: &String| tally.read(line)).count();
    let status = child.wait()?;
    for reader in readers {
        let _ = reader.join();
    }
    Ok((status.success(), (reports > 0).then_some(tally)))
}

/// Copies each line of `from` to `to` and to `lines`.
fn shown(from: impl Read, mut to: impl Write, lines: &mpsc::Sender<String>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // Whoever reads our output may have stopped; the tests are still counted.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        let _ = lines.send(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
}
