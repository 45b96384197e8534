//! Plants faults, one at a time, and sees to it that the tests notice.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::test;

/// One patch each: a sentence about the fault, `Caught by: <tests>`, and the change.
const PLACE: &str = "tests/planted";

const CAUGHT_BY: &str = "Caught by: ";

/// Those that are named, or all. The checkout is as before afterwards, unless this is interrupted.
pub fn run(sh: &Shell, named: &[String]) -> Result<()> {
    let clean = cmd!(sh, "git diff --quiet HEAD").quiet().run();
    clean.context("faults are planted in a checkout without changes only")?;
    let mut missed = Vec::new();
    for patch in patches(sh, named)? {
        let text = sh.read_file(&patch)?;
        let caught_by = text.lines().find_map(|line| line.strip_prefix(CAUGHT_BY));
        let tests = caught_by.with_context(|| format!("{} names no tests", patch.display()))?;
        println!("{}: {}", name(&patch), text.lines().next().unwrap_or_default());
        if !is_caught(sh, &patch, tests)? {
            missed.push(name(&patch));
        }
    }
    ensure!(missed.is_empty(), "not noticed: {}", missed.join(", "));
    Ok(())
}

fn patches(sh: &Shell, named: &[String]) -> Result<Vec<PathBuf>> {
    let all = sh.read_dir(PLACE)?;
    if let Some(unknown) =
        named.iter().find(|given| !all.iter().any(|patch| name(patch) == **given))
    {
        bail!("there is no {PLACE}/{unknown}.patch");
    }
    let wanted = |patch: &PathBuf| named.is_empty() || named.contains(&name(patch));
    Ok(all.into_iter().filter(wanted).collect())
}

fn name(patch: &Path) -> String {
    patch.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Whether a test fails while the fault is there. One that does not compile is no fault.
fn is_caught(sh: &Shell, patch: &Path, tests: &str) -> Result<bool> {
    cmd!(sh, "git apply {patch}").run()?;
    let built = test::build(sh);
    let run = || {
        let which = ["-p", "e2e", "-p", "fuzz", "--"].into_iter().chain(tests.split_whitespace());
        test::run(sh, &which.map(str::to_owned).collect::<Vec<_>>())
    };
    let outcome = built.map(|_| run());
    cmd!(sh, "git apply --reverse {patch}").run()?;
    Ok(outcome.context("the fault does not compile")?.is_err())
}
