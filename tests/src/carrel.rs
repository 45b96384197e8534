//! The `carrel` program, run from the command line.
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// A storage directory and the environment in which commands run on it.
#[derive(Clone, Debug)]
pub struct Carrel {
    program: PathBuf,
    storage: PathBuf,
    /// The command that runs the program, with arguments before the program's own.
    within: Vec<String>,
    environment: Vec<(String, String)>,
}

/// The output and exit code of a command.
#[derive(Debug)]
pub struct Output {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Carrel {
    pub fn new(storage: &Path) -> Result<Self> {
        let models = carrel_embedder::testing::model_dir();
        let environment = vec![("CARREL_MODEL_DIR".to_owned(), models.display().to_string())];
        Ok(Self {
            program: program()?,
            storage: storage.to_owned(),
            within: Vec::new(),
            environment,
        })
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Runs the program with another one, such as one that enters a namespace.
    pub fn within(mut self, runner: &[String]) -> Self {
        self.within = runner.to_vec();
        self
    }

    /// Returns a command with an empty environment except for `PATH`.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = match self.within.split_first() {
            None => Command::new(&self.program),
            Some((runner, rest)) => {
                let mut command = Command::new(runner);
                command.args(rest).arg(&self.program);
                command
            }
        };
        command.args(arguments).arg("--storage").arg(&self.storage);
        command.env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null());
        command
    }

    pub fn run(&self, arguments: &[&str]) -> Result<Output> {
        let output = self.command(arguments).output().context("failed to run carrel")?;
        Ok(Output {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout)?,
            stderr: String::from_utf8(output.stderr)?,
        })
    }
}

/// Returns the program, built next to this test.
fn program() -> Result<PathBuf> {
    if let Some(program_path) = std::env::var_os("CARREL_PROGRAM") {
        return Ok(program_path.into());
    }
    let executable = std::env::current_exe()?;
    let mut candidates = executable.ancestors().map(|directory| directory.join("carrel"));
    candidates.find(|program| program.is_file()).context(
        "the program is not built: run the tests by `cargo xtask test`, which builds it first",
    )
}
