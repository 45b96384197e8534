//! Tests the stand-ins of vector databases with the vendors' own clients, and runs the tests on the
//! engine of Milvus. These programs are not available everywhere, so this is not part of every
//! check.
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use crate::stores::Stores;
use crate::{clients, surroundings};

/// The folder of the clients' scripts and of the REST interface to Milvus's engine.
const SCRIPTS: &str = "crates/vectors/tests/clients";

/// Vendors whose stand-in is tested with a client.
const VENDORS: [&str; 5] = ["pinecone", "weaviate", "astra", "chromacloud", "qdrant"];

/// Tests the named vendors and `milvus`, or all of them.
pub fn run(sh: &Shell, named: &[String]) -> Result<()> {
    let is_meant = |vendor: &str| named.is_empty() || named.iter().any(|name| name == vendor);
    let unknown = named.iter().find(|name| *name != "milvus" && !VENDORS.contains(&name.as_str()));
    ensure!(unknown.is_none(), "there is no vendor `{}`", unknown.map_or("", |name| name));
    cmd!(sh, "cargo build -p carrel-vectors --example stand_in").run()?;
    let stand_in = surroundings::built(sh, "debug")?.join("examples/stand_in");
    let stores = Stores::start(sh)?;
    for vendor in VENDORS.into_iter().filter(|vendor| is_meant(vendor)) {
        let python = clients::fetch_vendor(sh, vendor)?;
        let mut program = Command::new(&stand_in);
        program.arg(vendor).envs(stores.variables());
        let running = Running::start(program)?;
        let (script, address) = (format!("{SCRIPTS}/vendors.py"), &running.address);
        cmd!(sh, "{python} {script} {vendor} {address}").run()?;
    }
    if is_meant("milvus") {
        milvus(sh, &stores)?;
    }
    Ok(())
}

/// Runs the tests that apply to every store on the engine of Milvus.
fn milvus(sh: &Shell, stores: &Stores) -> Result<()> {
    let python = clients::fetch_vendor(sh, "milvus")?;
    let directory = sh.create_temp_dir()?;
    let mut program = Command::new(python);
    program.arg(Path::new(SCRIPTS).join("milvus_rest.py")).arg(directory.path());
    // It logs every refusal.
    program.stderr(Stdio::null());
    let running = Running::start(program)?;
    let tests = cmd!(sh, "cargo test -p carrel-vectors --test stores milvus_lite");
    let tests = tests.envs(stores.variables()).env("CARREL_TEST_MILVUS", &running.address);
    Ok(tests.run()?)
}

/// A program that prints its address and runs until its input ends.
struct Running {
    program: Child,
    address: String,
}

impl Running {
    fn start(mut program: Command) -> Result<Self> {
        program.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut program = program.spawn().context("failed to start a stand-in")?;
        let output = program.stdout.take().context("a stand-in has no output")?;
        let mut running = Self { program, address: String::new() };
        BufReader::new(output).read_line(&mut running.address)?;
        running.address.truncate(running.address.trim_end().len());
        ensure!(!running.address.is_empty(), "a stand-in did not start");
        Ok(running)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.program.stdin.take());
        let _ = self.program.wait();
    }
}
