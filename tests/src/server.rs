//! The real server as a process, on a free port, with its own storage directory.
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::backend::{Backend, Database};
use crate::disk::SmallDisk;
use crate::visitor::Visitor;
use crate::{Carrel, Client, Mode};

/// The timeout for a server to print its address, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

pub const KEY: &str = "a-key-for-the-tests-0123456789";

/// The options for starting a server.
pub struct Options {
    pub backend: Backend,
    /// Additional environment variables.
    pub environment: Vec<(&'static str, String)>,
    /// A separate disk for the storage.
    pub disk: Option<SmallDisk>,
    /// The command that runs the server, with its arguments.
    pub within: Vec<String>,
}

impl From<Backend> for Options {
    fn from(backend: Backend) -> Self {
        Self {
            backend,
            environment: vec![("CARREL_API_KEY", KEY.to_owned())],
            disk: None,
            within: Vec::new(),
        }
    }
}

impl Options {
    /// Uses SQLite and the [`crate::model_server`] at `base`; see [`Self::answered_by`].
    pub fn with_model(base: String, model: &str, window: &str) -> Self {
        Self::from(Backend::Sqlite).answered_by(base, model, window)
    }

    /// Uses the [`crate::model_server`] at `base` as the language model, with a window of so many
    /// tokens.
    pub fn answered_by(self, base: String, model: &str, window: &str) -> Self {
        self.with("LLM_PROVIDER", "generic-openai")
            .with("GENERIC_OPEN_AI_BASE_PATH", base)
            .with("GENERIC_OPEN_AI_MODEL_PREF", model)
            .with("GENERIC_OPEN_AI_MODEL_TOKEN_LIMIT", window)
    }

    pub fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.environment.push((name, value.into()));
        self
    }

    pub fn on(mut self, disk: SmallDisk) -> Self {
        self.disk = Some(disk);
        self
    }

    /// Runs the server with another program, such as one that enters a namespace.
    pub fn within(mut self, runner: Vec<String>) -> Self {
        self.within = runner;
        self
    }

    pub fn without_key(mut self) -> Self {
        self.environment.retain(|(name, _)| *name != "CARREL_API_KEY");
        self
    }
}

/// A running server, killed when this value is dropped.
pub struct TestServer {
    child: Option<Child>,
    client: Client,
    carrel: Carrel,
    directory: TempDir,
    backend: Backend,
    database: Database,
    disk: Option<SmallDisk>,
}

impl TestServer {
    pub async fn start(options: impl Into<Options>) -> Result<Self> {
        let Options { backend, environment, disk, within } = options.into();
        let directory = TempDir::new()?;
        let database = backend.create()?;
        let mut carrel = match &disk {
            None => Carrel::new(&directory.path().join("storage"))?.within(&within),
            Some(disk) => Carrel::new(&disk.path().join("storage"))?.within(&disk.runner()),
        };
        if let Some(url) = database.url() {
            carrel = carrel.with("DATABASE_URL", &url);
        }
        for (name, value) in environment {
            carrel = carrel.with(name, &value);
        }
        let client = Client::new("http://127.0.0.1:0", None)?;
        let mut server = Self { child: None, client, carrel, directory, backend, database, disk };
        server.run().await?;
        Ok(server)
    }

    /// Starts a server and sets it up for its owner, or for a team with the administrator ada.
    pub async fn start_for(options: impl Into<Options>, mode: Mode) -> Result<Self> {
        let server = Self::start(options).await?;
        Visitor::first(&server, mode).await?;
        Ok(server)
    }

    /// Starts the process and waits until it prints its address.
    pub async fn run(&mut self) -> Result<()> {
        let log = File::create(self.log_path())?;
        let mut command = self.carrel.command(&["serve", "--listen", "127.0.0.1:0"]);
        let child = command.stdout(Stdio::null()).stderr(log).spawn();
        self.child = Some(child.context("failed to start the server")?);
        let base = self.wait_for_address().await?;
        self.client = Client::new(&base, Some(KEY))?;
        Ok(())
    }

    async fn wait_for_address(&mut self) -> Result<String> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let log = self.log()?;
            let address = log.split_whitespace().find(|word| word.contains("http://127.0.0.1:"));
            if let Some(address) = address.filter(|_| log.ends_with('\n')) {
                let start = address.find("http://").unwrap_or_default();
                return Ok(address[start..]
                    .trim_end_matches(|c: char| !c.is_ascii_digit())
                    .to_owned());
            }
            if let Some(ended) =
                self.child.as_mut().and_then(|child| child.try_wait().ok().flatten())
            {
                bail!("the server ended with {ended}:\n{log}");
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("the server did not say where it listens:\n{}", self.log()?)
    }

    /// Returns a client with full access.
    pub fn admin(&self) -> &Client {
        &self.client
    }

    pub fn backend(&self) -> Backend {
        self.backend
    }

    /// Returns the command line on the same storage.
    pub fn carrel(&self) -> &Carrel {
        &self.carrel
    }

    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Returns the storage directory as seen from outside, on any disk.
    pub fn storage(&self) -> PathBuf {
        let own = || self.directory.path().to_owned();
        self.disk.as_ref().map_or_else(own, SmallDisk::path_in_namespace).join("storage")
    }

    pub fn process_id(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Returns the log so far.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.log_path())?)
    }

    /// Waits until the log contains `text`.
    pub async fn wait_for_log(&self, text: &str) -> Result<()> {
        let started = Instant::now();
        while !self.log()?.contains(text) {
            anyhow::ensure!(
                started.elapsed() < PATIENCE,
                "the log never said {text:?}:\n{}",
                self.log()?
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok(())
    }

    fn log_path(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    /// Returns the files of documents as paths relative to the documents directory.
    pub fn document_files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        collect(&self.storage().join("documents"), &mut files)?;
        files.sort();
        Ok(files)
    }

    /// Kills the process, like `kill -9`.
    pub fn kill(&mut self) -> Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Stops the process as a service manager does, and returns its exit code.
    pub async fn stop(&mut self) -> Result<Option<i32>> {
        let mut child = self.child.take().context("the server is not running")?;
        let id = child.id().to_string();
        std::process::Command::new("kill").args(["-TERM", &id]).status()?;
        Ok(tokio::task::spawn_blocking(move || child.wait()).await??.code())
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        let _ = self.kill();
    }
}

fn collect(directory: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    if !directory.is_dir() {
        return Ok(());
    }
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        match path.is_dir() {
            true => collect(&path, files)?,
            false => files.push(path),
        }
    }
    Ok(())
}
