//! Replays recorded exchanges of existing clients against this server, and checks that no fewer
//! agree than before.
use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::postgres::free_port;
use crate::tally::Failed;
use crate::{surroundings, test};

const SCENARIOS: [&str; 3] = ["single", "multi", "sso"];

/// An API key in the format of the recorded clients.
const KEY: &str = "CONFORM-A1B2C3D-E4F5G6H-J7K8M9N";

/// Time limit for a server to start, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Replays the named scenarios, or all.
pub fn run(sh: &Shell, named: &[String]) -> Result<()> {
    if let Some(unknown) = named.iter().find(|name| !SCENARIOS.contains(&name.as_str())) {
        bail!("there is no scenario `{unknown}`; there are {}", SCENARIOS.join(", "));
    }
    let carrel = test::build(sh)?;
    let files = surroundings::root().join("tests/conformance");
    cmd!(sh, "python3 {files}/selftest.py").run().context("the scoring itself is wrong")?;
    let port = free_port()?;
    let mut fake = Command::new("python3");
    fake.arg(files.join("fake_openai.py")).arg(port.to_string());
    let _fake = Running::start(fake.stdout(Stdio::null()).stderr(Stdio::null()), port)?;
    let fake = format!("http://127.0.0.1:{port}");
    let mut lost = Vec::new();
    for scenario in SCENARIOS {
        if named.is_empty() || named.iter().any(|name| name == scenario) {
            let result = play(sh, &Play { carrel: &carrel, files: &files, fake: &fake, scenario })?;
            lost.extend(below_floor(&files, scenario, &result)?);
        }
    }
    if !lost.is_empty() {
        bail!(Failed(format!("fewer exchanges agree than before:\n  {}", lost.join("\n  "))));
    }
    Ok(())
}

struct Play<'a> {
    carrel: &'a Path,
    files: &'a Path,
    fake: &'a str,
    scenario: &'a str,
}

/// Replays one scenario against a new server and returns the details.
fn play(sh: &Shell, what: &Play<'_>) -> Result<Value> {
    let Play { carrel, files, fake, scenario } = *what;
    let directory = sh.create_temp_dir()?;
    let storage = directory.path().join("storage");
    fs::create_dir(&storage)?;
    let mut settings = fs::read_to_string(files.join("settings.env"))?.replace("${FAKE}", fake);
    if scenario == "sso" {
        settings.push_str("SIMPLE_SSO_ENABLED=1\n");
    }
    fs::write(storage.join(".env"), settings)?;
    if scenario != "single" {
        let enable = cmd!(sh, "{carrel} multi-user enable admin --password-stdin");
        let enable = enable.arg("--storage").arg(&storage).stdin("password-of-the-admin");
        enable.env_clear().quiet().run()?;
    }
    let port = free_port()?;
    let mut serve = Command::new(carrel);
    serve.env_clear().env("CARREL_API_KEY", KEY).arg("serve").arg("--storage").arg(&storage);
    serve.args(["--log", "error", "--listen"]).arg(format!("127.0.0.1:{port}"));
    let _server = Running::start(serve.stdout(Stdio::null()), port)?;

    let (database, details) = (storage.join("carrel.db"), directory.path().join("details.json"));
    let fixture = format!("python3 '{}/fixture.py' '{}'", files.display(), database.display());
    let mut replay = Command::new("python3");
    replay.arg(files.join("replay.py")).arg("--base").arg(format!("http://127.0.0.1:{port}/api"));
    replay.arg("--scenario").arg(files.join(format!("cases/{scenario}.jsonl")));
    replay.args(["--key", KEY, "--fake", fake, "--fixture-cmd", &fixture, "--json"]).arg(&details);
    // Exits with 1 if any exchange differs; the floors say how many may.
    let status = replay.status().context("failed to start python3")?;
    ensure!(matches!(status.code(), Some(0 | 1)), "the scenario {scenario} could not be played");
    Ok(serde_json::from_slice(&fs::read(details)?)?)
}

/// Returns the subjects with fewer agreeing exchanges than in `floors.tsv`. Prints those with more.
fn below_floor(files: &Path, scenario: &str, result: &Value) -> Result<Vec<String>> {
    let floors = fs::read_to_string(files.join("floors.tsv"))?;
    let mut lost = Vec::new();
    for line in floors.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split('\t').collect();
        let [of, subject, shape, values] = fields[..] else {
            bail!("floors.tsv: `{line}` has not four columns");
        };
        if of != scenario {
            continue;
        }
        for (level, floor) in [("L3", shape), ("L4", values)] {
            let floor: u64 = floor.parse().with_context(|| format!("floors.tsv: `{line}`"))?;
            let reached = result["tags"][subject][level].as_u64().unwrap_or(0);
            let summary = format!("{scenario}, {subject}: {reached} exchanges reach {level}");
            if reached < floor {
                lost.push(format!("{summary}; the floor is {floor}"));
            } else if reached > floor {
                println!("{summary}; floors.tsv can be raised from {floor}");
            }
        }
    }
    println!();
    Ok(lost)
}

/// A process that is killed when this value is dropped.
pub struct Running(Child);

impl Running {
    /// Starts a server and waits until it answers on its port.
    pub fn start(command: &mut Command, port: u16) -> Result<Self> {
        let child = command.spawn().with_context(|| format!("failed to start {command:?}"))?;
        let mut running = Self(child);
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Some(status) = running.0.try_wait()? {
                bail!("{command:?} ended with {status}");
            }
            ensure!(started.elapsed() < PATIENCE, "{command:?} does not answer");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
