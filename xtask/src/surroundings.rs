//! Paths of the checkout, the cache and the target directory.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

/// Returns the root of the checkout.
pub fn root() -> PathBuf {
    // Read at run time, because clones that share a target directory also share this program.
    let here = std::env::var_os("CARGO_MANIFEST_DIR");
    let here = here.map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    here.parent().unwrap_or(&here).to_owned()
}

/// Returns the directory for data that is kept between runs and can be deleted at any time.
pub fn cache() -> Result<PathBuf> {
    if let Some(cache) = std::env::var_os("XDG_CACHE_HOME").filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(cache).join("carrel"));
    }
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    Ok(PathBuf::from(home).join(".cache/carrel"))
}

/// Returns cargo's metadata of the workspace.
pub fn metadata(sh: &Shell) -> Result<serde_json::Value> {
    let json = cmd!(sh, "cargo metadata --no-deps --format-version 1").quiet().read()?;
    Ok(serde_json::from_str(&json)?)
}

/// Returns the directory of `profile` ("debug", "release") in the target directory.
pub fn built(sh: &Shell, profile: &str) -> Result<PathBuf> {
    let metadata = metadata(sh)?;
    let target =
        metadata["target_directory"].as_str().context("cargo names no target directory")?;
    Ok(Path::new(target).join(profile))
}

/// Whether `program` can be started by name.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}
