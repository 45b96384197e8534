//! A disk of a few megabytes, in memory, visible only to the processes of one test.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use tempfile::TempDir;

use crate::namespace::Namespace;

/// A tmpfs in a mount namespace, which lives as long as this.
pub struct SmallDisk {
    namespace: Namespace,
    directory: TempDir,
}

impl SmallDisk {
    /// `None` where this machine lets nobody make namespaces; the test is left out there.
    pub fn new(megabytes: u32) -> Result<Option<Self>> {
        let directory = TempDir::new()?;
        let place = directory.path().display().to_string();
        let mount = "mount -t tmpfs -o size=\"$1\"m,mode=0700 tmpfs \"$2\"";
        let namespace = Namespace::new(mount, &[&megabytes.to_string(), &place])?;
        Ok(namespace.map(|namespace| Self { namespace, directory }))
    }

    /// The path of the disk, for processes that see it.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// The command that runs a program in the disk's namespace.
    pub fn runner(&self) -> Vec<String> {
        self.namespace.runner()
    }

    /// The same directory for everybody else.
    pub fn seen(&self) -> PathBuf {
        self.namespace.seen(self.path())
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
