//! A mount namespace, whose file system only its own processes see.
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};

/// A namespace, kept by a process that ends when this value is dropped.
pub struct Namespace {
    holder: Child,
}

impl Namespace {
    /// Creates a namespace and runs `mount` in it, by a shell, with `arguments`. Returns `None` if
    /// this machine does not allow namespaces; the test is skipped then.
    pub fn new(mount: &str, arguments: &[&str]) -> Result<Option<Self>> {
        let script = format!("{mount} && echo there && exec cat");
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", &script, "sh"]).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut holder) = command.spawn() else { return Ok(None) };
        let mut ready_line = String::new();
        let output = holder.stdout.take().context("no output")?;
        BufReader::new(output).read_line(&mut ready_line)?;
        if ready_line.trim() != "there" {
            let _ = holder.wait();
            println!("left out: nobody may mount anything here");
            return Ok(None);
        }
        Ok(Some(Self { holder }))
    }

    /// Returns the command that runs a program in the namespace.
    pub fn runner(&self) -> Vec<String> {
        let holder = self.holder.id().to_string();
        let enter = ["nsenter", "--preserve-credentials", "--user", "--mount", "--target", &holder];
        enter.map(str::to_owned).into()
    }

    /// Returns the outside path of `path` in the namespace.
    pub fn path_in_namespace(&self, path: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(path.strip_prefix("/").unwrap_or(path))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}
