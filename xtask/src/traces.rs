//! Checks the feature `otel`: its lints, which are part of every check, and its tests on the real
//! program.
use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{surroundings, test};

pub fn check(sh: &Shell) -> Result<()> {
    let features = "carrel-server/otel,e2e/otel";
    let checked = cmd!(sh, "cargo clippy --workspace --all-targets --features {features}");
    Ok(checked.args(["--", "-D", "warnings"]).run()?)
}

pub fn run(sh: &Shell) -> Result<()> {
    check(sh)?;
    // Building the whole workspace builds its libraries once for every chore.
    cmd!(sh, "cargo build --workspace --bin carrel --features carrel-server/otel").run()?;
    let carrel = surroundings::built(sh, "debug")?.join("carrel");
    let models = test::fetch_model(sh, &carrel)?;
    let tests = cmd!(sh, "cargo test -p e2e --features otel --test e2e traces::");
    Ok(tests.env("CARREL_PROGRAM", carrel).env("CARREL_MODEL_DIR", models).run()?)
}
