//! A disk of a few megabytes, in memory, that only the processes of one test see.
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// A tmpfs in a mount namespace, which lives as long as this.
pub struct SmallDisk {
    keeper: Child,
    directory: TempDir,
}

impl SmallDisk {
    /// `None` where this machine lets nobody make namespaces; the test is left out there.
    pub fn new(megabytes: u32) -> Result<Option<Self>> {
        let directory = TempDir::new()?;
        let script =
            "mount -t tmpfs -o size=\"$1\"m,mode=0700 tmpfs \"$2\" && echo there && exec cat";
        let mut keeper = Command::new("unshare");
        keeper.args(["--map-root-user", "--mount", "sh", "-c", script, "sh"]);
        keeper.arg(megabytes.to_string()).arg(directory.path());
        keeper.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let Ok(mut keeper) = keeper.spawn() else { return Ok(None) };
        let mut said = String::new();
        let output = keeper.stdout.take().context("no output")?;
        BufReader::new(output).read_line(&mut said)?;
        if said.trim() != "there" {
            let _ = keeper.wait();
            println!("left out: nobody may mount a disk here");
            return Ok(None);
        }
        Ok(Some(Self { keeper, directory }))
    }

    /// Where it is, for processes that see it.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// What runs a program where the disk is seen.
    pub fn runner(&self) -> Vec<String> {
        let keeper = self.keeper.id().to_string();
        let enter = ["nsenter", "--preserve-credentials", "--user", "--mount", "--target", &keeper];
        enter.map(str::to_owned).into()
    }

    /// The same directory for everybody else.
    pub fn seen(&self) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.keeper.id()));
        root.join(self.path().strip_prefix("/").unwrap_or(self.path()))
    }

    /// Lets nobody write to it any more.
    pub fn protect(&self) -> Result<()> {
        let runner = self.runner();
        let mut mount = Command::new(&runner[0]);
        mount.args(&runner[1..]).args(["mount", "-o", "remount,ro"]).arg(self.path());
        ensure!(mount.status()?.success(), "the disk could not be made read-only");
        Ok(())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}
