//! Rules of this repository that no compiler checks. All that is wrong is said at once.
mod files;
mod graph;

use anyhow::{Result, bail};
use xshell::Shell;

use crate::surroundings;

pub fn run(sh: &Shell) -> Result<()> {
    let mut problems = graph::problems(&surroundings::metadata(sh)?)?;
    problems.extend(files::problems(sh)?);
    problems.extend(files::migrations(sh)?);
    if !problems.is_empty() {
        bail!("tidy finds fault with this:\n  {}", problems.join("\n  "));
    }
    Ok(())
}
