//! Checks dependencies: licences, bans, sources, known vulnerabilities, and that each one is used.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use xshell::{Shell, cmd};

use crate::{clients, surroundings};

/// Part of cargo-deny's message when it cannot fetch the advisory database.
const UNREACHABLE: &str = "failed to fetch advisory database";

/// All features but `lancedb`, whose libraries would have to be downloaded for it.
const USUAL: [&str; 2] =
    ["--features", "carrel-server/otel,e2e/otel,carrel-embedder/testing,carrel-kernels/testing"];

/// Checks deny.toml with the usual features, and known vulnerabilities if the advisory database can be
/// fetched.
pub fn deny(sh: &Shell) -> Result<()> {
    deny_with(sh, &USUAL)
}

/// As [`deny`], with all features.
pub fn deny_all(sh: &Shell) -> Result<()> {
    deny_with(sh, &["--all-features"])
}

fn deny_with(sh: &Shell, features: &[&str]) -> Result<()> {
    let deny = clients::fetch_cargo_deny(sh)?;
    let rules = ["check", "--hide-inclusion-graph", "bans", "licenses", "sources"];
    cmd!(sh, "{deny} {features...} {rules...}").run()?;
    let advisories = cmd!(sh, "{deny} {features...} check advisories").ignore_status();
    let output = advisories.output().context("failed to run cargo-deny")?;
    let text = String::from_utf8_lossy(&output.stderr);
    eprintln!("{}", verdict(output.status.success(), &text)?);
    Ok(())
}

/// Describes the result of cargo-deny's check of advisories.
fn verdict(succeeded: bool, report: &str) -> Result<&'static str> {
    match succeeded {
        true => Ok("no known vulnerabilities"),
        false if report.contains(UNREACHABLE) => {
            Ok("vulnerabilities not checked: the advisory database cannot be fetched from here")
        }
        false => bail!("cargo-deny found known vulnerabilities:\n{report}"),
    }
}

/// Returns the dependencies that no code uses, and those of the workspace that no package names.
pub fn unused(metadata: &Value, manifest: &str) -> Result<Vec<String>> {
    let mut problems = Vec::new();
    let mut named = Vec::new();
    for package in metadata["packages"].as_array().context("cargo lists no packages")? {
        let name = package["name"].as_str().context("a package has no name")?;
        let place = Path::new(package["manifest_path"].as_str().context("a package has no place")?);
        let sources = sources(place.parent().unwrap_or(place))?;
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            let original = dependency["name"].as_str().unwrap_or_default();
            let called = dependency["rename"].as_str().unwrap_or(original);
            named.push(called.to_owned());
            let is_used = LINKED.contains(&called) || uses(&sources, &called.replace('-', "_"));
            if !is_used {
                problems.push(format!("{name} names {called}, which none of its code uses"));
            }
        }
    }
    let table = manifest.split("[workspace.dependencies]").nth(1).unwrap_or_default();
    for line in table.lines().take_while(|line| !line.starts_with('[')) {
        let Some((dependency, _)) = line.split_once(" = ") else { continue };
        if !named.iter().any(|name| name == dependency) {
            problems.push(format!("Cargo.toml names {dependency}, which no package does"));
        }
    }
    Ok(problems)
}

/// Libraries that are only named to configure how they are built; another library calls them.
const LINKED: [&str; 2] = ["libsqlite3-sys", "pq-sys"];

/// Whether the code names `library`, in a path or alone in a `use`.
fn uses(sources: &[String], library: &str) -> bool {
    sources.iter().any(|source| {
        source.match_indices(library).any(|(at, _)| {
            let before = source[..at].chars().next_back();
            let after = source[at + library.len()..].trim_start();
            !before.is_some_and(|c| c.is_alphanumeric() || c == '_')
                && (after.starts_with("::")
                    || (after.starts_with(';') && source[..at].ends_with("use "))
                    || after.starts_with(" as ")
                    || after.starts_with('!'))
        })
    })
}

/// Returns the texts of all Rust files below `directory`.
fn sources(directory: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    let mut directories: Vec<PathBuf> = vec![directory.to_owned()];
    while let Some(next) = directories.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            let is_own = !path.join("Cargo.toml").is_file() && !path.ends_with("target");
            if path.is_dir() && is_own {
                directories.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                texts.push(std::fs::read_to_string(path)?);
            }
        }
    }
    Ok(texts)
}

/// Checks the manifests of the workspace and its packages.
pub fn unused_here(sh: &Shell) -> Result<Vec<String>> {
    unused(&surroundings::metadata(sh)?, &sh.read_file("Cargo.toml")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unreachable_database_is_distinguished_from_a_vulnerability() {
        assert_eq!(verdict(true, "").unwrap(), "no known vulnerabilities");
        let offline = "error: failed to fetch advisory database https://example.com";
        assert!(verdict(false, offline).unwrap().contains("not checked"));
        let found = "error[vulnerability]: a hole in a library";
        assert!(verdict(false, found).unwrap_err().to_string().contains("a hole"));
    }

    #[test]
    fn a_library_is_used_when_a_path_begins_with_its_name() {
        let code = ["use tokio_util as util;\nfn a() { bytes::Bytes::new(); }".to_owned()];
        assert!(uses(&code, "bytes"));
        assert!(!uses(&code, "tokio"));
        assert!(!uses(&code, "util"));
        assert!(uses(&["use anyhow::{Context, Result};".to_owned()], "anyhow"));
        assert!(uses(&["use mimalloc;".to_owned()], "mimalloc"));
        assert!(!uses(&["// bytes that nobody reads".to_owned()], "bytes"));
    }

    #[test]
    fn unused_dependencies_of_the_workspace_are_found() {
        let manifest =
            "[workspace.dependencies]\nbytes = \"1\"\nanyhow = \"1\"\n\n[profile.dev]\nx = 1\n";
        let metadata = serde_json::json!({"packages": [{
            "name": "xtask",
            "manifest_path": concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"),
            "dependencies": [{"name": "anyhow"}, {"name": "no-such-library"}],
        }]});
        let problems = unused(&metadata, manifest).unwrap();
        assert_eq!(problems.len(), 2, "{problems:?}");
        assert!(problems[0].contains("no-such-library") && problems[1].contains("bytes"));
    }
}
