//! The program that reads one file.
use std::path::PathBuf;

use anyhow::Context;
use carrel_documents::worker::Program;

use crate::cli::PARSE_WORKER;

/// This very program, as it reads one file; also after an update has put another in its place.
pub(super) fn program() -> anyhow::Result<Program> {
    let running = PathBuf::from("/proc/self/exe");
    let path = if running.exists() { Ok(running) } else { std::env::current_exe() };
    let path = path.context("failed to find this program's file")?;
    // The allocator would else set aside more at once than a reader of files may have.
    let environment = vec![("MIMALLOC_ARENA_RESERVE".into(), "0".into())];
    Ok(Program { path, arguments: vec![PARSE_WORKER.into()], environment })
}
