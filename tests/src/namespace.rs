//! A mount namespace, whose file system only its own processes see.
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// A namespace, kept by a process that ends when this value is dropped.
pub struct Namespace {
    keeper: Child,
}

impl Namespace {
    /// Creates a namespace and runs `mount` in it, by a shell, with `arguments`. Returns `None` if
    /// this machine does not allow namespaces; the test is skipped then.
    pub fn new(mount: &str, arguments: &[&str]) -> Result<Option<Self>> {
        let script = format!("{mount} && echo there && exec cat");
        let mut keeper = Command::new("unshare");
        keeper.args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"]).args(arguments);
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut keeper) = keeper.spawn() else { return Ok(None) };
        let mut said = String::new();
        let output = keeper.stdout.take().context("no output")?;
        BufReader::new(output).read_line(&mut said)?;
        if said.trim() != "there" {
            let _ = keeper.wait();
            println!("left out: nobody may mount anything here");
            return Ok(None);
        }
        Ok(Some(Self { keeper }))
    }

    /// Returns the command that runs a program in the namespace.
    pub fn runner(&self) -> Vec<String> {
        let keeper = self.keeper.id().to_string();
        let enter = ["nsenter", "--preserve-credentials", "--user", "--mount", "--target", &keeper];
        enter.map(str::to_owned).into()
    }

    /// Returns the outside path of `path` in the namespace.
    pub fn seen(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
