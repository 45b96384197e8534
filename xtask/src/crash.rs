//! Kills the server under load, a number of times.
use anyhow::{Context, Result, bail};
use xshell::Shell;

use crate::test;

/// Default number of kills, which takes some minutes.
const USUAL: u32 = 1000;

pub fn run(sh: &Shell, arguments: &[String]) -> Result<()> {
    let kills = match arguments {
        [] => USUAL,
        [kills] => kills.parse().with_context(|| format!("`{kills}` is not a number of kills"))?,
        [_, extra, ..] => bail!("`crash` takes one number, and was given `{extra}` too"),
    };
    // Every test runner passes names after `--` to the test program.
    let which = ["-p", "e2e", "--", "crash::"].map(str::to_owned);
    test::run_with(sh, &which, &[("CARREL_CRASH_CYCLES", &kills.to_string())])
}
