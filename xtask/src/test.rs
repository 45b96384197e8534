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

/// Variable with the PostgreSQL server for the tests. If it is set, no server is started.
const SERVER: &str = "CARREL_TEST_POSTGRES";
/// Variable with the certificate of the authority that signed the server's, if the server encrypts.
const AUTHORITY: &str = "CARREL_TEST_POSTGRES_CA";

pub fn run(sh: &Shell, arguments: &[String]) -> Result<()> {
    run_with(sh, arguments, &[])
}

/// Works like [`run`], with environment variables for the tests.
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
        // cargo-nextest does not run the examples of the documentation.
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
    ensure!(succeeded, "the tests passed, but their runner failed");
    Ok(())
}

/// Builds the program and returns its path.
pub fn build(sh: &Shell) -> Result<PathBuf> {
    // Building the whole workspace builds its libraries once for program and tests.
    cmd!(sh, "cargo build --workspace --bin carrel").run()?;
    Ok(surroundings::built(sh, "debug")?.join("carrel"))
}

/// Fetches the embedding model into the cache unless it is there, and returns its directory.
pub fn fetch_model(sh: &Shell, carrel: &Path) -> Result<PathBuf> {
    let models = surroundings::cache()?.join("models/all-MiniLM-L6-v2");
    // An empty storage directory, so that no settings are read from it.
    let storage = sh.create_temp_dir()?;
    let storage = storage.path();
    let fetch = cmd!(sh, "{carrel} model fetch --storage {storage}");
    let fetched = fetch.env("CARREL_MODEL_DIR", &models).run();
    fetched.context("failed to fetch the embedding model, without which the tests cannot run")?;
    // The tests expect the multilingual model next to the other one.
    let fetch = cmd!(sh, "{carrel} model fetch multilingual-e5-small --storage {storage}");
    let fetched = fetch.env("CARREL_MODEL_DIR", &models).run();
    fetched.context("failed to fetch the multilingual model, which tests of the embedder need")?;
    // Without these models, the tests of pictures, recordings and voices are skipped and say so.
    for name in ["ocr", "whisper-base", "piper"] {
        let fetch = cmd!(sh, "{carrel} model fetch {name} --storage {storage}");
        if let Err(error) = fetch.env("CARREL_MODEL_DIR", &models).run() {
            eprintln!("skipping tests that need the model {name}: {error}");
        }
    }
    Ok(models)
}

/// Returns the test runner: `cargo nextest` if it is installed, otherwise `cargo test`.
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

/// Runs `command`, and counts the reported tests while showing its output. Returns no tally if it
/// reported none.
fn watched(mut command: Command) -> Result<(bool, Option<Tally>)> {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("failed to start {command:?}"))?;
    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        bail!("the output of the tests cannot be read");
    };
    let (lines, received) = mpsc::channel();
    let other = lines.clone();
    let readers = [
        thread::spawn(move || forward_lines(stdout, std::io::stdout(), &lines)),
        thread::spawn(move || forward_lines(stderr, std::io::stderr(), &other)),
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
fn forward_lines(from: impl Read, mut to: impl Write, lines: &mpsc::Sender<String>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    while from.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
        // The reader of our output may have closed it; the tests are still counted.
        let _ = to.write_all(&line).and_then(|()| to.flush());
        let _ = lines.send(String::from_utf8_lossy(&line).trim_end().to_owned());
        line.clear();
    }
}
