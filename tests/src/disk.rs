//! A disk of a few megabytes, in memory, visible only to the processes of one test.
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, ensure};
use tempfile::TempDir;

use crate::namespace::Namespace;

/// A tmpfs in a mount namespace, removed when this value is dropped.
pub struct SmallDisk {
    namespace: Namespace,
    directory: TempDir,
}

impl SmallDisk {
    /// Returns `None` if this machine does not allow namespaces; the test is skipped then.
    pub fn new(megabytes: u32) -> Result<Option<Self>> {
        let directory = TempDir::new()?;
        let place = directory.path().display().to_string();
        let mount = "mount -t tmpfs -o size=\"$1\"m,mode=0700 tmpfs \"$2\"";
        let namespace = Namespace::new(mount, &[&megabytes.to_string(), &place])?;
        Ok(namespace.map(|namespace| Self { namespace, directory }))
    }

    /// Returns the path of the disk inside the namespace.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Returns the command that runs a program in the disk's namespace.
    pub fn runner(&self) -> Vec<String> {
        self.namespace.runner()
    }

    /// Returns the path of the disk outside the namespace.
    pub fn path_in_namespace(&self) -> PathBuf {
        self.namespace.path_in_namespace(self.path())
    }

    /// Makes the disk read-only.
    pub fn protect(&self) -> Result<()> {
        let runner = self.runner();
        let mut mount = Command::new(&runner[0]);
        mount.args(&runner[1..]).args(["mount", "-o", "remount,ro"]).arg(self.path());
        ensure!(mount.status()?.success(), "the disk could not be made read-only");
        Ok(())
    }
}
