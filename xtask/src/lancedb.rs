//! The feature `lancedb`: the rules for its libraries, its lints and its tests on the real library. No other
//! chore builds it, because it depends on 216 more libraries.
use anyhow::{Result, ensure};
use xshell::{Shell, cmd};

use crate::{supply, surroundings};

pub fn run(sh: &Shell) -> Result<()> {
    ensure!(surroundings::has("protoc"), "LanceDB is built with protoc; install protobuf-compiler");
    supply::deny_all(sh)?;
    // Without line tables, whose size is that of the rest.
    let _lean = sh.push_env("CARGO_PROFILE_DEV_DEBUG", "0");
    let packages = ["-p", "carrel-vectors", "-p", "carrel-server"];
    let feature = ["--features", "carrel-server/lancedb"];
    let lints = cmd!(sh, "cargo clippy {packages...} {feature...} --all-targets");
    lints.args(["--", "-D", "warnings"]).run()?;
    // What earlier runs have left.
    sh.remove_path(surroundings::built(sh, "tmp")?.join("lancedb"))?;
    // One command, so that both packages' tests use one build of the libraries.
    let tests =
        cmd!(sh, "cargo test {packages...} {feature...} --lib --test stores -- lance index::");
    Ok(tests.run()?)
}
