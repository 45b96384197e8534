//! Targets, each of which takes any bytes and panics when a rule is broken, and a mutator that
//! makes bytes of a seed corpus. A run is repeated by its seed.
pub mod mutate;
pub mod targets;

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

pub use targets::{TARGETS, Target};

/// The seeds of a target, from `fuzz/corpus`, by the names of their files.
pub fn corpus(target: &Target) -> Result<Vec<Vec<u8>>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(target.name);
    let listed = fs::read_dir(&directory).with_context(|| directory.display().to_string())?;
    let mut files: Vec<_> =
        listed.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    files.sort();
    files.iter().map(|file| Ok(fs::read(file)?)).collect()
}
