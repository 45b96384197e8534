//! Plants faults one at a time, and checks that the tests notice.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use xshell::{Shell, cmd};

use crate::tally::Failed;
use crate::{conformance, fuzz, test};

/// One patch for each fault: a sentence about it, `Caught by: <tests>` or `Caught by chore:
/// <chore>`, and the change.
const PLACE: &str = "tests/planted";

/// The tests or the chore that must notice a fault.
enum Watch {
    /// Tests by parts of their names.
    Tests(Vec<String>),
    /// Recorded exchanges of scenarios.
    Conformance(Vec<String>),
    FuzzApi,
}

/// Plants the named faults, or all. The checkout is restored afterwards, unless this is
/// interrupted.
pub fn run(sh: &Shell, named: &[String]) -> Result<()> {
    let clean = cmd!(sh, "git diff --quiet HEAD").quiet().run();
    clean.context("faults are planted in a checkout without changes only")?;
    let mut missed = Vec::new();
    for patch in patches(sh, named)? {
        let text = sh.read_file(&patch)?;
        let watch = watch(&text).with_context(|| format!("{} names no tests", patch.display()))?;
        println!("{}: {}", name(&patch), text.lines().next().unwrap_or_default());
        if !applies(sh, &patch) {
            missed.push(format!("{} (it does not apply)", name(&patch)));
        } else if !is_caught(sh, &patch, &watch)? {
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
    let is_selected = |patch: &PathBuf| named.is_empty() || named.contains(&name(patch));
    Ok(all.into_iter().filter(is_selected).collect())
}

/// Returns the faults whose patch no longer applies.
pub fn stale(sh: &Shell) -> Result<Vec<String>> {
    let all = patches(sh, &[])?;
    Ok(all.iter().filter(|patch| !applies(sh, patch)).map(|patch| name(patch)).collect())
}

fn applies(sh: &Shell, patch: &Path) -> bool {
    cmd!(sh, "git apply --check {patch}").quiet().ignore_stderr().run().is_ok()
}

fn name(patch: &Path) -> String {
    patch.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn watch(patch: &str) -> Option<Watch> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    patch.lines().find_map(|line| {
        if let Some(tests) = line.strip_prefix("Caught by: ") {
            return Some(Watch::Tests(words(tests)));
        }
        let mut chore = words(line.strip_prefix("Caught by chore: ")?);
        match chore.remove(0).as_str() {
            "conformance" => Some(Watch::Conformance(chore)),
            "fuzz-api" => Some(Watch::FuzzApi),
            _ => None,
        }
    })
}

/// Whether a test fails while the fault is planted. A fault that does not compile is an error, and
/// so are tests that cannot be run.
fn is_caught(sh: &Shell, patch: &Path, watch: &Watch) -> Result<bool> {
    cmd!(sh, "git apply {patch}").run()?;
    let outcome = test::build(sh).map(|_| match watch {
        Watch::Tests(tests) => {
            let which = ["-p", "e2e", "-p", "fuzz", "--"].map(str::to_owned);
            test::run(sh, &[&which, &tests[..]].concat())
        }
        Watch::Conformance(scenarios) => conformance::run(sh, scenarios),
        Watch::FuzzApi => fuzz::api(sh),
    });
    cmd!(sh, "git apply --reverse {patch}").run()?;
    let Err(failure) = outcome.context("the fault does not compile")? else { return Ok(false) };
    match failure.is::<Failed>() {
        true => Ok(true),
        false => Err(failure.context("it could not be tried")),
    }
}
