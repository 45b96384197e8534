//! `cargo xtask native`: checks that the API compiles and passes its tests without its adapter.
use anyhow::{Context, Result, ensure};
use xshell::{Shell, cmd};

use crate::surroundings;
use crate::tidy::adapter::{FOLDER, LINES, REGISTRY};

/// Copies the checkout without the adapter's folder, removes the lines that register it, and runs
/// the tests.
pub fn run(sh: &Shell) -> Result<()> {
    let copy = surroundings::built(sh, "native")?;
    let target = copy.with_file_name("");
    sh.remove_path(&copy)?;
    let listed = cmd!(sh, "git ls-files --cached --others --exclude-standard").quiet().read()?;
    for path in listed.lines().filter(|path| !path.starts_with(FOLDER)) {
        let into = copy.join(path);
        sh.create_dir(into.parent().context("a file of the checkout has no folder")?)?;
        // Deleted files that are not committed yet are listed too.
        if sh.path_exists(path) {
            sh.copy_file(path, into)?;
        }
    }
    let registry = copy.join(REGISTRY);
    let text = sh.read_file(&registry)?;
    let (removed, remaining): (Vec<_>, Vec<_>) =
        text.lines().partition(|line| LINES.contains(&line.trim()));
    ensure!(removed.len() == LINES.len(), "{REGISTRY} does not have each of {LINES:?} once");
    sh.write_file(&registry, remaining.join("\n"))?;
    let _copy = sh.push_dir(&copy);
    cmd!(sh, "cargo test --quiet -p carrel-api --target-dir {target}").run()?;
    println!("The API compiles and passes its tests without {FOLDER}.");
    Ok(())
}
