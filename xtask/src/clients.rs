//! Programs of others that the tests run against this server.
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use xshell::{Shell, cmd};

use crate::surroundings;

/// OpenAI's client for Python, as it is on the package index.
const OPENAI: &str = "openai==3.54.0";

/// Installs the clients into the cache unless they are there; gives the Python that knows them.
pub fn fetch(sh: &Shell) -> Result<PathBuf> {
    let place = surroundings::cache()?.join("clients").join(OPENAI.replace("==", "-"));
    let python = place.join("bin/python");
    if knows(sh, &python) {
        return Ok(python);
    }
    let unmade = "failed to make a Python environment; `./setup test` brings python3-venv";
    cmd!(sh, "python3 -m venv --clear {place}").run().context(unmade)?;
    let installed =
        cmd!(sh, "{python} -m pip install --quiet --disable-pip-version-check {OPENAI}");
    installed.run().with_context(|| {
        format!("failed to install {OPENAI} with pip, without which the tests cannot run")
    })?;
    Ok(python)
}

fn knows(sh: &Shell, python: &Path) -> bool {
    let asked = cmd!(sh, "{python} -c 'import openai'").quiet().ignore_stderr();
    python.is_file() && asked.run().is_ok()
}
