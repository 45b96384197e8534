//! Imports a recorded installation and compares the answers of this server with those of the other.
use anyhow::{Result, bail};
use xshell::{Shell, cmd};

use crate::{surroundings, test};

/// The folder of recorded installations, next to the clone.
const INSTALLATIONS: &str = "../shared/import";

pub fn run(sh: &Shell, named: &[String]) -> Result<()> {
    let [name] = named else {
        bail!("name one installation: a folder, or the name of one in {INSTALLATIONS}");
    };
    let installation = surroundings::root().join(INSTALLATIONS).join(name);
    let folder = if installation.is_dir() { installation } else { name.into() };
    let carrel = test::build(sh)?;
    test::fetch_model(sh, &carrel)?;
    cmd!(sh, "cargo run -q -p e2e --bin import_check -- {folder}")
        .env("CARREL_PROGRAM", &carrel)
        .run()?;
    Ok(())
}
