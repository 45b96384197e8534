//! Runs vector databases that exist only while the tests run.
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use xshell::Shell;

use crate::clients;
use crate::postgres::{Cluster, free_port};

/// Variables with the addresses for the tests. A database that is already named is not started, and
/// `skip` omits it.
const CHROMA: &str = "CARREL_TEST_CHROMA";
const PGVECTOR: &str = "CARREL_TEST_PGVECTOR";

/// Time limit for Chroma to start.
const PATIENCE: Duration = Duration::from_secs(120);

/// Runs Chroma until the end of its input, then removes its data. The input ends when this program
/// ends in any way.
const CARETAKER: &str = r#""$1" run --host 127.0.0.1 --port "$2" --path "$3" </dev/null &
cat; kill -9 "$!"; wait; rm -rf "$3""#;

/// The databases, which run until this value is dropped.
pub struct Stores {
    chroma: Option<Chroma>,
    pgvector: Option<Cluster>,
}

impl Stores {
    /// Installs them into the cache unless they are installed, and starts them.
    pub fn start(sh: &Shell) -> Result<Self> {
        let is_named = |variable| std::env::var_os(variable).is_some();
        let pgvector = match is_named(PGVECTOR) {
            true => None,
            false => {
                let started = Cluster::start_packaged(&clients::fetch_pgvector(sh)?);
                Some(started.context("failed to start a PostgreSQL with pgvector")?)
            }
        };
        let chroma = match is_named(CHROMA) {
            true => None,
            false => Some(Chroma::start(sh, &clients::fetch_chroma(sh)?)?),
        };
        Ok(Self { chroma, pgvector })
    }

    /// Returns the variables with which tests find the started databases.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let chroma = self.chroma.as_ref();
        let chroma = chroma.map(|chroma| (CHROMA, format!("http://127.0.0.1:{}", chroma.port)));
        // The setting only accepts this name of the scheme.
        let url = |cluster: &Cluster| cluster.url().replacen("postgres:", "postgresql:", 1);
        let pgvector = self.pgvector.as_ref().map(|cluster| (PGVECTOR, url(cluster)));
        chroma.into_iter().chain(pgvector).collect()
    }
}

struct Chroma {
    supervisor: Child,
    port: u16,
}

impl Chroma {
    fn start(sh: &Shell, program: &Path) -> Result<Self> {
        let directory = std::env::temp_dir().join(format!("carrel-chroma-{}", std::process::id()));
        sh.create_dir(&directory)?;
        let port = free_port()?;
        let mut supervisor = Command::new("sh");
        supervisor.args(["-c", CARETAKER, "caretaker"]).arg(program).arg(port.to_string());
        supervisor.arg(&directory).current_dir(&directory).stdin(Stdio::piped());
        // Its output is noise, and it would send telemetry.
        supervisor.stdout(Stdio::null()).stderr(Stdio::null()).env("ANONYMIZED_TELEMETRY", "false");
        // A separate process group, so that Ctrl-C in the terminal does not reach it.
        std::os::unix::process::CommandExt::process_group(&mut supervisor, 0);
        let supervisor = supervisor.spawn().context("failed to start sh")?;
        let chroma = Self { supervisor, port };
        let (started, address) = (Instant::now(), SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        while TcpStream::connect(address).is_err() {
            ensure!(started.elapsed() < PATIENCE, "Chroma does not listen");
            sleep(Duration::from_millis(50));
        }
        Ok(chroma)
    }
}

impl Drop for Chroma {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}
