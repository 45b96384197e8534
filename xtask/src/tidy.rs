//! Checks rules of this repository that no compiler checks. Reports all problems at once.
pub mod adapter;
mod files;
mod graph;
mod methods;
pub mod quirks;
mod security;
mod words;

use anyhow::{Result, bail};
use xshell::Shell;

use crate::{plant, supply, surroundings};

pub fn run(sh: &Shell) -> Result<()> {
    let mut problems = graph::problems(&surroundings::metadata(sh)?)?;
    problems.extend(files::problems(sh)?);
    problems.extend(files::migrations(sh)?);
    problems.extend(supply::unused_here(sh)?);
    problems.extend(adapter::problems(sh)?);
    problems.extend(quirks::problems(sh)?);
    problems.extend(words::problems(sh)?);
    problems.extend(methods::problems(sh)?);
    problems.extend(security::problems(sh)?);
    let stale = plant::stale(sh)?;
    problems.extend(stale.iter().map(|name| format!("{name}.patch does not apply any more")));
    if !problems.is_empty() {
        bail!("tidy found problems:\n  {}", problems.join("\n  "));
    }
    Ok(())
}
