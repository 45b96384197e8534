//! The feature `otel`, which no other chore builds: its lints, and its tests on the real program.
use anyhow::Result;
use xshell::{Shell, cmd};

use crate::{surroundings, test};

pub fn run(sh: &Shell) -> Result<()> {
    let checked = cmd!(sh, "cargo clippy -p carrel-server -p e2e --all-targets --features otel");
    checked.args(["--", "-D", "warnings"]).run()?;
    // As part of the whole workspace, whose libraries are then built once for every chore.
    cmd!(sh, "cargo build --workspace --bin carrel --features carrel-server/otel").run()?;
    let carrel = surroundings::built(sh, "debug")?.join("carrel");
    let models = test::fetch_model(sh, &carrel)?;
    let tests = cmd!(sh, "cargo test -p e2e --features otel --test e2e traces::");
    Ok(tests.env("CARREL_PROGRAM", carrel).env("CARREL_MODEL_DIR", models).run()?)
}
